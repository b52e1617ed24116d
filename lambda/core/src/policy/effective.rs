//! What the policy means for one account, after defaults, overrides and the payer's own rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::contract;
use crate::identity::Role;
use crate::ids::{AccountId, InstanceId, RoleName, UserName};
use crate::mode::{Mode, least};
use crate::money::Usd;
use crate::trust::{Family, Outsider};

use super::document::{AccountSettings, Contain, Exempt, PolicyDocument, PolicyError, RoleResponse, UserResponse};
use super::words::{Dollars, KeyPrefix};

/// A checked policy: every account, named or not, has at least one limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    document: PolicyDocument,
}

/// Limits in force for one account; strictly more than a limit halts it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The most pending and running instances.
    pub instances: Option<u64>,
    /// The most vCPUs of them.
    pub vcpus: Option<u64>,
    /// The most US dollars an hour of what runs.
    pub burn: Option<Usd>,
    /// The most US dollars spent in 24 hours.
    pub spend_24h: Option<Usd>,
    /// The most US dollars charged in a calendar month.
    pub spend_month: Option<Usd>,
    /// The share of a limit from which people are warned.
    pub warn: f64,
}

/// Who is mailed about an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyList {
    /// The default list, which is also the payer's.
    Default,
    /// The account's own list.
    Own(AccountId),
}

/// Where the Cost and Usage Reports are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostReports {
    /// The payer's bucket.
    pub bucket: String,
    /// What their keys begin with: ends in a slash, or is empty for the whole bucket.
    pub prefix: String,
}

/// What the policy means for one account.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountPolicy {
    /// Which account.
    pub account: AccountId,
    /// What the policy calls it.
    pub name: Option<String>,
    /// How far the machine may go, as far as the policy and the account's own entry have a say.
    pub mode: Mode,
    /// Limits in force.
    pub limits: Limits,
    /// What a halt does.
    pub contain: Contain,
    /// What is never touched and never counted.
    pub exempt: Exempt,
    /// Who is mailed.
    pub notify: NotifyList,
    /// Users, roles and keys made within this time before a halt, or since, are not given back by a release.
    pub suspicion: SignedDuration,
    /// How long after a release the limit that had tripped is judged by what was added since.
    pub grace: SignedDuration,
    /// The organization, whose accounts a role may trust without being a back door.
    pub family: Arc<Family>,
}

impl Policy {
    /// Reads the policy that CDK packed with the function.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::new(serde_json::from_str(text)?)
    }

    /// Checks what the shape alone cannot: that nobody is left without a limit.
    pub fn new(document: PolicyDocument) -> Result<Self, PolicyError> {
        let limits = document.defaults.limits;
        if limits.instances.is_none() && limits.vcpus.is_none() && limits.burn.is_none() {
            return Err(PolicyError::NoLimit);
        }
        Ok(Self { document })
    }

    /// The policy with another default for `limits.instances`: the environment's `ec2limit`. Accounts with a limit of
    /// their own keep it.
    #[must_use]
    pub fn with_default_instance_limit(mut self, limit: u64) -> Self {
        self.document.defaults.limits.instances = Some(limit);
        self
    }

    /// The payer account.
    pub fn payer(&self) -> &AccountId {
        &self.document.payer
    }

    /// The organization's id.
    pub fn organization_id(&self) -> &str {
        &self.document.organization.id
    }

    /// How far the machine may go anywhere.
    pub fn mode(&self) -> Mode {
        self.document.mode
    }

    /// The most halts in any sixty minutes.
    pub fn halts_per_hour(&self) -> u32 {
        self.document.brake.halts_per_hour
    }

    /// Where the Cost and Usage Reports are, where the policy has them read: an adopted report's place, else that of
    /// the one we make.
    pub fn cost_reports(&self) -> Option<CostReports> {
        let settings = self.document.cur.as_ref()?;
        let prefix = settings.prefix.as_ref().map(KeyPrefix::as_folder);
        Some(match &settings.bucket {
            Some(adopted) => CostReports { bucket: adopted.as_str().to_owned(), prefix: prefix.unwrap_or_default() },
            None => CostReports {
                bucket: format!("{}{}", contract::REPORT_BUCKET_PREFIX, self.document.payer),
                prefix: prefix.unwrap_or_else(|| contract::REPORT_PREFIX.to_owned()),
            },
        })
    }

    /// What holds for one account, named in the policy or not.
    pub fn for_account(&self, account: &AccountId) -> AccountPolicy {
        let defaults = &self.document.defaults;
        let nothing_said = AccountSettings::default();
        let own = self.document.accounts.get(account).unwrap_or(&nothing_said);
        let is_payer = *account == self.document.payer;

        // No SCP binds the payer and its admins live there: unless its entry says otherwise, it is drilled and its
        // users are left.
        let own_mode = own.mode.unwrap_or(if is_payer { Mode::Drill } else { Mode::Proceed });
        let default_users = if is_payer { Some(UserResponse::Leave) } else { defaults.contain.users };
        let default_roles = if is_payer { Some(RoleResponse::Leave) } else { defaults.contain.roles };

        AccountPolicy {
            account: account.clone(),
            name: own.name.clone(),
            mode: least([self.document.mode, own_mode]),
            limits: Limits {
                instances: own.limits.instances.or(defaults.limits.instances),
                vcpus: own.limits.vcpus.or(defaults.limits.vcpus),
                burn: own.limits.burn.or(defaults.limits.burn).map(usd),
                spend_24h: own.limits.spend_24h.or(defaults.limits.spend_24h).map(usd),
                spend_month: own.limits.spend_month.or(defaults.limits.spend_month).map(usd),
                warn: own.limits.warn.or(defaults.limits.warn).unwrap_or_default().get(),
            },
            contain: Contain {
                instances: own.contain.instances.or(defaults.contain.instances).unwrap_or_default(),
                unstoppable: own.contain.unstoppable.or(defaults.contain.unstoppable).unwrap_or_default(),
                users: own.contain.users.or(default_users).unwrap_or_default(),
                roles: own.contain.roles.or(default_roles).unwrap_or_default(),
                quarantine: !is_payer && own.contain.quarantine.or(defaults.contain.quarantine).unwrap_or(true),
            },
            exempt: Exempt {
                users: defaults.exempt.users.union(&own.exempt.users).cloned().collect(),
                roles: defaults.exempt.roles.union(&own.exempt.roles).cloned().collect(),
                instances: defaults.exempt.instances.union(&own.exempt.instances).cloned().collect(),
            },
            notify: if own.notify.is_some() { NotifyList::Own(account.clone()) } else { NotifyList::Default },
            suspicion: self.document.suspicion.get(),
            grace: self.document.grace.get(),
            family: Arc::new(Family {
                organization: self.document.organization.id.clone(),
                accounts: BTreeSet::from([self.document.payer.clone()]),
            }),
        }
    }
}

fn usd(dollars: Dollars) -> Usd {
    Usd::from_dollars(dollars.get())
}

impl AccountPolicy {
    /// Whether the policy exempts an instance.
    pub fn exempts_instance(&self, id: &InstanceId) -> bool {
        self.exempt.instances.contains(id)
    }

    /// Whether the policy exempts a user. IAM compares user names without case, so this does too.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
    pub fn exempts_user(&self, name: &UserName) -> bool {
        self.exempt.users.iter().any(|exempt| exempt.as_str().eq_ignore_ascii_case(name.as_str()))
    }

    /// Who may take a session of a role and belongs neither to its account nor to the organization.
    pub fn strangers<'a>(&'a self, role: &'a Role) -> impl Iterator<Item = &'a Outsider> {
        role.outsiders.iter().filter(|outsider| !self.family.includes(outsider))
    }

    /// Whether the policy exempts a role.
    pub fn exempts_role(&self, name: &RoleName) -> bool {
        self.exempt.roles.iter().any(|exempt| exempt.as_str().eq_ignore_ascii_case(name.as_str()))
    }
}

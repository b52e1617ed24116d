//! What the policy means for one account, after defaults, overrides and the payer's own rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Deserialize;

use crate::contract;
use crate::measure::limit::{LIMITS, Limit};
use crate::vocabulary::ids::{AccountId, InstanceId, Region, RoleName, UserName};
use crate::vocabulary::mode::{Mode, least};

use super::document::{
    AccountSettings, Contain, Exempt, LimitSettings, PolicyDocument, PolicyError, RoleResponse, UserResponse,
};
use super::strict::Strict;
use super::trust::Principal;
use super::trusted::Trusted;
use super::values::{Count, KeyPrefix};

/// A checked policy: every account, named or not, has at least one limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    document: PolicyDocument,
}

/// Limits in force for one account; strictly more than a limit halts it, or freezes it for purchases.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Limits {
    /// Each limit that is set, in its unit: money in millionths of a US dollar.
    pub thresholds: BTreeMap<Limit, u64>,
    /// The share of a limit from which people are warned.
    pub warn: f64,
}

impl Limits {
    /// The account's own settings, and the defaults where it has none.
    fn of(own: &LimitSettings, defaults: &LimitSettings) -> Self {
        let set = |limit| Some((limit, own.of(limit).or(defaults.of(limit))?));
        Self {
            thresholds: LIMITS.iter().filter_map(|row| set(row.limit)).collect(),
            warn: own.warn.or(defaults.warn).unwrap_or_default().get(),
        }
    }
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
    /// Whether the report is one that the deployment makes; AWS writes the first some hours to a day after it.
    pub is_made: bool,
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
    /// Whether it is the payer, which no service control policy binds.
    pub is_payer: bool,
    /// Regions of which the policy says that the organization denies them: nobody looks there.
    pub closed_regions: BTreeSet<Region>,
    /// Regions that the organization denies as far as can be told from what befell its accounts: to be refused there is
    /// no gap.
    pub denied_regions: BTreeSet<Region>,
    /// Who outside of the account may assume its roles without being an outsider.
    pub trusted: Trusted,
}

impl Policy {
    /// Reads the policy that CDK packed with the function.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::new(PolicyDocument::deserialize(Strict(serde_json::from_str(text)?))?)
    }

    /// Checks what the shape alone cannot: that nobody is left without a limit.
    pub fn new(document: PolicyDocument) -> Result<Self, PolicyError> {
        let limits = document.defaults.limits;
        if !LIMITS.iter().any(|row| row.limit.is_of_running() && limits.of(row.limit).is_some()) {
            return Err(PolicyError::NoLimit);
        }
        Ok(Self { document })
    }

    /// The policy with another default for `limits.instances`: the environment's `ec2limit`. Accounts with a limit of
    /// their own keep it.
    #[must_use]
    pub fn with_default_instance_limit(mut self, limit: u64) -> Self {
        self.document.defaults.limits.instances = Some(Count::nearest(limit));
        self
    }

    /// What was written, checked.
    pub fn document(&self) -> &PolicyDocument {
        &self.document
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
        self.document.brake.halts_per_hour.get()
    }

    /// Where the Cost and Usage Reports are, where the policy has them read: an adopted report's place, else that of
    /// the one we make.
    pub fn cost_reports(&self) -> Option<CostReports> {
        let settings = self.document.cur.as_ref()?;
        let prefix = settings.prefix.as_ref().map(KeyPrefix::as_folder);
        Some(match &settings.bucket {
            Some(adopted) => {
                CostReports { bucket: adopted.as_str().to_owned(), prefix: prefix.unwrap_or_default(), is_made: false }
            }
            None => CostReports {
                bucket: format!("{}{}", contract::REPORT_BUCKET_PREFIX, self.document.payer),
                prefix: prefix.unwrap_or_else(|| contract::REPORT_PREFIX.to_owned()),
                is_made: true,
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

        let quarantine = !is_payer && own.contain.quarantine.or(defaults.contain.quarantine).unwrap_or(true);
        AccountPolicy {
            account: account.clone(),
            name: own.name.clone(),
            mode: least([self.document.mode, own_mode]),
            limits: Limits::of(&own.limits, &defaults.limits),
            contain: Contain {
                instances: own.contain.instances.or(defaults.contain.instances).unwrap_or_default(),
                unstoppable: own.contain.unstoppable.or(defaults.contain.unstoppable).unwrap_or_default(),
                instance_store: own.contain.instance_store.or(defaults.contain.instance_store).unwrap_or_default(),
                users: own.contain.users.or(default_users).unwrap_or_default(),
                roles: own.contain.roles.or(default_roles).unwrap_or_default(),
                root: own.contain.root.or(defaults.contain.root).filter(|_| !is_payer).unwrap_or_default(),
                quarantine,
                models: quarantine && own.contain.models.or(defaults.contain.models).unwrap_or(true),
                lockdown: !is_payer && own.contain.lockdown.or(defaults.contain.lockdown).unwrap_or(false),
            },
            exempt: Exempt {
                users: defaults.exempt.users.union(&own.exempt.users).cloned().collect(),
                roles: defaults.exempt.roles.union(&own.exempt.roles).cloned().collect(),
                instances: defaults.exempt.instances.union(&own.exempt.instances).cloned().collect(),
            },
            notify: if own.notify.is_some() { NotifyList::Own(account.clone()) } else { NotifyList::Default },
            suspicion: self.document.suspicion.get(),
            grace: self.document.grace.get(),
            is_payer,
            closed_regions: self.document.organization.closed_regions.clone(),
            denied_regions: BTreeSet::new(),
            trusted: Trusted::of(account, &self.document.payer, [&defaults.trusted, &own.trusted]),
        }
    }
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

    /// Whether the policy exempts a role.
    pub fn exempts_role(&self, name: &RoleName) -> bool {
        self.exempt.roles.iter().any(|exempt| exempt.as_str().eq_ignore_ascii_case(name.as_str()))
    }
    /// Whether somebody whom a trust policy admits comes from outside, and is not trusted to.
    pub fn is_outsider(&self, principal: &Principal) -> bool {
        !principal.is_inside(&self.account) && !self.trusted.includes(principal)
    }
}

//! What the policy means for one account, after defaults, units, the account's own entry and the payer's own rule.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Deserialize;

use crate::contract;
use crate::measure::limit::{LIMITS, Limit};
use crate::vocabulary::ids::{AccountId, InstanceId, Region, RoleName, UnitId, UserName};
use crate::vocabulary::mode::{Mode, least};

use super::document::{
    AccountSettings, Contain, ContainSettings, Exempt, LimitSettings, PolicyDocument, PolicyError, RoleResponse,
    Settings, UserResponse,
};
use super::strict::Strict;
use super::trust::Principal;
use super::trusted::{Trusted, TrustedSettings};
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
    fn of(layers: &Layers<'_>) -> Self {
        let set = |limit| Some((limit, layers.innermost(|layer| layer.limits.of(limit))?));
        Self {
            thresholds: LIMITS.iter().filter_map(|row| set(row.limit)).collect(),
            warn: layers.innermost(|layer| layer.limits.warn).unwrap_or_default().get(),
        }
    }

    /// Of each the looser one; one that only one of both has is none.
    fn looser(mut self, other: &Self) -> Self {
        self.thresholds.retain(|limit, threshold| {
            let others = other.thresholds.get(limit);
            *threshold = (*threshold).max(others.copied().unwrap_or_default());
            others.is_some()
        });
        Self { warn: self.warn.max(other.warn), ..self }
    }
}

/// A part of the policy that holds for an account: the keys that defaults, units and accounts have in common.
#[derive(Debug, Clone, Copy)]
struct Layer<'a> {
    limits: &'a LimitSettings,
    contain: &'a ContainSettings,
    exempt: &'a Exempt,
    trusted: &'a TrustedSettings,
}

impl<'a> From<&'a Settings> for Layer<'a> {
    fn from(Settings { limits, contain, exempt, trusted, .. }: &'a Settings) -> Self {
        Self { limits, contain, exempt, trusted }
    }
}

impl<'a> From<&'a AccountSettings> for Layer<'a> {
    fn from(AccountSettings { limits, contain, exempt, trusted, .. }: &'a AccountSettings) -> Self {
        Self { limits, contain, exempt, trusted }
    }
}

/// The parts of the policy that hold for an account, one over the other: the defaults, its units from the outermost to
/// the innermost, its own entry.
struct Layers<'a>(Vec<Layer<'a>>);

impl<'a> Layers<'a> {
    /// What the innermost says of those that set a key.
    fn innermost<T>(&self, key: impl Fn(&Layer<'a>) -> Option<T>) -> Option<T> {
        self.0.iter().rev().find_map(key)
    }

    /// What all of them have in a list.
    fn all<T: Ord + Clone + 'a>(&self, list: impl Fn(&Layer<'a>) -> &'a BTreeSet<T>) -> BTreeSet<T> {
        self.0.iter().flat_map(list).cloned().collect()
    }
}

/// Who is mailed about an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotifyList {
    /// The default list, which is also the payer's.
    Default,
    /// The list of a unit that the account is in.
    Unit(UnitId),
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
    /// How far the machine may go, as far as the policy, the account's units and its own entry have a say.
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

    /// The policy with another default for `limits.instances`: the environment's `ec2limit`. Accounts and units with a
    /// limit of their own keep it.
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

    /// Whether a chat is told what the default list is mailed.
    pub fn has_chat(&self) -> bool {
        self.document.chat.is_some()
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

    /// The bucket that a distributed sweep goes through, where the policy has sweeps distributed.
    pub fn sweep_bucket(&self) -> Option<String> {
        self.document.scale.map(|_| format!("{}{}", contract::SWEEP_BUCKET_PREFIX, self.document.payer))
    }

    /// Whether it matters to the policy in which units an account is.
    pub fn has_units(&self) -> bool {
        !self.document.units.is_empty()
    }

    /// What holds for one account, named in the policy or not: the defaults, over them the units that it is in, from
    /// the outermost to the innermost (those that the policy does not name say nothing), over them its own entry.
    ///
    /// `units` is nothing where nobody could tell in which units it is. That is our own trouble, and nobody is halted
    /// for it; nor is anybody let go: whatever holds for the account then holds as the mildest that it may be, of the
    /// defaults alone and of every unit. A limit is the highest of them and none where one of them has none, a response
    /// the mildest, the mode the least, and whatever is exempt or trusted anywhere is so. A thief in a sandbox may come
    /// up to the limit of the research units, but no further; work that a research unit permits is not halted by the
    /// defaults, and nothing is terminated or deleted that a unit would only stop. What the account's own entry says
    /// holds all the same. As soon as the units are known the next sweep judges by them, and does to a halted account
    /// what is missing.
    pub fn for_account(&self, account: &AccountId, units: Option<&[UnitId]>) -> AccountPolicy {
        let named = |unit: &UnitId| self.document.units.get_key_value(unit);
        match units {
            Some(units) => self.inside(account, &units.iter().filter_map(named).collect::<Vec<_>>()),
            None => {
                let each = self.document.units.iter().map(|unit| self.inside(account, &[unit]));
                each.fold(self.inside(account, &[]), AccountPolicy::milder)
            }
        }
    }

    fn inside(&self, account: &AccountId, units: &[(&UnitId, &AccountSettings)]) -> AccountPolicy {
        let defaults = &self.document.defaults;
        let nothing_said = AccountSettings::default();
        let own = self.document.accounts.get(account).unwrap_or(&nothing_said);
        let is_payer = *account == self.document.payer;
        let of_units = units.iter().map(|(_, unit)| Layer::from(*unit));
        let layers = Layers([Layer::from(defaults)].into_iter().chain(of_units).chain([Layer::from(own)]).collect());

        // A pilot account goes further than its unit, and one that is only drilled does not as its unit does. No SCP
        // binds the payer and its admins live there: unless its own entry says otherwise it is drilled and its users
        // are left, whatever unit it may be in.
        let of_units = units.iter().rev().find_map(|(_, unit)| unit.mode).unwrap_or(Mode::Proceed);
        let own_mode = own.mode.unwrap_or(if is_payer { least([Mode::Drill, of_units]) } else { of_units });
        let (users, roles) = if is_payer {
            let (users, roles) = (own.contain.users, own.contain.roles);
            (users.or(Some(UserResponse::Leave)), roles.or(Some(RoleResponse::Leave)))
        } else {
            (layers.innermost(|layer| layer.contain.users), layers.innermost(|layer| layer.contain.roles))
        };

        let quarantine = !is_payer && layers.innermost(|layer| layer.contain.quarantine).unwrap_or(true);
        let list_of_unit = units.iter().rev().find(|(_, unit)| unit.notify.is_some());
        AccountPolicy {
            account: account.clone(),
            name: own.name.clone(),
            mode: least([self.document.mode, own_mode]),
            limits: Limits::of(&layers),
            contain: Contain {
                instances: layers.innermost(|layer| layer.contain.instances).unwrap_or_default(),
                unstoppable: layers.innermost(|layer| layer.contain.unstoppable).unwrap_or_default(),
                instance_store: layers.innermost(|layer| layer.contain.instance_store).unwrap_or_default(),
                users: users.unwrap_or_default(),
                roles: roles.unwrap_or_default(),
                root: layers.innermost(|layer| layer.contain.root).filter(|_| !is_payer).unwrap_or_default(),
                quarantine,
                models: quarantine && layers.innermost(|layer| layer.contain.models).unwrap_or(true),
                lockdown: !is_payer && layers.innermost(|layer| layer.contain.lockdown).unwrap_or(false),
            },
            exempt: Exempt {
                users: layers.all(|layer| &layer.exempt.users),
                roles: layers.all(|layer| &layer.exempt.roles),
                instances: layers.all(|layer| &layer.exempt.instances),
            },
            notify: match list_of_unit {
                _ if own.notify.is_some() => NotifyList::Own(account.clone()),
                Some((unit, _)) => NotifyList::Unit((*unit).clone()),
                None => NotifyList::Default,
            },
            suspicion: self.document.suspicion.get(),
            grace: self.document.grace.get(),
            is_payer,
            closed_regions: self.document.organization.closed_regions.clone(),
            denied_regions: BTreeSet::new(),
            trusted: Trusted::of(
                account,
                &self.document.payer,
                &layers.0.iter().map(|layer| layer.trusted).collect::<Vec<_>>(),
            ),
        }
    }
}

impl AccountPolicy {
    /// Of each value the milder one, of two that may hold for the same account; the default list where they differ.
    fn milder(mut self, other: Self) -> Self {
        // Looking harms nobody: it is left out only where every unit would leave it out.
        self.mode = match least([self.mode, other.mode]) {
            Mode::Pass if self.mode != other.mode => Mode::Drill,
            least => least,
        };
        self.limits = self.limits.looser(&other.limits);
        self.contain = self.contain.milder(other.contain);
        self.exempt.users.extend(other.exempt.users);
        self.exempt.roles.extend(other.exempt.roles);
        self.exempt.instances.extend(other.exempt.instances);
        self.trusted = self.trusted.with(other.trusted);
        if self.notify != other.notify {
            self.notify = NotifyList::Default;
        }
        self
    }

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

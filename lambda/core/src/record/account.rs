//! The record of an account: its state, its halt, and the last numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::measure::limit::Limit;
use crate::measure::spend::{Charges, SpendPardon, SpendSeen};
use crate::measure::summary::Summary;
use crate::policy::Exception;
use crate::record::history::HourPeak;
use crate::record::permissions::Permissions;
use crate::record::regions::KnownRegions;
use crate::resource::{Circumstances, Refusals};
use crate::verdict::{Grace, Judgement, Pardon};
use crate::vocabulary::ids::{AccountId, HaltId, Region};
use crate::vocabulary::money::Usd;

/// Where an account stands. `Unseen` is not among these: it is a flag beside the state, so that blinding us resets
/// nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Within its limits.
    #[default]
    Ok,
    /// Close to a limit, or past one in an account that may only be drilled.
    Warned,
    /// Being contained; not yet proven to hold.
    Halting,
    /// Not contained but quarantined, for a [`FreezeReason`]. Nothing in it can grow.
    Frozen,
    /// Contained, verified, and kept so until somebody releases it.
    Halted,
    /// Given back, in its grace.
    Released,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Ok, Self::Warned, Self::Halting, Self::Frozen, Self::Halted, Self::Released];

    /// Whether a halt stands, proven or not. Only a release ends it.
    pub fn is_halt(self) -> bool {
        match self {
            Self::Halting | Self::Halted => true,
            Self::Ok | Self::Warned | Self::Frozen | Self::Released => false,
        }
    }

    /// Whether something of ours is on the account, so that the guard must not be taken away from under it.
    pub fn is_contained(self) -> bool {
        match self {
            Self::Halting | Self::Halted | Self::Frozen => true,
            Self::Ok | Self::Warned | Self::Released => false,
        }
    }
}

/// A halt of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Halt {
    /// Its id; the journal's entries carry it.
    pub id: HaltId,
    /// When the limit was found passed.
    pub tripped: Timestamp,
    /// What ran at that moment, as far as was seen.
    pub before: Summary,
    /// When two clean passes proved that nothing runs any more.
    pub contained: Option<Timestamp>,
    /// Whether the outcome was mailed: once a halt, whatever comes later.
    pub outcome_told: bool,
    /// Whether it was mailed that the halt is not proven, for calls are denied to us; what it comes to in the end is
    /// another mail.
    #[serde(default)]
    pub denials_told: bool,
    /// When the last user or role was locked out so far, and could no longer assume a role: sessions of roles that were
    /// issued until then are revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_out: Option<Timestamp>,
    /// The limits that tripped, each with what was counted. Empty where somebody ordered the halt.
    #[serde(default)]
    pub tripped_limits: BTreeMap<Limit, u64>,
    /// Why the account is only frozen, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub freeze: Option<FreezeReason>,
}

/// Why an account is frozen rather than halted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreezeReason {
    /// Past a limit, but the brake holds. People decide what becomes of it.
    Brake,
    /// Past a limit, but the brake could not be asked. It is asked again.
    BrakeUnknown,
    /// Our role worked before and is refused.
    ShutOut,
    /// Somebody uses up the account's quota of the calls by which it is watched.
    Throttled,
    /// More was bought than the policy allows. People decide what becomes of it; whatever passes a limit on what runs
    /// meanwhile halts it all the same.
    Purchases,
}

impl FreezeReason {
    /// Whether the freeze ends by itself once the account is seen whole and nothing in it has tripped.
    pub fn ends_by_itself(self) -> bool {
        match self {
            Self::BrakeUnknown | Self::ShutOut | Self::Throttled => true,
            Self::Brake | Self::Purchases => false,
        }
    }
}

impl Halt {
    /// Whether what was spent tripped it.
    pub fn is_of_spend(&self) -> bool {
        self.tripped_limits.keys().any(|limit| !limit.is_of_running())
    }

    /// Whether spend alone tripped it, and what ran when it began does not account for it: nothing did, or not half of
    /// what a day came to. Whatever the money goes to may run on where nobody looked.
    pub fn is_unexplained(&self) -> bool {
        let hours = 24;
        let ran_for_a_day = self.before.burn.total().as_micros().saturating_mul(hours);
        let nothing_ran = self.before.instances + self.before.exempt == 0;
        let falls_short = |(limit, spent): (&Limit, &u64)| *limit == Limit::Spend24h && ran_for_a_day < *spent / 2;
        let by_spend_alone =
            !self.tripped_limits.is_empty() && self.tripped_limits.keys().all(|limit| !limit.is_of_running());
        by_spend_alone && (nothing_ran || self.tripped_limits.iter().any(falls_short))
    }
}

/// An earlier halt of an account whose changes may still stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierHalt {
    /// Its id; the journal's entries carry it.
    pub id: HaltId,
    /// When it began.
    pub tripped: Timestamp,
}

/// So many earlier halts are remembered at most: a record is read and written in every sweep. What the oldest one
/// changed is then no longer known to be ours.
pub const MOST_EARLIER_HALTS: usize = 50;

/// So long a request for a release holds off whoever contains the account.
pub const RELEASE_WAIT: SignedDuration = SignedDuration::from_mins(2);

/// The last warning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warned {
    /// When it was mailed.
    pub at: Timestamp,
    /// What it said.
    pub level: Judgement,
}

/// How long and why an account cannot be seen whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unseen {
    /// Since when.
    pub since: Timestamp,
    /// How many sweeps in a row.
    pub sweeps: u32,
    /// What went wrong, in words.
    pub why: String,
    /// Since when we are refused the account as a whole, if we are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_since: Option<Timestamp>,
    /// Whether people were told that it cannot be seen.
    #[serde(default)]
    pub told: bool,
    /// Whether people were told that it refuses us.
    #[serde(default)]
    pub refusal_told: bool,
    /// How many sweeps in a row, to the last one, somebody used up the quota of calls by which it is watched.
    #[serde(default)]
    pub throttled: u32,
}

/// What is remembered of one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountRecord {
    /// Which account.
    pub account: AccountId,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why, in words.
    pub why: String,
    /// The last judgement, so that only a worse one is news.
    pub judgement: Judgement,
    /// When people were last warned, and how badly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned: Option<Warned>,
    /// The grace after a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Grace>,
    /// The halt that is running or standing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// Halts before that one of which not everything was given back, the oldest first: whatever they hold locked, a
    /// later halt finds locked already and does not touch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_halts: Vec<EarlierHalt>,
    /// When a release gave back all that its halts had changed; `None` while something may stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Timestamp>,
    /// When somebody asked for its release while it was being contained: whoever contains it ends at once, and nobody
    /// begins for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_requested: Option<Timestamp>,
    /// Whether our role ever worked in it.
    #[serde(default)]
    pub reached: bool,
    /// Where in the organization it was when our role last worked in it, as Organizations writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether the account cannot be seen whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<Unseen>,
    /// When people were last told that it cannot be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen_told: Option<Timestamp>,
    /// The last observation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Summary>,
    /// What is known of its regions.
    #[serde(default, skip_serializing_if = "KnownRegions::is_empty")]
    pub regions: KnownRegions,
    /// In the payer's record: the regions of which people were told that the organization denies them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub denied_told: BTreeSet<Region>,
    /// What was charged lately, reading by reading.
    #[serde(default, skip_serializing_if = "Charges::is_empty")]
    pub charges: Charges,
    /// What was spent, as far as it is known.
    #[serde(default)]
    pub spend: SpendSeen,
    /// What had been bought when people were last told of it; nothing once it is within its limit again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purchases_told: Option<Usd>,
    /// From where on its spend counts, after a release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spend_pardon: Option<SpendPardon>,
    /// What our role may do in it.
    #[serde(default, deserialize_with = "if_it_can_be_read", skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Limits of it that are raised for a time.
    #[serde(default, deserialize_with = "if_it_can_be_read", skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// The peak of the current hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hour: Option<HourPeak>,
}

/// What stands beside the record: where a later version wrote it, it must not make unreadable all else, without which
/// no halt is begun or released. Permissions are asked again, and without its exception an account is judged by its own
/// limits.
fn if_it_can_be_read<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let stored = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(stored).unwrap_or_default())
}

impl AccountRecord {
    /// An account that was never swept.
    pub fn new(account: AccountId, now: Timestamp) -> Self {
        Self {
            account,
            name: None,
            state: State::Ok,
            since: now,
            why: "first seen".to_owned(),
            judgement: Judgement::Ok,
            warned: None,
            grace: None,
            halt: None,
            earlier_halts: Vec::new(),
            restored: None,
            release_requested: None,
            reached: false,
            path: None,
            unseen: None,
            unseen_told: None,
            last: None,
            regions: KnownRegions::default(),
            denied_told: BTreeSet::new(),
            charges: Charges::default(),
            spend: SpendSeen::default(),
            purchases_told: None,
            spend_pardon: None,
            permissions: None,
            exception: None,
            hour: None,
        }
    }

    /// What a plan for this account rests on: the halt that stands, or one that would begin now.
    pub fn circumstances(&self, refusals: &Refusals, now: Timestamp) -> Circumstances {
        let standing = self.halt.as_ref().filter(|_| self.state.is_halt());
        let tripped = standing.map_or(now, |halt| halt.tripped);
        let locked_out = standing.and_then(|halt| halt.locked_out).map_or(tripped, |time| time.max(tripped));
        Circumstances { tripped, locked_out, refusals: refusals.clone() }
    }

    /// Whether this is the first sweep of an hour, as far as sweeps were recorded.
    pub fn begins_an_hour(&self, now: Timestamp) -> bool {
        !self.hour.as_ref().is_some_and(|hour| hour.is_of_now(now))
    }

    /// Takes in that somebody was locked out in its halt at a time; an earlier one than is known changes nothing.
    pub fn lock_out(&mut self, time: Option<Timestamp>) {
        if let Some(halt) = &mut self.halt {
            halt.locked_out = halt.locked_out.max(time);
        }
    }

    /// Since when it is contained, where it is: since its halt or freeze began, proven or not.
    pub fn contained_since(&self) -> Timestamp {
        self.halt.as_ref().filter(|_| self.state.is_contained()).map_or(self.since, |halt| halt.tripped)
    }

    /// Why it is only frozen, where it is. A freeze from before the reasons were kept waits for people.
    pub fn freeze(&self) -> Option<FreezeReason> {
        let reason = || self.halt.as_ref().and_then(|halt| halt.freeze).unwrap_or(FreezeReason::Brake);
        (self.state == State::Frozen).then(reason)
    }

    /// What its last release lets pass.
    pub fn pardon(&self, now: Timestamp) -> Pardon<'_> {
        Pardon { grace: self.grace.as_ref().filter(|grace| now < grace.until), spend: self.spend_pardon.as_ref() }
    }

    /// Whether somebody waits to release it. One who asked and was killed is not waited for.
    pub fn awaits_release(&self, now: Timestamp) -> bool {
        self.release_requested.is_some_and(|asked| now.duration_since(asked) < RELEASE_WAIT)
    }

    /// Takes a new halt in the place of the last one, which is remembered as long as something that it changed may
    /// stand.
    pub(crate) fn begin(&mut self, halt: Halt) {
        let last = self.halt.take().filter(|last| last.id != halt.id && self.restored.is_none());
        self.earlier_halts.extend(last.map(|last| EarlierHalt { id: last.id, tripped: last.tripped }));
        let too_many = self.earlier_halts.len().saturating_sub(MOST_EARLIER_HALTS);
        self.earlier_halts.drain(..too_many);
        self.restored = None;
        self.halt = Some(halt);
    }

    /// Every halt of which something may stand, the oldest first.
    pub fn halts(&self) -> impl Iterator<Item = EarlierHalt> {
        let last = self.halt.iter().map(|halt| EarlierHalt { id: halt.id.clone(), tripped: halt.tripped });
        self.earlier_halts.iter().cloned().chain(last)
    }

    /// Enters a state; `since` moves only where it is another one.
    pub(crate) fn enter(&mut self, state: State, why: String, now: Timestamp) {
        if self.state != state {
            self.state = state;
            self.since = now;
        }
        self.why = why;
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "Ok",
            Self::Warned => "Warned",
            Self::Halting => "Halting",
            Self::Frozen => "Frozen",
            Self::Halted => "Halted",
            Self::Released => "Released",
        })
    }
}

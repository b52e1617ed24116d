//! What comes in a live drill, and when.

use std::time::Duration;

use runawaytrain_core::contract::{HOME_REGION, LOG_GROUP};
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::{Act as _, Action, Kind, Part};
use runawaytrain_core::vocabulary::ids::HaltId;
use runawaytrain_core::vocabulary::text::clean;
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;

use crate::cloud::instances::Stage;

/// What comes in a live drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// EC2 took the launch.
    Launched,
    /// The instance runs, or ran.
    Running,
    /// The guard found it, and began a halt.
    Found,
    /// The instance is stopped.
    Stopped,
    /// The quarantine is attached.
    Quarantined,
    /// Users and roles are locked out.
    LockedOut,
    /// Two clean looks proved that it holds.
    Proven,
    /// SNS took every mail about it.
    Mailed,
}

impl Step {
    /// Those that come under a policy.
    pub fn expected(policy: &AccountPolicy) -> Vec<Self> {
        let all = [
            Self::Launched,
            Self::Running,
            Self::Found,
            Self::Stopped,
            Self::Quarantined,
            Self::LockedOut,
            Self::Proven,
            Self::Mailed,
        ];
        all.into_iter().filter(|step| *step != Self::Quarantined || policy.contain.quarantine).collect()
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Launched => "launched",
            Self::Running => "running",
            Self::Found => "found: the account is being halted",
            Self::Stopped => "the instance is stopped",
            Self::Quarantined => "the quarantine is attached",
            Self::LockedOut => "users and roles are locked out",
            Self::Proven => "proven: two clean looks",
            Self::Mailed => "SNS took the mails",
        }
    }

    /// What to look at where it does not come.
    pub fn look_at(self, account: &str) -> String {
        match self {
            Self::Launched | Self::Running => format!("the instance, in the EC2 console of {account}"),
            Self::Found => format!(
                "runawaytrain doctor --after; aws logs tail {LOG_GROUP} --region {HOME_REGION} --since 30m; whether the \
                 function's variable envaction is pass"
            ),
            Self::Stopped | Self::Quarantined | Self::LockedOut | Self::Proven => {
                format!("runawaytrain history {account}, which has every call of the halt")
            }
            Self::Mailed => format!(
                "runawaytrain doctor --after, which names topics that nobody gets mail of; aws logs tail {LOG_GROUP} \
                 --region {HOME_REGION} --since 30m"
            ),
        }
    }
}

/// What is known at one moment of a drill. What could not be read is as it was before.
#[derive(Debug, Clone, Copy)]
pub struct Sighting<'a> {
    /// Where the instance is in its life.
    pub instance: Option<Stage>,
    /// The halt that the record told of before the launch: not this one's.
    pub before: Option<&'a HaltId>,
    /// What the guard remembers of the account.
    pub record: Option<&'a AccountRecord>,
    /// What it did in this halt.
    pub entries: &'a [JournalEntry],
    /// Whether a mail about the account waits for SNS; nothing where that is not known.
    pub mails_wait: Option<bool>,
}

impl<'a> Sighting<'a> {
    /// The halt that the drill caused.
    pub fn halt(&self) -> Option<&'a Halt> {
        self.record?.halt.as_ref().filter(|halt| Some(&halt.id) != self.before && halt.freeze.is_none())
    }

    /// Why no halt will come of it, where none will.
    pub fn obstacle(&self) -> Option<String> {
        let record = self.record.filter(|record| record.state == State::Frozen)?;
        Some(format!("the guard only froze the account: {}", clean(&record.why)))
    }

    fn concluded(&self, is_it: impl Fn(&Action) -> bool) -> impl Iterator<Item = bool> {
        let of_it = self.entries.iter().filter(move |entry| is_it(&entry.action));
        of_it.map(|entry| entry.concluded.as_ref().is_some_and(|(_, result)| result.failure().is_none()))
    }

    fn is_proven(&self) -> bool {
        let is_halted = self.record.is_some_and(|record| record.state == State::Halted);
        is_halted && self.halt().is_some_and(|halt| halt.contained.is_some())
    }

    /// How many calls locked somebody out, where all that began are concluded.
    fn locks(&self) -> Option<usize> {
        let locks: Vec<bool> = self.concluded(|action| action.part() == Part::Lock).collect();
        locks.iter().all(|is_done| *is_done).then_some(locks.len())
    }

    /// Whether it has come to this. Lockouts come one by one: of them [`Timeline`] says when they were the last.
    fn has_come_to(&self, step: Step) -> bool {
        let is_found = self.halt().is_some();
        match step {
            Step::Launched => true,
            Step::Running => self.instance.is_some_and(|stage| stage != Stage::Pending),
            Step::Found => is_found,
            Step::Stopped => is_found && matches!(self.instance, Some(Stage::Stopped | Stage::Terminated)),
            Step::Quarantined => {
                is_found && self.concluded(|action| action.kind() == Kind::Quarantine).any(|done| done)
            }
            Step::LockedOut => self.is_proven(),
            Step::Proven => self.is_proven(),
            Step::Mailed => {
                let is_told = self.halt().is_some_and(|halt| halt.outcome_told);
                self.is_proven() && is_told && self.mails_wait == Some(false)
            }
        }
    }
}

/// A step that came.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Came {
    /// Which.
    pub step: Step,
    /// After the launch; when it was first seen, at the most a look later than it was.
    pub seconds: f64,
}

/// What came of a drill, and when.
#[derive(Debug, Clone)]
pub struct Timeline {
    expected: Vec<Step>,
    came: Vec<Came>,
    /// How many lockouts there were, and since when.
    locks: Option<(usize, Duration)>,
}

impl Timeline {
    /// Nothing came yet.
    pub fn new(expected: Vec<Step>) -> Self {
        Self { expected, came: Vec::new(), locks: None }
    }

    /// Takes in what is known so long after the launch. What came since the last time.
    pub fn see(&mut self, sighting: &Sighting<'_>, at: Duration) -> Vec<Came> {
        let locked = self.locked_out(sighting, at);
        let mut fresh = Vec::new();
        for step in self.expected.iter().copied().filter(|step| !self.has(*step)) {
            let since = match step {
                Step::LockedOut => locked.or_else(|| sighting.is_proven().then_some(at)),
                _ => sighting.has_come_to(step).then_some(at),
            };
            fresh.extend(since.map(|since| Came { step, seconds: tenths(since) }));
        }
        self.came.extend(&fresh);
        self.came.sort_by(|one, other| one.seconds.total_cmp(&other.seconds).then(one.step.cmp(&other.step)));
        fresh
    }

    /// When the lockouts were complete: two looks in a row saw as many, all of them done.
    fn locked_out(&mut self, sighting: &Sighting<'_>, at: Duration) -> Option<Duration> {
        let number = sighting.halt().and_then(|_| sighting.locks()).filter(|number| *number > 0)?;
        match self.locks {
            Some((before, since)) if before == number => Some(since),
            _ => {
                self.locks = Some((number, at));
                None
            }
        }
    }

    /// Whether a step came.
    pub fn has(&self, step: Step) -> bool {
        self.seconds(step).is_some()
    }

    /// When a step came.
    pub fn seconds(&self, step: Step) -> Option<f64> {
        self.came.iter().find(|came| came.step == step).map(|came| came.seconds)
    }

    /// What came, in order.
    pub fn came(&self) -> &[Came] {
        &self.came
    }

    /// What did not come.
    pub fn missing(&self) -> Vec<Step> {
        self.expected.iter().copied().filter(|step| !self.has(*step)).collect()
    }
}

/// To a tenth: looks are further apart.
pub fn tenths(time: Duration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

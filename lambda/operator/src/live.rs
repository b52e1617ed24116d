//! A live drill: whether it may begin, what came of it and when, what it gives back, and what only AWS could tell.
//! Plain data; `commands/live.rs` asks AWS and the guard.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::contract::{HOME_REGION, LOG_GROUP};
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::policy::{AccountPolicy, CanarySettings, InstanceResponse, Policy, RootResponse, UserResponse};
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::users::Action as OfUser;
use runawaytrain_core::resource::{Act as _, Action, Asked, Kind, Part, SkipReason, Undo};
use runawaytrain_core::vocabulary::ids::HaltId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::text::{clean, count, some_of};
use runawaytrain_engine::ports::JournalEntry;
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Account, Skipped};
use crate::cloud::instances::Stage;
use crate::problem::Problem;

/// Of many gaps only so many are told.
const NAMED: usize = 3;
/// Those of [`SkipReason`] that no later release can do anything about. The guard's answer has them in words.
const FINAL: [SkipReason; 6] = [
    SkipReason::OldSessions,
    SkipReason::Gone,
    SkipReason::Erased,
    SkipReason::NotOurs,
    SkipReason::GivenBack,
    SkipReason::ProtectionUnknown,
];

fn refused(what: String, todo: impl Into<String>) -> Problem {
    Problem::Stays { what: format!("{what}; nothing was launched"), todo: todo.into() }
}

/// Where the policy lets a live drill launch, or why it does not.
pub fn canary(policy: &Policy) -> Result<CanarySettings, Problem> {
    let Some(canary) = policy.document().canary.clone() else {
        return Err(refused(
            "the policy names no canary, the account in which a live drill may launch".to_owned(),
            "in the policy file: canary: {account: \"…\", region: us-east-1}, an account in which nobody works; then \
             deploy it",
        ));
    };
    let id = &canary.account;
    if id == policy.payer() {
        return Err(refused(
            format!("the canary {id} is the payer, which no quarantine binds"),
            "in the policy file: canary.account: an account of the organization in which nobody works",
        ));
    }
    if policy.document().organization.closed_regions.contains(&canary.region) {
        return Err(refused(
            format!("the canary's region {} stands under organization.closedRegions", canary.region),
            "in the policy file: canary.region: another one",
        ));
    }
    if policy.halts_per_hour() == 0 {
        return Err(refused(
            "brake.haltsPerHour is 0, so the canary would only be frozen".to_owned(),
            "in the policy file: brake.haltsPerHour: 1 or more; then deploy it",
        ));
    }
    Ok(canary)
}

/// Refuses an account for which the policy does not mean what a drill needs.
pub fn suits(of_canary: &AccountPolicy) -> Result<(), Problem> {
    let id = &of_canary.account;
    if of_canary.mode != Mode::Proceed {
        return Err(refused(
            format!("the canary {id} is in {}, so a halt would touch nothing in it", of_canary.mode),
            format!("in the policy file: mode: proceed, at the top and under accounts.\"{id}\"; then deploy it"),
        ));
    }
    if of_canary.limits.thresholds.get(&Limit::Instances) != Some(&0) {
        return Err(refused(
            format!("one instance does not pass the limit of the canary {id}"),
            format!("in the policy file: accounts.\"{id}\".limits.instances: 0; then deploy it"),
        ));
    }
    if let Some((key, value, milder)) = destroys(of_canary) {
        return Err(refused(
            format!("contain.{key} is {value} for the canary {id}, so a halt would destroy what no release gives back"),
            format!("in the policy file: accounts.\"{id}\".contain.{key}: {milder}; then deploy it"),
        ));
    }
    Ok(())
}

/// What of a halt would destroy: its key, what the policy says there, and what would not. A drill loses console
/// passwords all the same, of which its warning tells; and of instances there are none but its own.
fn destroys(of_canary: &AccountPolicy) -> Option<(&'static str, &'static str, &'static str)> {
    let contain = &of_canary.contain;
    match contain.users {
        UserResponse::DeleteCredentials => return Some(("users", "delete-credentials", "deactivate")),
        UserResponse::DeleteUsers => return Some(("users", "delete-users", "deactivate")),
        UserResponse::Deactivate | UserResponse::Leave => {}
    }
    match (contain.root, contain.instances) {
        (RootResponse::DeleteCredentials, _) => Some(("root", "delete-credentials", "leave")),
        (RootResponse::Leave, InstanceResponse::Terminate) => Some(("instances", "terminate", "stop")),
        (RootResponse::Leave, InstanceResponse::Stop) => None,
    }
}

/// Refuses an account that is not as a drill needs it, by what the guard remembers of it.
pub fn may_begin(record: &AccountRecord) -> Result<(), Problem> {
    let id = &record.account;
    if !matches!(record.state, State::Ok | State::Released) {
        return Err(refused(
            format!("the canary {id} is {} already: {}", record.state, clean(&record.why)),
            if record.state.is_contained() {
                format!("runawaytrain release {id}")
            } else {
                format!("runawaytrain check {id}; a drill begins where nothing is the matter")
            },
        ));
    }
    match &record.unseen {
        Some(unseen) => Err(refused(
            format!("the guard does not see the canary {id} whole: {}", clean(&unseen.why)),
            "runawaytrain doctor",
        )),
        None => Ok(()),
    }
}

/// Refuses an account in which something runs, by what the guard sees in it now.
pub fn is_idle(found: &Account) -> Result<(), Problem> {
    let id = &found.account;
    if let Some(error) = &found.error {
        return Err(refused(
            format!("the guard could not look into the canary {id}: {}", clean(error)),
            "runawaytrain doctor",
        ));
    }
    let running = found.instances.counted + found.instances.exempt;
    if running > 0 {
        return Err(refused(
            format!("{} in the canary {id} already, so nobody could tell what the drill did", runs(running)),
            format!("runawaytrain check {id}; stop what runs there, or choose another canary"),
        ));
    }
    if found.unseen || !found.gaps.is_empty() || found.verdict.is_none() {
        let gaps: Vec<String> = found.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason))).collect();
        let which = if gaps.is_empty() { String::new() } else { format!(" ({})", some_of(&gaps, NAMED)) };
        return Err(refused(
            format!("the guard does not see the canary {id} whole{which}"),
            format!("runawaytrain check {id}; where nothing is wrong with it, run the drill again"),
        ));
    }
    Ok(())
}

fn runs(number: u64) -> String {
    format!("{} {}", count(number, "instance"), if number == 1 { "runs" } else { "run" })
}

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

/// What a release after a drill names. There was no thief: all comes back that can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// Users.
    pub users: BTreeSet<String>,
    /// Roles.
    pub roles: BTreeSet<String>,
    /// Keys and other credentials.
    pub keys: BTreeSet<String>,
    /// What launches by itself: names of Auto Scaling groups and ids of fleets.
    pub launchers: BTreeSet<String>,
    /// What cannot come back, in words: it has to be made anew.
    pub lost: BTreeSet<String>,
}

impl GivenBack {
    /// By what a halt did.
    pub fn of(entries: &[JournalEntry]) -> Self {
        let mut back = Self::default();
        for action in entries.iter().map(|entry| &entry.action) {
            if matches!(action.undo(), Undo::Never) {
                back.lost.insert(clean(&action.to_string()));
            }
            if let Some(Asked::Launch(name)) = action.given_back_by() {
                back.launchers.insert(name.to_owned());
            }
            match action {
                Action::Users(OfUser::DeactivateKey { key, .. }) => _ = back.keys.insert(key.to_string()),
                Action::Users(OfUser::DeactivateCredential { credential, .. }) => {
                    back.keys.insert(credential.id().to_owned());
                }
                Action::Users(action) if action.part() == Part::Lock => {
                    back.users.insert(action.user().to_string());
                }
                Action::Roles(_) if action.part() == Part::Lock => {
                    back.roles.extend(action.principal().map(str::to_owned));
                }
                _ => {}
            }
        }
        back
    }

    /// Takes in what else a halt did. Whether a release then names more than it would have before.
    pub fn take_in(&mut self, other: Self) -> bool {
        let before = self.names().len();
        self.users.extend(other.users);
        self.roles.extend(other.roles);
        self.keys.extend(other.keys);
        self.launchers.extend(other.launchers);
        self.lost.extend(other.lost);
        self.names().len() > before
    }

    /// All names, each to be trusted.
    pub fn names(&self) -> Vec<&String> {
        self.users.iter().chain(&self.roles).chain(&self.keys).chain(&self.launchers).collect()
    }

    /// The guard's event that gives all of it back. No instance is started: none ran before the drill.
    pub fn event(&self, account: &str) -> Value {
        json!({
            "action": "release",
            "account": account,
            "users": self.users,
            "roles": self.roles,
            "keys": self.keys,
            "trust": self.names(),
            "start": if self.launchers.is_empty() { json!(false) } else { json!(self.launchers) },
        })
    }

    /// What a release left alone of all this and a later one may still give back. Not so the drill's own instance, which
    /// is not to be started.
    pub fn owed<'a>(&self, skipped: &'a [Skipped], instance: Option<&str>) -> Vec<&'a Skipped> {
        let is_settled = |skipped: &Skipped| {
            let is_its_own = instance.is_some_and(|id| skipped.item.contains(id));
            is_its_own || FINAL.iter().any(|reason| reason.to_string() == skipped.reason)
        };
        // What an earlier halt holds is not the drill's to give back.
        let is_named = |skipped: &Skipped| {
            let mut words = skipped.item.split(|one: char| one.is_whitespace() || "(),".contains(one));
            words.any(|word| self.names().iter().any(|name| *name == word))
        };
        skipped.iter().filter(|skipped| !is_settled(skipped) && is_named(skipped)).collect()
    }

    /// The command that gives all of it back.
    pub fn command(&self, account: &str) -> String {
        let options = |option: &str, names: &BTreeSet<String>| -> String {
            names.iter().map(|name| format!(" --{option} '{name}'")).collect()
        };
        let trust: String = self.names().iter().map(|name| format!(" --trust '{name}'")).collect();
        let named =
            [("user", &self.users), ("role", &self.roles), ("key", &self.keys), ("start-only", &self.launchers)];
        let named: String = named.iter().map(|(option, names)| options(option, names)).collect();
        format!("runawaytrain release {account}{named}{trust}")
    }
}

/// What only real AWS can tell: a question, and what was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// What is asked.
    pub question: &'static str,
    /// What was measured; nothing where that could not be told here.
    pub answer: Option<String>,
    /// Why it could not be told, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<&'static str>,
}

const EMULATED: &str = "cannot be told on an emulator";
const NOT_MEASURED: &str = "was not measured: the drill did not come so far";

/// Questions that AWS's documentation leaves open and that this drill cannot answer, each with why.
const BEYOND: [(&str, &str); 5] = [
    (
        "Is a session denied that was issued before a halt?",
        "is not asked: it needs a session of a role that a halt revokes",
    ),
    (
        "Does aws:SourceOrgID let a member's alarm publish to the payer's topic?",
        "is not asked: it needs charges that pass spendMonth",
    ),
    ("Does denying LeaveOrganization also deny a direct transfer?", "is not asked: it would move the account"),
    ("Do events come from a region that was opted in to?", "is told by a drill with such a region as canary.region"),
    (
        "How does a StackSet delete its stacks in a suspended account?",
        "is not asked: it needs an account that is closed",
    ),
];

/// What a drill measured besides its steps.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Whether it was no AWS at all.
    pub is_emulated: bool,
    /// While the account was quarantined: whether another launch would have been permitted, and AWS's code.
    pub launch_in_quarantine: Option<(bool, String)>,
    /// How long after the quarantine was seen attached launches were denied.
    pub until_denied: Option<Duration>,
    /// How long after the release launches were permitted again.
    pub until_permitted: Option<Duration>,
    /// How long after the last lockout the guard had it proven, by its own clock.
    pub until_proven: Option<Duration>,
    /// The dimensions of the canary's own charges.
    pub charges: Option<BTreeSet<BTreeSet<String>>>,
}

/// By the guard's own clock: from the last lockout that AWS took to the proof.
pub fn until_proven(halt: &Halt, entries: &[JournalEntry]) -> Option<Duration> {
    let locks = entries.iter().filter(|entry| entry.action.part() == Part::Lock);
    let last: Timestamp = locks.filter_map(|entry| entry.concluded.as_ref().map(|(at, _)| *at)).max()?;
    halt.contained?.duration_since(last).try_into().ok()
}

/// Every question, with its answer where there is one.
pub fn questions(timeline: &Timeline, measured: &Measured) -> Vec<Question> {
    let after = |time: Duration| format!("after {:.1} s", tenths(time));
    let of_aws = |question, answer: Option<String>| {
        let answer = answer.filter(|_| !measured.is_emulated);
        let untold = if measured.is_emulated { EMULATED } else { NOT_MEASURED };
        Question { question, untold: answer.is_none().then_some(untold), answer }
    };
    let found = timeline.seconds(Step::Found).map(|found| format!("after {found:.1} s"));
    let in_quarantine = measured.launch_in_quarantine.as_ref().map(|(is_permitted, code)| {
        let said = if *is_permitted { "NO, it would have been launched" } else { "yes" };
        format!("{said} ({})", clean(code))
    });
    let charges = measured.charges.as_ref().map(|metrics| {
        let names = |names: &BTreeSet<String>| names.iter().map(|name| clean(name)).collect::<Vec<_>>().join(" + ");
        let metrics: Vec<String> = metrics.iter().map(names).collect();
        if metrics.is_empty() { "it publishes none".to_owned() } else { metrics.join("; ") }
    });
    let mut questions = vec![
        of_aws("How long after RunInstances does the guard find an instance?", found),
        of_aws("Does the quarantine deny RunInstances?", in_quarantine),
        of_aws("How long after it is attached does it deny?", measured.until_denied.map(after)),
        of_aws("How long after a release are launches permitted again?", measured.until_permitted.map(after)),
        of_aws("How long after the last lockout did the looks agree with it?", measured.until_proven.map(after)),
        of_aws("With which dimensions does a member publish its EstimatedCharges?", charges),
    ];
    questions.extend(BEYOND.map(|(question, why)| Question { question, answer: None, untold: Some(why) }));
    questions
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use runawaytrain_core::measure::summary::Summary;
    use runawaytrain_core::plan::ActionResult;
    use runawaytrain_core::resource::{fleets, groups, quarantine, roles, spot_requests};
    use runawaytrain_core::vocabulary::ids::{
        AccountId, FleetId, GroupName, KeyId, Region, RoleName, SpotRequestId, UserName,
    };
    use runawaytrain_engine::ports::EntryId;

    use super::*;
    use crate::answer::{Gap, Instances};
    use crate::policy_file::PolicyFile;

    const CANARY: &str = "222222222222";

    fn policy(top: &str, own: &str) -> Policy {
        let text = format!(
            "payer: '123456789012'\norganization: {{id: o-exampleorg, closedRegions: [eu-west-1]}}\n{top}\n\
             defaults: {{limits: {{instances: 20}}, notify: [a@example.edu]}}\naccounts: {{'{CANARY}': {{{own}}}}}\n"
        );
        PolicyFile::parse("policy.yaml".as_ref(), &text).unwrap().policy
    }

    fn top(account: &str, region: &str, rest: &str) -> String {
        format!("mode: proceed\ncanary: {{account: '{account}', region: {region}}}\n{rest}")
    }

    const OWN: &str = "limits: {instances: 0}";

    fn suited(policy: &Policy) -> Result<CanarySettings, Problem> {
        let found = canary(policy)?;
        suits(&policy.for_account(&found.account, None))?;
        Ok(found)
    }

    #[test]
    fn a_canary_that_a_halt_would_not_contain_is_refused_in_one_sentence_with_the_cure() {
        let found = suited(&policy(&top(CANARY, "us-east-1", ""), OWN)).unwrap();
        assert_eq!((found.account.as_str(), found.region.as_str()), (CANARY, "us-east-1"));
        let at_home = || top(CANARY, "us-east-1", "");
        let cases = [
            (policy("mode: proceed", OWN), "names no canary", "canary: {account"),
            (policy(&top("123456789012", "us-east-1", ""), OWN), "is the payer", "canary.account"),
            (policy(&top(CANARY, "eu-west-1", ""), OWN), "closedRegions", "canary.region"),
            (policy(&at_home().replace("proceed", "drill"), OWN), "is in drill", "mode: proceed"),
            (policy(&at_home(), "limits: {instances: 0}, mode: pass"), "is in pass", "mode: proceed"),
            (policy(&at_home(), ""), "does not pass the limit", "accounts.\"222222222222\".limits.instances: 0"),
            (policy(&at_home(), "limits: {instances: 1}"), "does not pass the limit", "limits.instances: 0"),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {users: delete-credentials}"),
                "contain.users is delete-credentials",
                "contain.users: deactivate",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {users: delete-users}"),
                "contain.users is delete-users",
                "contain.users: deactivate",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {root: delete-credentials}"),
                "contain.root is delete-credentials",
                "contain.root: leave",
            ),
            (
                policy(&at_home(), "limits: {instances: 0}, contain: {instances: terminate}"),
                "contain.instances is terminate",
                "contain.instances: stop",
            ),
            (policy(&top(CANARY, "us-east-1", "brake: {haltsPerHour: 0}"), OWN), "only be frozen", "haltsPerHour"),
        ];
        for (policy, why, cure) in cases {
            let refused = suited(&policy).unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
            assert!(refused.to_string().ends_with("; nothing was launched"), "{refused}");
            assert!(refused.cure().unwrap().exact.contains(cure), "{:?}", refused.cure());
        }
    }

    fn time(second: u8) -> Timestamp {
        format!("2026-11-22T03:00:{second:02}Z").parse().unwrap()
    }

    fn record(state: State) -> AccountRecord {
        let account = AccountId::parse(CANARY).unwrap();
        AccountRecord { state, ..AccountRecord::new(account, time(0)) }
    }

    #[test]
    fn a_drill_begins_where_nothing_is_the_matter_and_nothing_runs() {
        for state in State::ALL {
            assert_eq!(may_begin(&record(state)).is_ok(), matches!(state, State::Ok | State::Released), "{state}");
        }
        let contained = may_begin(&record(State::Halted)).unwrap_err();
        assert!(contained.cure().unwrap().exact.contains("runawaytrain release"), "{contained}");
        let idle = Account { account: CANARY.into(), verdict: Some("Ok".into()), ..Account::default() };
        assert!(is_idle(&idle).is_ok());
        let busy = |counted, exempt| Account { instances: Instances { counted, exempt }, ..idle.clone() };
        assert!(is_idle(&busy(1, 0)).unwrap_err().to_string().starts_with("1 instance runs in the canary"));
        assert!(is_idle(&busy(0, 2)).unwrap_err().to_string().starts_with("2 instances run in the canary"));
        let half = Account { gaps: vec![Gap { at: "us-east-2".into(), reason: "denied".into() }], ..idle.clone() };
        assert!(is_idle(&half).unwrap_err().to_string().contains("whole (us-east-2: denied)"));
        assert!(is_idle(&Account { verdict: None, ..idle }).is_err());
    }

    fn halted(state: State, contained: Option<Timestamp>, outcome_told: bool) -> AccountRecord {
        let halt = Halt {
            id: HaltId::new("this"),
            tripped: time(10),
            before: Summary::default(),
            contained,
            outcome_told,
            denials_told: false,
            locked_out: None,
            tripped_limits: [(Limit::Instances, 1)].into(),
            freeze: None,
        };
        AccountRecord { halt: Some(halt), ..record(state) }
    }

    fn entry(number: u64, action: impl Into<Action>, concluded: Option<u8>) -> JournalEntry {
        JournalEntry {
            id: EntryId { fence: 1, number },
            halt: HaltId::new("this"),
            action: action.into(),
            intended: time(10),
            concluded: concluded.map(|second| (time(second), ActionResult::Done)),
            attempts: 1,
        }
    }

    fn ann() -> UserName {
        UserName::new("ann")
    }

    fn calls() -> Vec<JournalEntry> {
        vec![
            entry(1, quarantine::Action::Freeze, Some(11)),
            entry(2, OfUser::DenyUser { user: ann() }, Some(12)),
            entry(3, OfUser::DeactivateKey { user: ann(), key: KeyId::new("AKIA1") }, Some(13)),
            entry(4, OfUser::DeleteLogin { user: ann() }, Some(13)),
            entry(
                5,
                roles::Action::RevokeSessions { role: RoleName::new("lab"), ahead: SignedDuration::from_secs(30) },
                Some(14),
            ),
        ]
    }

    #[test]
    fn each_step_is_told_once_when_it_is_first_seen() {
        let before = HaltId::new("earlier");
        let mut earlier = halted(State::Released, Some(time(9)), true);
        earlier.halt.as_mut().unwrap().id = before.clone();
        let (found, all) = (halted(State::Halting, None, false), calls());
        let (proven, told) = (halted(State::Halted, Some(time(40)), true), halted(State::Halted, Some(time(40)), true));
        type Moment<'a> = (&'a AccountRecord, Stage, &'a [JournalEntry], Option<bool>, &'a [Step]);
        let moments: [Moment<'_>; 8] = [
            (&earlier, Stage::Pending, &[], None, &[Step::Launched]),
            (&earlier, Stage::Running, &[], None, &[Step::Running]),
            (&found, Stage::Stopping, &all[..1], None, &[Step::Found, Step::Quarantined]),
            (&found, Stage::Stopped, &all[..2], None, &[Step::Stopped]),
            // One more is locked out: it was not the last.
            (&found, Stage::Stopped, &all, None, &[]),
            (&found, Stage::Stopped, &all, None, &[Step::LockedOut]),
            (&proven, Stage::Stopped, &all, Some(true), &[Step::Proven]),
            (&told, Stage::Stopped, &all, Some(false), &[Step::Mailed]),
        ];
        let of_canary =
            policy(&top(CANARY, "us-east-1", ""), OWN).for_account(&AccountId::parse(CANARY).unwrap(), None);
        let mut timeline = Timeline::new(Step::expected(&of_canary));
        for (second, (record, stage, entries, mails_wait, expected)) in moments.into_iter().enumerate() {
            let sighting =
                Sighting { instance: Some(stage), before: Some(&before), record: Some(record), entries, mails_wait };
            let fresh = timeline.see(&sighting, Duration::from_secs(second as u64));
            assert_eq!(fresh.iter().map(|came| came.step).collect::<Vec<_>>(), expected, "at {second}");
        }
        assert_eq!(timeline.missing(), []);
        assert_eq!(timeline.seconds(Step::LockedOut), Some(4.0), "when the last was seen, not when that was sure");
        let order: Vec<f64> = timeline.came().iter().map(|came| came.seconds).collect();
        assert!(order.is_sorted(), "{order:?}");
        assert_eq!(until_proven(proven.halt.as_ref().unwrap(), &all), Some(Duration::from_secs(26)));
    }

    #[test]
    fn where_nobody_is_to_be_locked_out_the_proof_is_enough_and_without_a_quarantine_none_is_expected() {
        let own = "limits: {instances: 0}, contain: {quarantine: false}";
        let of_canary =
            policy(&top(CANARY, "us-east-1", ""), own).for_account(&AccountId::parse(CANARY).unwrap(), None);
        let mut timeline = Timeline::new(Step::expected(&of_canary));
        let proven = halted(State::Halted, Some(time(40)), true);
        let sighting = Sighting {
            instance: Some(Stage::Terminated),
            before: None,
            record: Some(&proven),
            entries: &[],
            mails_wait: Some(false),
        };
        assert_eq!(timeline.see(&sighting, Duration::from_secs(9)).len(), 7);
        assert_eq!(timeline.missing(), []);
    }

    #[test]
    fn what_could_not_be_read_brings_no_step_and_a_freeze_is_no_halt() {
        let mut timeline = Timeline::new(vec![Step::Launched, Step::Found, Step::Mailed]);
        let nothing = Sighting { instance: None, before: None, record: None, entries: &[], mails_wait: None };
        timeline.see(&nothing, Duration::ZERO);
        assert_eq!(timeline.missing(), [Step::Found, Step::Mailed]);
        let mut frozen = halted(State::Frozen, None, false);
        frozen.halt.as_mut().unwrap().freeze = Some(runawaytrain_core::record::FreezeReason::Brake);
        let frozen = Sighting { record: Some(&frozen), ..nothing };
        assert!(frozen.halt().is_none() && frozen.obstacle().unwrap().contains("only froze"));
        let untold = halted(State::Halted, Some(time(40)), true);
        let untold = Sighting { record: Some(&untold), ..nothing };
        timeline.see(&untold, Duration::ZERO);
        assert_eq!(timeline.missing(), [Step::Mailed], "whether mails wait is not known");
    }

    #[test]
    fn all_that_the_halt_locked_is_named_and_what_is_lost_is_told() {
        let back = GivenBack::of(&calls());
        let command = "runawaytrain release 222222222222 --user 'ann' --role 'lab' --key 'AKIA1' --trust 'ann' --trust \
                       'lab' --trust 'AKIA1'";
        assert_eq!(back.command(CANARY), command);
        assert_eq!(back.lost.iter().collect::<Vec<_>>(), ["remove the console password of user ann"]);
    }

    #[test]
    fn what_launches_by_itself_comes_back_by_its_name_and_a_cancelled_request_does_not() {
        let region = || Region::new("us-east-1");
        let of_groups =
            groups::Action::SuspendGroup { region: region(), group: GroupName::new("web"), already: BTreeSet::new() };
        let of_fleets = fleets::Action::ZeroFleet {
            region: region(),
            fleet: FleetId::new("fleet-1"),
            kind: fleets::FleetKind::Ec2,
            target: 2,
            on_demand: 0,
        };
        let cancelled =
            spot_requests::Action::CancelSpotRequests { region: region(), requests: vec![SpotRequestId::new("sir-1")] };
        let mut back = GivenBack::of(&calls());
        assert_eq!(back.event(CANARY)["start"], json!(false));
        let more = [entry(6, of_groups, Some(15)), entry(7, of_fleets, Some(15)), entry(8, cancelled, Some(15))];
        assert!(back.take_in(GivenBack::of(&more)), "more is to be named");
        assert!(!back.take_in(GivenBack::of(&more)), "it is named already");
        let event = back.event(CANARY);
        assert_eq!(event["start"], json!(["fleet-1", "web"]));
        assert_eq!(event["trust"], json!(["ann", "lab", "AKIA1", "fleet-1", "web"]));
        assert!(back.command(CANARY).contains(" --start-only 'fleet-1' --start-only 'web' --trust"));
        assert!(back.lost.iter().any(|lost| lost.contains("sir-1")), "{:?}", back.lost);
    }

    #[test]
    fn what_a_release_leaves_alone_is_owed_unless_it_is_final_or_the_drills_own_instance_or_an_earlier_halts() {
        assert!(FINAL.iter().all(SkipReason::is_final));
        let skipped = |item: &str, reason: &str| Skipped { item: item.to_owned(), reason: reason.to_owned() };
        let left = [
            skipped("key AKIA1 of user ann", "it is not named"),
            skipped("user ann", &SkipReason::GivenBack.to_string()),
            skipped("role lab", &SkipReason::OldSessions.to_string()),
            skipped("1 stopped instance in us-east-1 (i-1)", "stay stopped"),
            skipped("user annabel", "an earlier halt holds it"),
        ];
        let owed = GivenBack::of(&calls()).owed(&left, Some("i-1"));
        assert_eq!(owed, [&left[0]]);
    }

    #[test]
    fn an_emulator_answers_no_question_about_aws() {
        let mut timeline = Timeline::new(vec![Step::Launched, Step::Found]);
        let found = halted(State::Halting, None, false);
        let sighting = Sighting { instance: None, before: None, record: Some(&found), entries: &[], mails_wait: None };
        timeline.see(&sighting, Duration::from_millis(1_234));
        let measured = Measured {
            launch_in_quarantine: Some((false, "UnauthorizedOperation".into())),
            until_denied: Some(Duration::from_secs(3)),
            charges: Some([["Currency".to_owned()].into()].into()),
            ..Measured::default()
        };
        let told = |measured: &Measured| json!(questions(&timeline, measured));
        let real = told(&measured).to_string();
        for answer in ["after 1.2 s", "yes (UnauthorizedOperation)", "after 3.0 s", "Currency"] {
            assert!(real.contains(answer), "{answer}: {real}");
        }
        let emulated = questions(&timeline, &Measured { is_emulated: true, ..measured });
        assert!(emulated.iter().all(|one| one.answer.is_none() && one.untold.is_some()), "{emulated:?}");
    }
}

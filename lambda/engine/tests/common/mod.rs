//! A guard over the simulated organization, and the few words that every scenario needs.

use std::time::Duration;

use runawaytrain_core::message::report::{AccountReport, Answer};
use runawaytrain_core::policy::Policy;
use runawaytrain_core::resource::Action;
use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId, RoleName, UserName};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::Deadline;
use runawaytrain_engine::deadline::Invocation;
use runawaytrain_engine::sweep::Guard;
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::{Value, json};

pub const PAYER: &str = "100000000000";
pub const PHYSICS: &str = "111111111111";
pub const QUIET: &str = "222222222222";
pub const REGIONS: [&str; 4] = ["us-east-1", "us-west-2", "eu-west-1", "ap-south-1"];

pub fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub fn user(name: &str) -> UserName {
    UserName::new(name)
}

/// A policy with a limit of 4 instances; `overrides` replaces top-level keys.
pub fn policy(overrides: Value) -> Policy {
    let mut document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1" },
        "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
    });
    for (key, value) in overrides.as_object().unwrap() {
        document[key] = value.clone();
    }
    Policy::from_json(&document.to_string()).unwrap()
}

/// The organization of most scenarios: a payer, a quiet account and one with three instances in each of three regions.
pub fn seeded() -> Testbed {
    let testbed = Testbed::new();
    testbed
        .world
        .add(&id(PAYER), SimAccount::new("payer", &REGIONS).running("us-east-1", 9, "t2.micro").user("admin", 1, true));
    testbed
        .world
        .add(&id(QUIET), SimAccount::new("quiet", &REGIONS).running("us-east-1", 2, "t2.micro").user("dora", 1, true));
    let physics = REGIONS[..3]
        .iter()
        .fold(SimAccount::new("physics", &REGIONS), |account, region| account.running(region, 3, "t2.micro"));
    testbed.world.add(&id(PHYSICS), physics.user("alice", 2, true).user("bob", 1, false).user("kjanet", 1, true));
    testbed
}

pub struct Scene {
    pub testbed: Testbed,
    pub guard: Guard,
    invocations: std::cell::Cell<u32>,
}

impl Scene {
    pub fn new(testbed: Testbed, policy: Policy) -> Self {
        Self::with_ceiling(testbed, policy, Mode::Proceed)
    }

    pub fn with_ceiling(testbed: Testbed, policy: Policy, ceiling: Mode) -> Self {
        let guard = Guard::new(&testbed.ports(), policy, ceiling);
        Self { testbed, guard, invocations: std::cell::Cell::new(0) }
    }

    pub async fn send(&self, event: Value) -> Answer {
        self.send_within(event, Deadline::never()).await
    }

    pub async fn send_within(&self, event: Value, deadline: Deadline) -> Answer {
        self.invocations.set(self.invocations.get() + 1);
        self.guard.handle(&event, &Invocation { id: format!("invocation-{}", self.invocations.get()), deadline }).await
    }

    /// One tick of the schedule, five minutes after the last.
    pub async fn tick(&self) -> Answer {
        tokio::time::sleep(Duration::from_secs(300)).await;
        self.send(json!({})).await
    }

    pub fn billable(&self, account: &str) -> usize {
        self.testbed.world.with(&id(account), |known| known.billable().count())
    }

    pub fn can_act(&self, account: &str, name: &str) -> bool {
        self.testbed.world.with(&id(account), |known| {
            known.users.get(&user(name)).is_some_and(runawaytrain_testbed::SimUser::can_act)
        })
    }

    pub fn subjects(&self) -> Vec<String> {
        self.testbed.mailbox.mails().into_iter().map(|mail| mail.subject).collect()
    }

    /// How many mails are about an account by this name.
    pub fn mails_about(&self, name: &str) -> usize {
        self.subjects().iter().filter(|subject| subject.contains(name)).count()
    }

    pub fn mails(&self, beginning: &str) -> usize {
        self.subjects().iter().filter(|subject| subject.starts_with(&format!("[runawaytrain] {beginning}"))).count()
    }
}

/// The user that an action is about, if it is about one.
pub fn user_of(action: &Action) -> Option<&UserName> {
    if let Action::Users(action) = action { Some(action.user()) } else { None }
}

/// The role that an action is about, if it is about one.
pub fn role_of(action: &Action) -> Option<&RoleName> {
    if let Action::Roles(action) = action { Some(action.role()) } else { None }
}

/// The instances that an action is about.
pub fn instances_of(action: &Action) -> &[InstanceId] {
    if let Action::Instances(action) = action { action.instances() } else { &[] }
}

pub fn report_of<'a>(answer: &'a Answer, account: &str) -> &'a AccountReport {
    let report = answer.sweep().unwrap_or_else(|| panic!("no report: {answer:?}"));
    report
        .accounts
        .iter()
        .find(|report| report.account == id(account))
        .unwrap_or_else(|| panic!("{account} is not in the report"))
}

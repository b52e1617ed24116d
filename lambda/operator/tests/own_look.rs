//! What the command sees by the operator's own credentials, and how it follows an order, before the simulated
//! organization.
#![cfg(test)]

use jiff::Timestamp;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::SpendBook as _;
use runawaytrain_engine::sweep::Guard;
use runawaytrain_operator::answer::Answer;
use runawaytrain_operator::exit::OVER_LIMIT;
use runawaytrain_operator::progress::Looks;
use runawaytrain_operator::table::Table;
use runawaytrain_operator::undeployed::{self, Eyes};
use runawaytrain_operator::{check, follow, history, plan};
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::json;

const PAYER: &str = "100000000000";
const PHYSICS: &str = "111111111111";

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn policy() -> Policy {
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1" },
        "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
    });
    Policy::from_json(&document.to_string()).unwrap()
}

/// A payer, and an account past its limit in two regions.
fn organization() -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]).running("us-east-1", 1, "t2.micro"));
    let physics = SimAccount::new("physics", &["us-east-1", "eu-west-1"])
        .running("us-east-1", 3, "t2.micro")
        .running("eu-west-1", 3, "t2.micro")
        .user("alice", 1, true);
    testbed.world.add(&id(PHYSICS), physics);
    testbed
}

#[tokio::test(start_paused = true)]
async fn a_look_before_anything_is_deployed_sees_all_and_changes_and_writes_nothing() {
    let (testbed, looks) = (organization(), Looks::default());
    // A runaway account, and the very event that has a deployed guard contain it.
    for event in [json!({ "action": "drill" }), json!({ "action": "drill", "accounts": [PHYSICS] })] {
        let said = undeployed::drill(&Eyes::of(&testbed.ports()), policy(), &event, &looks).await;
        let lines = check::lines(&Answer::read(&said));
        assert_eq!((lines[0].name.as_str(), lines[0].verdict.as_str(), lines[0].running), ("physics", "Halt", Some(6)));
        assert_eq!(check::conclusion(&lines, None).1, OVER_LIMIT);
    }
    assert_eq!(testbed.world.calls(), []);
    assert_eq!(testbed.world.with(&id(PHYSICS), |known| known.billable().count()), 6);
    assert!(testbed.ports().states.load_all().await.unwrap().readable.is_empty());
    assert!(testbed.ledger.hours(Timestamp::MIN).await.unwrap().accounts.is_empty());
    assert_eq!(testbed.mailbox.mails().len(), 0);
    assert_eq!(testbed.metrics.sweeps().len(), 0, "it is no heartbeat of a guard");
    assert!(looks.so_far().contains("2 accounts") && looks.so_far().contains(" of 3 regions"), "{}", looks.so_far());
}

#[tokio::test(start_paused = true)]
async fn whatever_the_event_says_nothing_is_contained_by_own_credentials() {
    let testbed = organization();
    for event in [json!({}), json!({ "action": "proceed" }), json!({ "action": "halt", "account": PHYSICS })] {
        undeployed::drill(&Eyes::of(&testbed.ports()), policy(), &event, &Looks::default()).await;
    }
    assert_eq!(testbed.world.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn the_plan_of_a_drill_is_told_by_what_each_part_is_for() {
    let testbed = organization();
    let event = json!({ "action": "drill", "accounts": [PHYSICS] });
    let said = undeployed::drill(&Eyes::of(&testbed.ports()), policy(), &event, &Looks::default()).await;
    let answer = Answer::read(&said);
    let headings: Vec<String> = plan::groups(&answer.accounts[0]).into_iter().map(|group| group.heading).collect();
    assert_eq!(
        headings,
        ["Keep the account from growing", "Stop what runs", "Deny users, roles and models", "Take credentials away"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_halt_is_followed_to_its_end_and_told_call_by_call() {
    let testbed = organization();
    let ports = testbed.ports();
    let table = Table::of(&ports);
    let guard = Guard::new(&ports, policy(), Mode::Proceed);
    let order = json!({ "action": "halt", "account": PHYSICS, "reason": "a test" });
    let invocation = Invocation { id: "halt".to_owned(), deadline: Deadline::never() };
    let latest = follow::Latest::default();
    let (physics, is_halted) = (id(PHYSICS), |state: State| state == State::Halted);
    let before = follow::Before::read(&physics, &table).await;
    let (_, settled) = tokio::select! {
        both = async { tokio::join!(
            guard.handle(&order, &invocation),
            follow::until_settled(&physics, &table, before, is_halted),
        ) } => both,
        () = follow::follow(&physics, &table, &latest) => unreachable!("it never ends"),
    };
    assert!(matches!(settled, follow::Ending::Settled(State::Halted)), "{settled:?}");
    assert!(latest.said().contains("calls answered"), "{}", latest.said());
    let record = ports.states.load(&physics).await.unwrap().unwrap().record;
    let halts = history::read(&record, &table).await.unwrap();
    assert_eq!(halts.len(), 1);
    assert!(halts[0].contained.is_some());
    assert!(halts[0].calls.iter().any(|call| call.text.starts_with("stop 3 instances in eu-west-1")));
    assert!(halts[0].calls.iter().all(|call| call.result == "done"), "{:?}", halts[0].calls);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_left_no_trace_is_not_taken_for_one_that_goes_on() {
    let testbed = organization();
    let (ports, physics) = (testbed.ports(), id(PHYSICS));
    let table = Table::of(&ports);
    let guard = Guard::new(&ports, policy(), Mode::Proceed);
    let invocation = Invocation { id: "halt".to_owned(), deadline: Deadline::never() };
    guard.handle(&json!({ "action": "halt", "account": PHYSICS }), &invocation).await;
    // It is halted already: that is no answer to an order that came after.
    let before = follow::Before::read(&physics, &table).await;
    let ending = follow::until_settled(&physics, &table, before, State::is_halt).await;
    assert!(matches!(ending, follow::Ending::Untouched), "{ending:?}");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_come_to_its_end_is_given_up_after_as_long_as_a_lambda_runs() {
    let testbed = organization();
    let (ports, payer) = (testbed.ports(), id(PAYER));
    let table = Table::of(&ports);
    let before = follow::Before::read(&payer, &table).await;
    let guard = Guard::new(&ports, policy(), Mode::Proceed);
    guard.handle(&json!({}), &Invocation { id: "sweep".to_owned(), deadline: Deadline::never() }).await;
    let ending = follow::until_settled(&payer, &table, before, State::is_halt).await;
    assert!(matches!(ending, follow::Ending::GoesOn), "{ending:?}");
}

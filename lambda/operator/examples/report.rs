//! A page about a halt, from the simulated organization: for whoever wants to look at one in a browser.
//!
//! `cargo run -p runawaytrain-operator --example report -- halted > page.html`; `released`, `halting`, `frozen` and
//! `calm` are the others.
#![expect(clippy::unwrap_used, reason = "an example breaks loudly")]

use jiff::Timestamp;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, UserName};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Clock as _, Ports};
use runawaytrain_engine::sweep::Guard;
use runawaytrain_operator::report::{self, page};
use runawaytrain_operator::table::Table;
use runawaytrain_testbed::{Fault, SimAccount, SimUser, Testbed};
use serde_json::{Value, json};

const PAYER: &str = "100000000000";
const PHYSICS: &str = "111111111111";
const CHEMISTRY: &str = "222222222222";
const REGIONS: [&str; 5] = ["us-east-1", "us-west-2", "eu-west-1", "eu-central-1", "ap-southeast-2"];
/// What a thief may call a user.
const FORGED: &str = "<script>document.title='stolen'</script>\u{202E}\"'";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // Minutes of the simulated organization pass in no time.
    tokio::time::pause();
    let wanted = std::env::args().nth(1).unwrap_or_else(|| "halted".to_owned());
    let testbed = organization(wanted == "calm");
    let ports = testbed.ports();
    let denied = |operation| Fault::always(operation, FailureKind::Denied).in_account(&id(PHYSICS));
    // Whatever a policy above the account keeps everybody from; or what only hiccups.
    match wanted.as_str() {
        "halting" => ["ec2:StopInstances", "ec2:TerminateInstances"]
            .iter()
            .map(|operation| denied(operation).in_region("eu-west-1"))
            .chain([denied("iam:DeleteLoginProfile")])
            .for_each(|fault| testbed.world.fault(fault)),
        "halted" | "released" => testbed.world.fault(denied("iam:DeleteLoginProfile").times(1)),
        _ => {}
    }
    if wanted == "frozen" {
        send(&ports, &wanted, json!({ "accounts": [CHEMISTRY] })).await;
    }
    send(&ports, &wanted, json!({})).await;
    if wanted == "halting" {
        tokio::time::sleep(std::time::Duration::from_secs(300)).await;
        send(&ports, &wanted, json!({})).await;
    }
    if wanted == "released" {
        let order =
            json!({ "action": "release", "account": PHYSICS, "users": ["alice"], "trust": ["alice"], "start": true });
        send(&ports, &wanted, order).await;
    }
    let account = id(PHYSICS);
    let record = ports.states.load(&account).await.unwrap().unwrap().record;
    let journals = report::read(&record, &Table::of(&ports)).await.unwrap();
    let policy = policy(&wanted).for_account(&account, None);
    let told = report::report(&record, &journals, "Physics – condensed matter", &policy, testbed.clock.now());
    println!("{}", page::page(&told));
}

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn policy(wanted: &str) -> Policy {
    // Where two accounts are past their limit and one halt an hour is allowed, the second is frozen.
    let halts_per_hour = if wanted == "frozen" { 1 } else { 10 };
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1", "closedRegions": ["me-south-1"] },
        "brake": { "haltsPerHour": halts_per_hour },
        "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
        "accounts": { PHYSICS: { "exempt": { "users": ["backup"] } } },
    });
    Policy::from_json(&document.to_string()).unwrap()
}

fn organization(is_calm: bool) -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &REGIONS).running("us-east-1", 1, "t2.micro"));
    testbed.world.add(&id(CHEMISTRY), SimAccount::new("chemistry", &REGIONS).running("us-east-1", 5, "t3.micro"));
    let physics = SimAccount::new("physics", &REGIONS).user("alice", 1, true).user("backup", 1, false);
    let mut physics = if is_calm {
        physics.running("eu-central-1", 2, "m5.large")
    } else {
        physics
            .running("us-east-1", 24, "p3.2xlarge")
            .running("us-west-2", 12, "p3.2xlarge")
            .running("eu-west-1", 7, "c5.4xlarge")
            .running("ap-southeast-2", 2, "m5.large")
            .role("lab-notebooks", "/", Some(Timestamp::UNIX_EPOCH))
    };
    let forged = SimUser::new(Timestamp::UNIX_EPOCH);
    physics.users.insert(UserName::new(FORGED), forged);
    testbed.world.add(&id(PHYSICS), physics);
    testbed
}

async fn send(ports: &Ports, wanted: &str, event: Value) {
    let guard = Guard::new(ports, policy(wanted), Mode::Proceed);
    guard.handle(&event, &Invocation { id: "example".to_owned(), deadline: Deadline::never() }).await;
}

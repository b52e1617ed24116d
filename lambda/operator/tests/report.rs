//! The page about an account's last halt, before the simulated organization: a real halt, and a release.
#![cfg(test)]

use jiff::Timestamp;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, UserName};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Clock as _, Ports};
use runawaytrain_engine::sweep::Guard;
use runawaytrain_operator::report::{self, Report, page};
use runawaytrain_operator::table::Table;
use runawaytrain_testbed::{Fault, SimAccount, SimUser, Testbed};
use serde_json::{Value, json};

const PAYER: &str = "100000000000";
const PHYSICS: &str = "111111111111";
/// What a thief calls a user to be met in a report.
const FORGED: &str = "<script>document.title='stolen'</script>\u{202E}\"'";

fn id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn policy() -> Policy {
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1", "closedRegions": ["me-south-1"] },
        "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
        "accounts": { PHYSICS: { "name": "physics", "exempt": { "users": ["backup"] } } },
    });
    Policy::from_json(&document.to_string()).unwrap()
}

/// A payer, and an account past its limit in two regions, with a user whose name is an attack.
fn organization() -> Testbed {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]));
    let mut physics = SimAccount::new("physics", &["us-east-1", "eu-west-1"])
        .running("us-east-1", 6, "m5.large")
        .running("eu-west-1", 3, "c5.4xlarge")
        .user("alice", 1, true);
    let forged = SimUser::new(Timestamp::UNIX_EPOCH);
    physics.users.insert(UserName::new(FORGED), forged);
    testbed.world.add(&id(PHYSICS), physics);
    testbed
}

async fn send(ports: &Ports, event: Value) {
    let guard = Guard::new(ports, policy(), Mode::Proceed);
    let answer = guard.handle(&event, &Invocation { id: "report".to_owned(), deadline: Deadline::never() }).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn told(testbed: &Testbed, name: &str) -> Report {
    let ports = testbed.ports();
    let record = ports.states.load(&id(PHYSICS)).await.unwrap().unwrap().record;
    let journals = report::read(&record, &Table::of(&ports)).await.unwrap();
    report::report(&record, &journals, name, &policy().for_account(&id(PHYSICS), None), testbed.clock.now())
}

/// Every tag of a page, in order, with what closes it.
fn tags(page: &str) -> Vec<String> {
    let opened = page.split('<').skip(1);
    opened.map(|rest| rest.split(['>', ' ', '\n']).next().unwrap().to_owned()).collect()
}

/// What holds of every page, whoever wrote the names in it.
fn check_document(page: &str) {
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    assert!(page.contains("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"));
    assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:") && !page.contains("url("));
    assert!(!page.contains('\u{202E}'), "no line is turned around");
    let (mut open, void) = (Vec::new(), ["!doctype", "meta", "rect", "br"]);
    for tag in tags(page) {
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{open:?}"),
            None if void.contains(&tag.as_str()) => {}
            None => open.push(tag),
        }
    }
    assert_eq!(open, Vec::<String>::new(), "what is opened is closed");
    let headings: Vec<u8> = tags(page).iter().filter_map(|tag| tag.strip_prefix('h')?.parse().ok()).collect();
    assert_eq!(headings.iter().filter(|level| **level == 1).count(), 1);
    assert!(headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "no level is left out: {headings:?}");
    assert_eq!(page.matches("<th").count(), page.matches("<th scope=").count() + page.matches("<thead").count());
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let unique: std::collections::BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "{ids:?}");
    for named in page.split("labelledby=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(unique.contains(named), "{named}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_halt_and_its_release_are_a_page() {
    let testbed = organization();
    let ports = testbed.ports();
    let denied = Fault::always("iam:DeleteLoginProfile", FailureKind::Denied).in_account(&id(PHYSICS));
    testbed.world.fault(denied);
    send(&ports, json!({})).await;
    let halted = told(&testbed, "physics").await;
    let halt = halted.halt.as_ref().unwrap();
    assert_eq!((halt.before.instances, halted.now.unwrap().instances), (9, 0));
    assert_eq!(
        halted.regions.iter().map(|one| (one.before, one.now)).collect::<Vec<_>>(),
        [(Some(6), Some(0)), (Some(3), Some(0))]
    );
    assert_eq!(halt.causes, ["9 instances (limit 4)"]);
    assert!(halt.before.usd_per_hour.dollars() > 2.0 && halted.now.unwrap().usd_per_hour.dollars() == 0.0);
    assert!(halt.sums.contains(&"9 instances stopped".to_owned()), "{:?}", halt.sums);
    assert!(
        halt.resisted.iter().any(|one| one.what.contains("alice") && one.why.contains("was denied")),
        "{:?}",
        halt.resisted
    );
    assert!(halted.left_alone.iter().any(|left| left.what == "user backup"));
    let commands: Vec<&str> = halted.release.ways.iter().map(|way| way.command.as_str()).collect();
    assert!(commands.contains(&"runawaytrain release 111111111111 --user alice"), "{commands:?}");
    assert!(commands.contains(&"runawaytrain release 111111111111 --start"), "{commands:?}");

    let text = page::page(&halted);
    check_document(&text);
    assert!(text.contains("&lt;script&gt;document.title=&#39;stolen&#39;&lt;/script&gt;&quot;&#39;"));
    assert!(text.contains("stop 6 instances in <span class=\"whole\">us-east-1:</span>"));
    assert_eq!(
        page::file_name(&halted),
        format!("runawaytrain-report-physics-{}.html", halted.written.strftime("%Y-%m-%d"))
    );
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(page::file_name(&halted));
    std::fs::write(&file, &text).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    let order =
        json!({ "action": "release", "account": PHYSICS, "users": ["alice"], "trust": ["alice"], "start": true });
    send(&ports, order).await;
    let released = told(&testbed, "physics").await;
    assert_eq!(released.state, State::Released);
    let moments: Vec<&str> = released.halt.as_ref().unwrap().timeline.iter().map(|moment| moment.what).collect();
    assert_eq!((moments[0], *moments.last().unwrap()), ("A limit was passed", "Released"), "{moments:?}");
    assert!(page::page(&released).contains("What a release started since the last look is not counted yet."));
    let commands: Vec<&str> = released.release.ways.iter().map(|way| way.command.as_str()).collect();
    assert!(
        !commands.iter().any(|command| command.ends_with("--user alice") || command.ends_with(PHYSICS)),
        "{commands:?}"
    );
    assert!(released.halt.as_ref().unwrap().groups.iter().any(|group| group.heading == "Started again"));
    check_document(&page::page(&released));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_never_halted_is_a_page_too() {
    let testbed = Testbed::new();
    testbed.world.add(&id(PAYER), SimAccount::new("payer", &["us-east-1"]));
    testbed.world.add(&id(PHYSICS), SimAccount::new("physics", &["us-east-1"]).running("us-east-1", 1, "m5.large"));
    send(&testbed.ports(), json!({})).await;
    let calm = told(&testbed, FORGED).await;
    assert_eq!((calm.state, calm.halt.is_none()), (State::Ok, true));
    assert_eq!(calm.release.said, "It was never halted or frozen: there is nothing to release.");
    let text = page::page(&calm);
    check_document(&text);
    assert!(text.contains("never halted or frozen"));
    assert!(
        page::file_name(&calm).starts_with("runawaytrain-report-script-document-title-stolen-script-2"),
        "{}",
        page::file_name(&calm)
    );
}

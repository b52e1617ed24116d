//! The largest account that AWS lets anybody have, and the largest organization: what is written of them still fits.
//! Names are as long as they may be, in characters of four bytes; errors are told at full length.
#![cfg(test)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::decision::{News, still_contained};
use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::price::Tenancy;
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::message::mail::{digest, write};
use runawaytrain_core::message::{Chat, Notice, NoticeKind};
use runawaytrain_core::observation::{Gap, Observation};
use runawaytrain_core::plan::{self, ActionResult, Containment, Outcome, Plan};
use runawaytrain_core::policy::{AccountPolicy, NotifyList, Policy};
use runawaytrain_core::record::{AccountRecord, Halt, State};
use runawaytrain_core::resource::groups::Group;
use runawaytrain_core::resource::instances::{Instance, Phase};
use runawaytrain_core::resource::roles::{Role, RoleLock};
use runawaytrain_core::resource::users::{AccessKey, Credentials, Lockout, User};
use runawaytrain_core::resource::{
    Act, Action, Circumstances, Fleets, Groups, Instances, Refusals, Roles, SkipReason, Skipped, SpotRequests, Users,
};
use runawaytrain_core::verdict::Grace;
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, GroupName, HaltId, InstanceId, KeyId, Region, RoleName, UserName};
use serde_json::json;

/// The bytes of one message, whatever protocols it is for.
/// <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
const SNS: usize = 262_144;
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const DYNAMODB_ITEM: usize = 400 * 1024;

const INSTANCES: usize = 10_000;
const PEOPLE: usize = 5_000;
const REGIONS: usize = 34;
/// More than EC2 has.
const TYPES: usize = 1_200;

fn now() -> Timestamp {
    "2026-11-27T03:12:04Z".parse().unwrap()
}

fn account(number: usize) -> AccountId {
    AccountId::parse(&format!("{:012}", 111_111_111_111 + number)).unwrap()
}

/// A name of so many characters that ends in a number, each of four bytes.
fn long(number: usize, characters: usize) -> String {
    let end = number.to_string();
    "𝄞".repeat(characters - end.len()) + &end
}

/// The same of what may be ASCII only: names of users and roles.
fn long_ascii(number: usize) -> String {
    format!("{number:x>64}")
}

fn region(number: usize) -> Region {
    Region::new(format!("ap-southeast-{number}"))
}

fn instance_type(number: usize) -> String {
    format!("u7in-24tb{}.224xlarge", number % TYPES)
}

/// A message of AWS's with everything that AWS puts into one, some kilobytes.
fn refusal(number: usize) -> Failure {
    Failure {
        operation: "ec2:ModifyInstanceAttribute".to_owned(),
        kind: if number.is_multiple_of(2) { FailureKind::Protected } else { FailureKind::Denied },
        code: Some("Client.UnauthorizedOperation".to_owned()),
        detail: format!(
            "User {} is not authorized. Encoded authorization failure message: {}",
            long(number, 128),
            "Zm9v".repeat(250)
        ),
        named: Vec::new(),
        denied_by: Some(DeniedBy::Organization),
    }
}

fn policy() -> AccountPolicy {
    let document = json!({
        "payer": "100000000000",
        "organization": { "id": "o-exampleorg1" },
        "defaults": { "limits": { "instances": 4, "vcpus": 64, "burn": 50 }, "notify": ["cloud@example.edu"] },
        "accounts": { account(0).as_str(): { "name": long(0, 128), "notify": ["physics@example.edu"] } },
    });
    Policy::from_json(&document.to_string()).unwrap().for_account(&account(0), None)
}

/// Everything that an account can be full of.
fn crowd() -> Observation {
    let mut seen = Observation::new(account(0));
    for number in 0..REGIONS {
        let of_region = (number..INSTANCES).step_by(REGIONS).map(|number| Instance {
            id: InstanceId::new(format!("i-{number:017x}")),
            instance_type: instance_type(number),
            vcpus: Vcpus { count: 896, estimated: false },
            phase: Phase::Running,
            spot_request: None,
            launcher: None,
            managed_by: None,
            operation: "RunInstances".to_owned(),
            tenancy: Tenancy::Shared,
            launched: Some(now()),
        });
        seen.see::<Instances>(Some(&region(number)), Ok(of_region.collect()));
        let groups = (0..200).map(|group| Group {
            name: GroupName::new(long(number * 200 + group, 255)),
            suspended: false,
            processes: Default::default(),
            desired: 0,
            members: Default::default(),
            created: Some(now()),
        });
        seen.see::<Groups>(Some(&region(number)), Ok(groups.collect()));
        seen.see::<Fleets>(Some(&region(number)), Ok(Vec::new()));
        seen.see::<SpotRequests>(Some(&region(number)), Ok(Vec::new()));
    }
    let key =
        |number: usize| AccessKey { id: KeyId::new(format!("AKIA{number:016}")), active: true, created: Some(now()) };
    let users = (0..PEOPLE).map(|number| User {
        name: UserName::new(long_ascii(number)),
        created: Some(now()),
        lockout: Ok(Lockout::Absent),
        deny_all: Ok(Default::default()),
        boundary: None,
        credentials: Some(Credentials {
            keys: Ok(vec![key(2 * number), key(2 * number + 1)]),
            console: Ok(true),
            others: Ok(Vec::new()),
        }),
        attachments: None,
    });
    seen.see::<Users>(None, Ok(users.collect()));
    let roles = (0..PEOPLE).map(|number| Role {
        name: RoleName::new(long_ascii(number)),
        path: "/".to_owned(),
        created: Some(now()),
        admits: Vec::new(),
        lock: Ok(RoleLock::Absent),
        deny_all: Ok(Default::default()),
        boundary: None,
    });
    seen.see::<Roles>(None, Ok(roles.collect()));
    seen
}

fn planned(seen: &Observation) -> Plan {
    let circumstances = Circumstances { tripped: now(), locked_out: now(), refusals: Refusals::default() };
    plan::plan(&policy(), seen, &circumstances)
}

/// Everything that runs in it, with every type that there is.
fn running() -> Summary {
    let types = || (0..TYPES).map(instance_type);
    Summary {
        instances: INSTANCES as u64,
        vcpus: 896 * INSTANCES as u64,
        by_region: (0..REGIONS).map(|number| (region(number), 300)).collect(),
        by_type: types().map(|name| (name, 9)).collect(),
        local_disks: types().map(|name| (name, LocalDisks::Unknown)).collect(),
        ..Summary::default()
    }
}

fn halt() -> Halt {
    Halt {
        id: HaltId::new("20261127T031204Z"),
        tripped: now(),
        before: running(),
        contained: None,
        outcome_told: false,
        denials_told: false,
        locked_out: None,
        tripped_limits: BTreeMap::from([(Limit::Instances, INSTANCES as u64), (Limit::Burn, u64::MAX / 2)]),
        freeze: None,
    }
}

/// A mail fits into SNS, twice and with what a chat shows of it, and into an item of the outbox; it ends as mails do.
fn assert_fits(notice: &Notice) {
    let Notice { subject, body, chat, .. } = notice;
    let message = json!({ "default": body, "email": body, "https": chat.notification(subject) }).to_string();
    assert!(message.len() <= SNS, "{subject}: {} bytes", message.len());
    let item = serde_json::to_string(chat).unwrap().len() + body.len() + subject.len();
    assert!(item + notice.who.len() + notice.what.len() + 1_000 <= DYNAMODB_ITEM, "{subject}: {item} bytes");
    assert!(subject.len() < 100 && subject.is_ascii(), "{subject}");
    assert!(body.contains("Runbook: "), "{subject}: it does not end");
}

#[test]
fn the_mails_of_the_largest_halt_fit_and_say_how_to_release_it() {
    let (policy, seen) = (policy(), crowd());
    let plan = planned(&seen);
    let actions: Vec<_> = plan.actions().cloned().collect();
    assert!(actions.len() > 4 * PEOPLE, "{} calls", actions.len());
    let stopped: usize = actions
        .iter()
        .filter(|action| action.operation() == "ec2:StopInstances")
        .map(|action| action.items().len())
        .sum();
    assert_eq!(stopped, INSTANCES);
    let erased = plan::erased(&actions, &running().local_disks);
    let why = "10000 instances (limit 4)".to_owned();
    let begun = write(&policy, &News::Halt { why, seen: running(), erased, at: now() });

    let failed = |(number, action): (usize, &Action)| {
        let result = ActionResult::Failed { failure: refusal(number) };
        Outcome { action: action.clone(), result }
    };
    let refused: Vec<Outcome> = actions.iter().enumerate().map(failed).collect();
    let done: Vec<Outcome> =
        actions.iter().map(|action| Outcome { action: action.clone(), result: ActionResult::Done }).collect();
    let skipped: Vec<Skipped> = (0..PEOPLE)
        .map(|number| Skipped {
            item: format!("host {}", long(number, 128)),
            reason: SkipReason::BillsOn {
                command: format!("aws ec2 release-hosts --host-ids h-{number:017x} {}", "--x ".repeat(50)),
            },
        })
        .collect();
    let nothing_done = Containment {
        remaining: actions.clone(),
        unanswered: PEOPLE,
        gaps: (0..PEOPLE).map(|number| Gap { at: long(number, 128), failure: refusal(number) }).collect(),
        skipped,
        suspects: (0..INSTANCES).map(|number| format!("user {} was made since", long_ascii(number))).collect(),
        after: Some(running()),
        outcomes: refused,
        verified: None,
    };
    let all_done = Containment { outcomes: done, verified: Some(now()), ..Containment::default() };
    assert_eq!(nothing_done.resisted().len(), actions.len(), "each of them resisted once");
    let outcome = |containment: &Containment| {
        let halt = Box::new(halt());
        write(&policy, &News::Outcome { halt, containment: containment.clone(), at: now() })
    };
    for notice in begun.iter().chain(&outcome(&nothing_done)).chain(&outcome(&all_done)) {
        assert_fits(notice);
        assert!(notice.body.contains(&format!("runawaytrain release {}\n", account(0))), "{}", notice.body);
        assert!(notice.body.contains(" more"), "what is left out is counted");
    }
}

#[test]
fn the_mail_of_the_largest_release_fits_whoever_is_vouched_for() {
    let (policy, seen) = (policy(), crowd());
    let outcomes: Vec<Outcome> = planned(&seen)
        .actions()
        .enumerate()
        .map(|(number, action)| {
            let result = match number % 3 {
                0 => ActionResult::Failed { failure: refusal(number) },
                _ => ActionResult::Done,
            };
            Outcome { action: action.clone(), result }
        })
        .collect();
    let skipped = (0..PEOPLE).map(|number| Skipped {
        item: format!("user {}", long_ascii(number)),
        reason: SkipReason::RootUnseen { failure: refusal(number) },
    });
    let trusted = (0..PEOPLE).map(|number| long(number, 128)).collect();
    let grace = Grace { until: now() + SignedDuration::from_hours(4), released_at: BTreeMap::new() };
    let news = News::Released {
        tripped: Some(now()),
        grace: Some(grace),
        outcomes,
        skipped: skipped.collect(),
        trusted,
        at: now(),
    };
    for notice in write(&policy, &news) {
        assert_fits(&notice);
        assert!(notice.body.contains(" and 4985 more: given back whatever their age"), "{}", notice.body);
    }
}

fn notice(number: usize, kind: NoticeKind, what: String, todo: &str) -> Notice {
    let who = format!("{} ({})", long(number, 128), account(number));
    Notice {
        kind,
        account: account(number),
        list: NotifyList::Default,
        subject: format!("[runawaytrain] {what}"),
        body: format!(
            "What:   {what}\nWhere:  {who}\nTo do:  {todo}\n\nMore.\n\nWhat to do\n- This.\n\nRunbook: docs/runbook.md\n"
        ),
        chat: Chat::default(),
        who,
        what,
    }
}

#[test]
fn one_mail_about_ten_thousand_accounts_fits_and_counts_whom_it_does_not_name() {
    for (differ, todo_differs) in [(false, false), (true, false), (true, true)] {
        let notices: Vec<Notice> = (0..10_000)
            .map(|number| {
                let what =
                    if differ { format!("{number} instances {}", long(number, 250)) } else { "not seen".to_owned() };
                let todo =
                    if todo_differs { format!("Look at {}", long(number, 250)) } else { "Look at it.".to_owned() };
                notice(number, NoticeKind::Unseen, what, &todo)
            })
            .collect();
        let (subject, body, chat) = digest(&notices.iter().collect::<Vec<_>>()).unwrap();
        let first = notices.first().unwrap().clone();
        assert_fits(&Notice { subject, body: body.clone(), chat, ..first });
        assert!(body.contains("10000 accounts") && body.contains("runawaytrain status"), "{body}");
        let named: usize = body.matches(" (11111111").count();
        assert!(named > 20 && body.contains(" more"), "{named} are named: {body}");
    }
}

#[test]
fn the_daily_mail_of_ten_thousand_contained_accounts_fits() {
    let records: Vec<AccountRecord> = (0..10_000)
        .map(|number| AccountRecord {
            name: Some(long(number, 128)),
            state: State::Halting,
            why: long(number, 300),
            halt: Some(Halt { before: Summary::default(), tripped: now() - SignedDuration::from_hours(48), ..halt() }),
            ..AccountRecord::new(account(number), now() - SignedDuration::from_hours(48))
        })
        .collect();
    let news = still_contained(records.iter(), now()).unwrap();
    for notice in write(&policy(), &news) {
        assert_fits(&notice);
        assert!(notice.body.contains("and 9975 more. To list them all"), "{}", notice.body);
    }
}

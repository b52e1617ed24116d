//! The mails, word by word: each is a file in `tests/mails`, and what chats show of them is `tests/chats.txt`.
//! `UPDATE_GENERATED=1` writes them anew.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use runawaytrain_core::decision::{End, News, ShutOut, still_contained};
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::price::Burn;
use runawaytrain_core::measure::spend::{Charge, Charged, SpendSeen, SpendSource};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail::{digest, write};
use runawaytrain_core::message::{Chat, Notice, NoticeKind};
use runawaytrain_core::observation::Gap;
use runawaytrain_core::plan::{ActionResult, Containment, Outcome};
use runawaytrain_core::policy::{AccountPolicy, Exception, LimitSettings, NotifyList, Policy};
use runawaytrain_core::record::{AccountRecord, FreezeReason, Halt, State, Unseen};
use runawaytrain_core::resource::{Action, SkipReason, Skipped};
use runawaytrain_core::verdict::{AsOf, Grace, Judgement, Reading, Verdict};
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId, Region};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::money::Usd;
use serde_json::{Value, json};

const PAYER: &str = "100000000000";
const PHYSICS: &str = "111111111111";
const CHEMISTRY: &str = "222222222222";

/// Widest line, but for what cannot be broken.
const WIDTH: usize = 80;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mails")
}

/// A night in November.
fn at(time: &str) -> Timestamp {
    format!("2026-11-{time}Z").parse().unwrap()
}

fn now() -> Timestamp {
    at("27T03:12:04")
}

fn id(account: &str) -> AccountId {
    AccountId::parse(account).unwrap()
}

/// The policy of an account, with some of its settings changed.
fn policy_with(account: &str, settings: Value) -> AccountPolicy {
    let mut physics = json!({ "name": "physics", "notify": ["physics@example.edu"] });
    physics.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1" },
        "cur": { "bucket": "payer-reports", "prefix": "cur/" },
        "defaults": {
            "limits": { "instances": 4, "vcpus": 64, "burn": 50, "spend24h": 100, "purchases": 1000 },
            "notify": ["cloud@example.edu"],
        },
        "accounts": { PHYSICS: physics, PAYER: { "name": "university" } },
    });
    Policy::from_json(&document.to_string()).unwrap().for_account(&id(account), None)
}

fn policy(account: &str) -> AccountPolicy {
    policy_with(account, json!({}))
}

/// What ran away: 27 instances in two regions.
fn seen() -> Summary {
    Summary {
        instances: 27,
        vcpus: 1_312,
        burn: Burn { listed: Usd::from_dollars(623.12), ..Burn::default() },
        exempt: 2,
        by_region: [(Region::new("us-east-1"), 20), (Region::new("us-west-2"), 9)].into(),
        by_type: [("p5.48xlarge".to_owned(), 6), ("c5.4xlarge".to_owned(), 21), ("t3.micro".to_owned(), 2)].into(),
        ..Summary::default()
    }
}

/// The same where a region did not answer and a price is missing.
fn seen_in_part() -> Summary {
    let burn =
        Burn { listed: Usd::from_dollars(23.5), estimated: Usd::from_dollars(40.0), least: Usd::from_dollars(4.0) };
    Summary { burn, unpriced: 3, exempt: 0, lower_bound: true, ..seen() }
}

fn nothing() -> Summary {
    Summary::default()
}

fn reading(limit: Limit, value: u64, threshold: u64, judgement: Judgement) -> Reading {
    Reading { limit, value, estimated: 0, certain: value, threshold, judgement, lower_bound: false, as_of: None }
}

fn verdict(readings: Vec<Reading>) -> Verdict {
    Verdict {
        judgement: readings.iter().map(|reading| reading.judgement).max().unwrap(),
        readings,
        unknown: Vec::new(),
        spend: SpendSeen::default(),
        gaps: Vec::new(),
        reached: true,
        unfinished: false,
        throttled: false,
    }
}

fn warning(mode: Mode, readings: Vec<Reading>, seen: Summary) -> News {
    News::Warning { mode, verdict: verdict(readings), seen, at: now() }
}

fn halt_of(limits: &[(Limit, u64)], before: Summary) -> Halt {
    Halt {
        id: HaltId::new("20261127T031204Z"),
        tripped: now(),
        before,
        contained: None,
        outcome_told: true,
        denials_told: false,
        locked_out: None,
        tripped_limits: limits.iter().copied().collect(),
        freeze: None,
    }
}

fn halted() -> Halt {
    halt_of(&[(Limit::Instances, 27), (Limit::Vcpus, 1_312), (Limit::Burn, 623_120_000)], seen())
}

fn action(action: Value) -> Action {
    serde_json::from_value(action).unwrap()
}

fn done(call: Value) -> Outcome {
    Outcome { action: action(call), result: ActionResult::Done }
}

fn failed(call: Value, failure: Failure) -> Outcome {
    Outcome { action: action(call), result: ActionResult::Failed { failure } }
}

fn denied(operation: &'static str, by: Option<DeniedBy>) -> Failure {
    Failure { denied_by: by, ..Failure::own(operation, FailureKind::Denied, "") }
}

fn stop(region: &str, numbers: std::ops::Range<u32>) -> Value {
    let instances: Vec<String> = numbers.map(|number| format!("i-{number:017x}")).collect();
    json!({ "do": "stop-instances", "region": region, "instances": instances })
}

/// What a halt does where nothing resists.
fn calls() -> Vec<Outcome> {
    [
        json!({ "do": "freeze" }),
        json!({ "do": "suspend-group", "region": "us-east-1", "group": "workers" }),
        stop("us-east-1", 0..20),
        stop("us-west-2", 20..27),
        json!({ "do": "deny-user", "user": "alice" }),
        json!({ "do": "deactivate-key", "user": "alice", "key": "AKIAEXAMPLE1" }),
        json!({ "do": "delete-login", "user": "alice" }),
        json!({ "do": "revoke-sessions", "role": "lab", "until": "2026-11-27T03:12:10Z" }),
    ]
    .map(done)
    .into()
}

fn skipped(item: &str, reason: SkipReason) -> Skipped {
    Skipped { item: item.to_owned(), reason }
}

fn outcome(halt: Halt, containment: Containment, at: Timestamp) -> News {
    News::Outcome { halt: Box::new(halt), containment, at }
}

/// All that a halt may have to say.
fn resisting() -> Containment {
    let by_hand = json!({ "do": "stop-instances", "region": "us-east-1", "instances": ["i-00000000000000099"] });
    let mut outcomes = calls();
    let deny = |user: &str| json!({ "do": "deny-user", "user": user });
    let by_scp = || denied("iam:PutUserPolicy", Some(DeniedBy::Organization));
    outcomes.extend([
        failed(by_hand.clone(), Failure::own("ec2:StopInstances", FailureKind::Unavailable, "timed out")),
        failed(deny("bob"), by_scp()),
        failed(deny("carol"), by_scp()),
    ]);
    Containment {
        outcomes,
        unanswered: 1,
        remaining: vec![action(by_hand), action(deny("bob")), action(deny("carol"))],
        gaps: vec![Gap { at: "ap-south-1".to_owned(), failure: denied("ec2:DescribeInstances", None) }],
        skipped: vec![
            skipped("user kjanet", SkipReason::Exempt),
            skipped(
                "2 Dedicated Hosts for mac2.metal in us-east-1",
                SkipReason::BillsOn {
                    command:
                        "aws ec2 release-hosts --region us-east-1 --host-ids h-0123456789abcdef0 h-0123456789abcdef1"
                            .to_owned(),
                },
            ),
            skipped(
                "Dedicated Hosts in us-west-2",
                SkipReason::MayBillOn { failure: denied("ec2:DescribeHosts", None) },
            ),
        ],
        suspects: vec!["user mallory, made at 2026-11-27T02:58:00Z".to_owned()],
        after: Some(Summary { instances: 1, vcpus: 16, ..nothing() }),
        verified: None,
    }
}

fn unseen() -> Unseen {
    Unseen {
        since: at("27T02:40:00"),
        sweeps: 6,
        why: "account: sts:AssumeRole was denied".to_owned(),
        refused_since: Some(at("27T02:40:00")),
        told: true,
        refusal_told: false,
        throttled: 0,
    }
}

fn unseen_for(shut_out: ShutOut) -> News {
    News::Unseen { state: State::Ok, unseen: unseen(), brief: "sts:AssumeRole was denied".to_owned(), shut_out }
}

fn frozen(reason: FreezeReason, why: &str, holds: Result<(), &str>) -> News {
    News::Freeze { reason, why: why.to_owned(), seen: seen(), holds: holds.map_err(str::to_owned), at: now() }
}

const PAST: &str = "27 instances (limit 4)";
const BOUGHT: &str = "USD 100,000.00 of purchases (limit 1,000.00; cost and usage reports until 2026-11-26 22:00 UTC)";

fn record(account: &str, name: &str, state: State, halt: Halt) -> AccountRecord {
    let mut record = AccountRecord::new(id(account), halt.tripped);
    record.name = Some(name.to_owned());
    record.state = state;
    record.why = PAST.to_owned();
    record.halt = Some(halt);
    record
}

/// A day after one halt was proven and two days after another began that is not.
fn contained() -> Vec<AccountRecord> {
    let proven = Halt { tripped: at("25T03:12:04"), ..halted() };
    let mut physics = record(PHYSICS, "physics", State::Halted, proven);
    physics.last = Some(nothing());
    physics.spend = SpendSeen {
        day: Some(Charged {
            amount: Usd::from_dollars(1_204.5),
            from: at("25T22:00:00"),
            until: at("26T22:00:00"),
            source: SpendSource::Reports,
        }),
        month: Some(Charge { amount: Usd::from_dollars(9_380.0), at: at("26T20:00:00") }),
        purchases: None,
    };
    let unproven = Halt { tripped: at("24T11:00:00"), ..halted() };
    let mut chemistry = record(CHEMISTRY, "chemistry", State::Halting, unproven);
    chemistry.last = Some(Summary { instances: 2, vcpus: 8, ..nothing() });
    chemistry.unseen = Some(unseen());
    vec![physics, chemistry]
}

fn reminder(records: &[AccountRecord]) -> News {
    still_contained(records, now()).unwrap()
}

fn many(kind: fn(&str) -> News, accounts: u32) -> Vec<Notice> {
    let number = |number| format!("4{number:011}");
    let accounts = (0..accounts).map(number);
    accounts
        .flat_map(|account| {
            let named = AccountPolicy { name: Some(format!("lab-{}", &account[9..])), ..policy(&account) };
            write(&named, &kind(&account))
        })
        .collect()
}

fn exception() -> Exception {
    Exception {
        limits: LimitSettings::from_json(json!({ "instances": 200, "burn": 400 })).unwrap(),
        made: now(),
        until: "2026-12-02T00:00:00Z".parse().unwrap(),
        reason: "the climate run of Prof. Weber".to_owned(),
        by: Some("arn:aws:sts::100000000000:assumed-role/Admin/dora".to_owned()),
        end_told: false,
    }
}

fn denied_calls() -> BTreeMap<String, DeniedBy> {
    [
        ("ec2:StopInstances", DeniedBy::Organization),
        ("ec2:StartInstances", DeniedBy::Organization),
        ("iam:PutUserPolicy", DeniedBy::Boundary),
        ("iam:UpdateAccessKey", DeniedBy::Role),
    ]
    .map(|(call, by)| (call.to_owned(), by))
    .into()
}

fn reports(place: &str, until: Option<Timestamp>, has_failed: bool, is_made: bool, why: &str) -> News {
    News::UnreadReports { place: place.to_owned(), is_made, why: vec![why.to_owned()], has_failed, until, at: now() }
}

fn released(outcomes: Vec<Outcome>, skipped: Vec<Skipped>, trusted: &[&str]) -> News {
    News::Released {
        tripped: Some(now()),
        grace: Some(Grace { until: at("27T07:12:04"), released_at: [(Limit::Instances, 27)].into() }),
        outcomes,
        skipped,
        trusted: trusted.iter().map(|name| (*name).to_owned()).collect(),
        at: now(),
    }
}

/// A mail, and what a chat shows of it.
struct Letter {
    mail: String,
    notification: Value,
}

fn letter(to: &str, subject: &str, body: &str, chat: &Chat) -> Letter {
    Letter {
        mail: format!("To:      {to}\nSubject: {subject}\n\n{body}"),
        notification: serde_json::from_str(&chat.notification(subject)).unwrap(),
    }
}

/// The mails of a piece of news as one: they differ in their list alone.
fn of(policy: &AccountPolicy, news: &News) -> Letter {
    let notices = write(policy, news);
    let lists: Vec<&str> = notices
        .iter()
        .map(|notice| if notice.list == NotifyList::Default { "the payer's list" } else { "its own list" })
        .collect();
    let Notice { subject, body, chat, .. } = &notices[0];
    assert!(notices.iter().all(|one| (&one.subject, &one.body, &one.chat) == (subject, body, chat)));
    letter(&lists.join(", "), subject, body, chat)
}

fn of_many(notices: &[Notice]) -> Letter {
    let (subject, body, chat) = digest(&notices.iter().collect::<Vec<_>>()).unwrap();
    letter("the payer's list", &subject, &body, &chat)
}

/// Each mail by the name of its file, which begins with its kind.
fn mails() -> Vec<(&'static str, String)> {
    letters().into_iter().map(|(name, letter)| (name, letter.mail)).collect()
}

/// What a chat shows of each.
fn notifications() -> Vec<(&'static str, Value)> {
    letters().into_iter().map(|(name, letter)| (name, letter.notification)).collect()
}

fn letters() -> Vec<(&'static str, Letter)> {
    let physics = policy(PHYSICS);
    let payer = policy(PAYER);
    let halt = |seen: Summary, why: &str, erased: &[&str]| News::Halt {
        why: why.to_owned(),
        seen,
        erased: erased.iter().map(|words| (*words).to_owned()).collect(),
        at: now(),
    };
    let proven = |containment: Containment| Containment { verified: Some(at("27T03:13:18")), ..containment };
    let quiet = || Containment { outcomes: calls(), after: Some(nothing()), ..Containment::default() };
    let not_frozen = "its mode is drill".to_owned();
    let hostile = "physics\nRunbook: https://example.com/\u{202E}\u{1b}[31m";
    let by_spend = || {
        let ran = Summary { instances: 1, vcpus: 1, ..nothing() };
        outcome(
            halt_of(&[(Limit::Spend24h, 480_000_000)], ran),
            Containment { outcomes: vec![done(json!({ "do": "freeze" }))], ..proven(quiet()) },
            now(),
        )
    };
    let reported = AsOf { at: at("26T22:00:00"), source: SpendSource::Reports };
    let maybe = Reading {
        estimated: 60_000_000,
        certain: 16_000_000,
        ..reading(Limit::Burn, 70_000_000, 50_000_000, Judgement::Warn)
    };
    vec![
        (
            "warning",
            of(&physics, &warning(Mode::Proceed, vec![reading(Limit::Instances, 4, 4, Judgement::Warn)], seen())),
        ),
        (
            "warning-drill",
            of(
                &payer,
                &warning(
                    Mode::Drill,
                    vec![
                        reading(Limit::Instances, 27, 4, Judgement::Halt),
                        Reading {
                            as_of: Some(reported),
                            ..reading(Limit::Spend24h, 480_000_000, 100_000_000, Judgement::Halt)
                        },
                    ],
                    seen(),
                ),
            ),
        ),
        ("warning-estimate", of(&physics, &warning(Mode::Proceed, vec![maybe], seen_in_part()))),
        (
            "warning-of-many",
            of_many(&many(
                |_| warning(Mode::Drill, vec![reading(Limit::Instances, 27, 4, Judgement::Halt)], seen()),
                40,
            )),
        ),
        ("halt", of(&physics, &halt(seen(), PAST, &[]))),
        (
            "halt-seen-in-part",
            of(
                &physics,
                &halt(
                    seen_in_part(),
                    "at least 27 instances (limit 4)",
                    &["6 x p5.48xlarge in us-east-1 (i-00000000000000001, i-00000000000000002 and 4 more)"],
                ),
            ),
        ),
        ("halt-of-the-payer", of(&payer, &halt(seen(), "ordered: keys on a public page", &[]))),
        (
            "halt-without-a-name",
            of(
                &policy_with(CHEMISTRY, json!({})),
                &halt(Summary { unpriced: 27, burn: Burn::default(), ..seen() }, PAST, &[]),
            ),
        ),
        (
            "halt-with-a-forged-name",
            of(&AccountPolicy { name: Some(hostile.to_owned()), ..physics.clone() }, &halt(seen(), PAST, &[])),
        ),
        ("outcome", of(&physics, &outcome(halted(), proven(quiet()), now()))),
        ("outcome-not-proven", of(&physics, &outcome(halted(), resisting(), at("27T03:27:10")))),
        ("outcome-except-for-what-resisted", of(&physics, &outcome(halted(), proven(resisting()), now()))),
        (
            "outcome-without-quarantine",
            of(
                &policy_with(PHYSICS, json!({ "contain": { "quarantine": false } })),
                &outcome(halted(), resisting(), at("27T03:27:10")),
            ),
        ),
        ("outcome-source-not-found", of(&physics, &by_spend())),
        ("unseen", of(&physics, &unseen_for(ShutOut::No))),
        ("unseen-ours", of(&physics, &unseen_for(ShutOut::Ours { accounts: 31 }))),
        ("unseen-moved", of(&physics, &unseen_for(ShutOut::Moved))),
        ("unseen-unplaced", of(&physics, &unseen_for(ShutOut::Unplaced))),
        ("unseen-of-many", of_many(&many(|_| unseen_for(ShutOut::Ours { accounts: 31 }), 31))),
        (
            "released",
            of(
                &physics,
                &released(
                    vec![done(json!({ "do": "thaw" })), done(json!({ "do": "lift-deny", "user": "alice" }))],
                    vec![
                        skipped("user mallory", SkipReason::Suspicious { created: Some(at("27T02:58:00")) }),
                        skipped("27 instances", SkipReason::NotStarted),
                    ],
                    &["alice"],
                ),
            ),
        ),
        ("released-nothing-left", of(&physics, &released(vec![done(json!({ "do": "thaw" }))], Vec::new(), &[]))),
        ("released-nothing-to-release", of(&physics, &released(Vec::new(), Vec::new(), &[]))),
        (
            "released-not-whole",
            of(
                &physics,
                &released(
                    vec![failed(json!({ "do": "thaw" }), denied("organizations:DetachPolicy", None))],
                    Vec::new(),
                    &[],
                ),
            ),
        ),
        ("braked", of(&physics, &frozen(FreezeReason::Brake, PAST, Ok(())))),
        (
            "braked-not-frozen",
            of(&physics, &frozen(FreezeReason::BrakeUnknown, PAST, Err("no quarantine policy is deployed"))),
        ),
        ("braked-of-many", of_many(&many(|_| frozen(FreezeReason::Brake, PAST, Ok(())), 6))),
        ("tamper", of(&physics, &frozen(FreezeReason::ShutOut, "account: sts:AssumeRole was denied", Ok(())))),
        (
            "tamper-throttled",
            of(&physics, &frozen(FreezeReason::Throttled, "us-east-1: ec2:DescribeInstances was throttled", Ok(()))),
        ),
        (
            "tamper-not-frozen",
            of(&physics, &News::Tamper { state: State::Ok, unseen: unseen(), not_frozen: not_frozen.clone() }),
        ),
        ("thawed", of(&physics, &News::Thawed { reason: FreezeReason::ShutOut, at: now() })),
        (
            "denied-regions",
            of(
                &payer,
                &News::DeniedRegions { regions: vec![Region::new("ap-south-1"), Region::new("ap-southeast-1")] },
            ),
        ),
        (
            "unreadable",
            of(
                &physics,
                &News::Unreadable {
                    state: Some(State::Ok),
                    why: "unknown variant `Paused` at line 1 column 40".to_owned(),
                    seen: seen(),
                    past: Some((PAST.to_owned(), Ok(()))),
                    at: now(),
                },
            ),
        ),
        (
            "unreadable-within-limits",
            of(
                &physics,
                &News::Unreadable {
                    state: None,
                    why: "it is no JSON".to_owned(),
                    seen: nothing(),
                    past: None,
                    at: now(),
                },
            ),
        ),
        (
            "unread-reports",
            of(
                &payer,
                &reports(
                    "s3://payer-reports/cur/",
                    Some(at("26T02:00:00")),
                    true,
                    false,
                    "20261101-20261201: cur/november.csv.gz is missing, though cur/manifest.json names it: AWS is \
                     writing the report, or somebody deleted the file",
                ),
            ),
        ),
        (
            "unread-reports-none",
            of(&payer, &reports("s3://runawaytrain-reports/cur/", None, false, true, "there is no report")),
        ),
        ("purchases", of(&physics, &frozen(FreezeReason::Purchases, BOUGHT, Ok(())))),
        (
            "purchases-not-frozen",
            of(&physics, &News::Purchases { state: State::Warned, why: BOUGHT.to_owned(), not_frozen, at: now() }),
        ),
        (
            "purchases-of-a-halted-account",
            of(
                &physics,
                &News::Purchases {
                    state: State::Halted,
                    why: BOUGHT.to_owned(),
                    not_frozen: "it is Halted already".to_owned(),
                    at: now(),
                },
            ),
        ),
        ("not-permitted", of(&physics, &News::NotPermitted { denied: denied_calls(), at: now() })),
        (
            "not-permitted-of-many",
            of_many(&many(
                |_| News::NotPermitted {
                    denied: [("ec2:StopInstances".to_owned(), DeniedBy::Organization)].into(),
                    at: now(),
                },
                30,
            )),
        ),
        ("exception", of(&physics, &News::Exception { exception: exception(), replaced: None, state: State::Ok })),
        (
            "exception-replaced",
            of(
                &physics,
                &News::Exception {
                    exception: exception(),
                    replaced: Some(Exception { until: at("28T00:00:00"), ..exception() }),
                    state: State::Halted,
                },
            ),
        ),
        (
            "exception-ended",
            of(&physics, &News::ExceptionEnded { exception: exception(), end: End::Expired, at: now() }),
        ),
        (
            "exception-ended-by-somebody",
            of(
                &payer,
                &News::ExceptionEnded {
                    exception: exception(),
                    end: End::Revoked { by: Some("arn:aws:iam::100000000000:user/dora".to_owned()) },
                    at: now(),
                },
            ),
        ),
        ("permitted", of(&physics, &News::Permitted { at: now() })),
        (
            "unseen-of-many-that-differ",
            of_many(&many(|account| unseen_for(if account.ends_with('2') { ShutOut::Moved } else { ShutOut::No }), 4)),
        ),
        ("permitted-of-many", of_many(&many(|_| News::Permitted { at: now() }, 5))),
        ("contained", of(&payer, &reminder(&contained()[..1]))),
        ("contained-several", of(&payer, &reminder(&contained()))),
        ("contained-frozen", {
            let braked = Halt { tripped: at("26T03:00:00"), freeze: Some(FreezeReason::Brake), ..halted() };
            of(&payer, &reminder(&[record(PHYSICS, "physics", State::Frozen, braked)]))
        }),
    ]
}

/// The kind that a file is of.
fn kind(file: &str) -> NoticeKind {
    let kinds = NoticeKind::ALL.into_iter().filter(|kind| file.starts_with(kind.name()));
    kinds.max_by_key(|kind| kind.name().len()).unwrap()
}

#[test]
fn each_mail_reads_as_its_file_says() {
    let mails = mails();
    let mut written: BTreeSet<String> = BTreeSet::new();
    for (name, text) in &mails {
        let file = folder().join(format!("{name}.txt"));
        if std::env::var_os("UPDATE_GENERATED").is_some() {
            std::fs::write(&file, text).unwrap();
        }
        let found = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == *text,
            "tests/mails/{name}.txt is not what is mailed. Read the difference, then run: \
             UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test mails\n{text}"
        );
        assert!(written.insert(format!("{name}.txt")), "{name} is written twice");
    }
    let there: BTreeSet<String> =
        std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, written, "a file that no mail is written into");
    let kinds: BTreeSet<&str> = mails.iter().map(|(name, _)| kind(name).name()).collect();
    assert_eq!(kinds, NoticeKind::ALL.iter().map(|kind| kind.name()).collect(), "each kind of mail has its file");
}

/// What a chat shows of each mail, as text.
fn chats() -> String {
    let shown = |(name, one): &(&str, Value)| {
        let content = &one["content"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let steps = content["nextSteps"].as_array().into_iter().flatten().map(|step| format!("- {}\n", text(step)));
        let thread = one["metadata"]["threadId"].as_str().map(|thread| format!("(thread {thread})\n"));
        let (title, description) = (text(&content["title"]), text(&content["description"]));
        let description = description.replace("\n\n", "\n");
        format!("== {name}\n{title}\n{description}\n{}{}", steps.collect::<String>(), thread.unwrap_or_default())
    };
    notifications().iter().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_chat_reads_as_its_file_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chats.txt");
    let text = chats();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == text,
        "tests/chats.txt is not what chats show. Read the difference, then run: \
         UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test mails\n{text}"
    );
}

#[test]
fn a_chat_begins_as_the_mail_does_and_shows_no_command_that_the_mail_has_not() {
    let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = |text: &str| text.chars().map(ascii).collect::<String>();
    for (name, Letter { mail, notification }) in letters() {
        let content = &notification["content"];
        let first = mail.split("\n\n").nth(1).unwrap();
        let description = plain(&flat(content["description"].as_str().unwrap()));
        assert_eq!(description, flat(&format!("{first} The rest is in the mail.")), "{name}");
        for step in content["nextSteps"].as_array().into_iter().flatten() {
            let command = step.as_str().unwrap().trim_matches('`');
            assert!(lines(&mail).contains(&command), "{name}: {command}");
        }
    }
}

/// The character that a fullwidth one stands for.
fn ascii(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(character) - 0xFEE0).unwrap(),
        other => other,
    }
}

#[test]
fn no_chat_can_ring_a_channel_or_hold_a_link() {
    let name = "<!channel> *safe* <https://example.com|release it> @here `x`".to_owned();
    let named = AccountPolicy { name: Some(name), ..policy(PHYSICS) };
    let halt = News::Halt { why: PAST.to_owned(), seen: seen(), erased: Vec::new(), at: now() };
    let forged = ("a name that is markup", of(&named, &halt).notification);
    for (name, notification) in notifications().into_iter().chain([forged]) {
        let content = &notification["content"];
        for text in [&content["title"], &content["description"], &notification["metadata"]["summary"]] {
            let text = text.as_str().unwrap();
            assert!(!text.contains(['<', '>', '@', '#', '&', '*', '_', '`', '[', ']', '|']), "{name}: {text}");
            assert!(!text.contains("://"), "{name}: {text}");
        }
    }
}

#[test]
fn what_is_told_of_one_halt_is_one_thread_and_of_the_next_another() {
    let thread = |news: &News| write(&policy(PHYSICS), news)[0].chat.thread.clone();
    let begun = |tripped| News::Halt { why: PAST.to_owned(), seen: seen(), erased: Vec::new(), at: tripped };
    let proven = |tripped| outcome(Halt { tripped, ..halted() }, Containment::default(), at("27T09:00:00"));
    let halts = [now(), at("28T03:12:04")];
    for tripped in halts {
        assert_eq!(thread(&begun(tripped)), thread(&proven(tripped)));
    }
    assert_ne!(thread(&begun(halts[0])), thread(&begun(halts[1])));
    assert_eq!(thread(&released(Vec::new(), Vec::new(), &[])), thread(&begun(now())));
    assert_eq!(thread(&News::Permitted { at: now() }), None, "what is about no halt stands alone");
    let other = write(&policy(CHEMISTRY), &begun(now()))[0].chat.thread.clone();
    assert_ne!(thread(&begun(now())), other);
}

/// The lines of a text, without the last one's end.
fn lines(mail: &str) -> Vec<&str> {
    mail.lines().collect()
}

#[test]
fn the_first_three_lines_of_a_mail_say_what_where_and_what_to_do() {
    for (name, mail) in mails() {
        let body = mail.split_once("\n\n").unwrap().1;
        let first = lines(body);
        for (line, label) in first.iter().zip(["What:   ", "Where:  ", "To do:  "]) {
            assert!(line.starts_with(label), "{name}: {line}");
        }
        let called = match name {
            "halt-without-a-name" => CHEMISTRY,
            "contained-several" => "chemistry (222222222222), physics (111111111111)",
            "denied-regions" | "unread-reports" | "unread-reports-none" => "university (100000000000)",
            "warning-drill" | "halt-of-the-payer" | "exception-ended-by-somebody" => {
                "university (100000000000), the payer account"
            }
            "halt-with-a-forged-name" => "physics Runbook: https://example.com/[31m (111111111111)",
            name if name.contains("-of-many") => "lab-000 (400000000000), lab-001 (400000000001)",
            _ => "physics (111111111111)",
        };
        assert!(first[1].contains(called), "{name}: {}", first[1]);
    }
}

#[test]
fn a_subject_names_the_account_and_fits_into_sns() {
    for (name, mail) in mails() {
        let subject = lines(&mail)[1].strip_prefix("Subject: ").unwrap();
        // <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>
        assert!(
            subject.len() < 100 && subject.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()),
            "{subject}"
        );
        let names = ["physics", "university", CHEMISTRY, "chemistry", " accounts"];
        assert!(names.iter().any(|called| subject.contains(called)), "{name}: {subject}");
    }
}

#[test]
fn no_line_of_a_mail_is_wider_than_a_phone_but_a_command() {
    for (name, mail) in mails() {
        let is_command = |line: &str| ["runawaytrain ", "aws "].iter().any(|command| line.starts_with(command));
        let is_one_word = |line: &str| line.trim_start_matches("- ").split_whitespace().count() == 1;
        let body = mail.split_once("\n\n").unwrap().1;
        for line in lines(body) {
            let width = line.chars().count();
            assert!(width <= WIDTH || is_command(line) || is_one_word(line), "{name}, {width}: {line}");
            assert!(line == line.trim_end() && !line.contains('\t'), "{name}: {line:?}");
        }
    }
}

#[test]
fn the_last_line_of_a_mail_is_its_place_in_the_runbook() {
    for (name, mail) in mails() {
        let kind = kind(name).name();
        assert_eq!(lines(&mail).last(), Some(&format!("Runbook: docs/runbook.md#mail-{kind}").as_str()), "{name}");
        assert!(mail.ends_with('\n') && !mail.contains("\n\n\n"), "{name}");
    }
}

#[test]
fn no_mail_asks_for_json() {
    for (name, mail) in mails() {
        for banned in ["aws lambda", "{\"", "\":"] {
            assert!(!mail.contains(banned), "{name}: {banned}");
        }
    }
}

#[test]
fn people_are_reminded_of_whoever_was_contained_before_today_and_still_is() {
    let of = |state: State, tripped: &str| {
        let record = record(PHYSICS, "physics", state, Halt { tripped: at(tripped), ..halted() });
        still_contained([&record], now()).is_some()
    };
    for state in State::ALL {
        assert_eq!(of(state, "26T23:59:59"), state.is_contained(), "{state}");
        assert!(!of(state, "27T00:00:00"), "{state}: mailed about today");
    }
}

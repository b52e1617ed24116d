//! What every ledger must keep, whatever it stores in: the states, the journal, the outbox and the slots. Each rule
//! wants an empty ledger, or accounts that nothing was written for.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::measure::disks::LocalDisks;
use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::measure::price::Burn;
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::{Chat, Notice, NoticeKind};
use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::policy::NotifyList;
use runawaytrain_core::record::{
    AccountRecord, EarlierHalt, FreezeReason, Halt, HourPeak, KnownRegions, State, Unseen, Warned,
};
use runawaytrain_core::resource::users::{Credential, UserAttachment};
use runawaytrain_core::resource::{Action, Erasure, instances, users};
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId, InstanceId, KeyId, Region, UnitId, UserName};
use runawaytrain_core::vocabulary::money::Usd;
use runawaytrain_engine::ports::{
    Commit, Conclusion, EntryId, JournalEntry, Lease, LeaseMove, Ports, Records, SlotPool, StoreError, VersionedRecord,
};

/// All of it, on an empty ledger.
pub async fn ledger_contract(ports: &Ports) {
    an_empty_ledger_is_empty(ports).await;
    records_come_back_as_written(ports).await;
    some_records_come_without_the_others(ports).await;
    whoever_read_old_data_writes_nothing(ports).await;
    a_lease_has_one_holder_until_it_expires(ports).await;
    a_lease_that_was_given_back_is_free(ports).await;
    a_holder_that_slept_changes_nothing_more(ports).await;
    one_waits_for_the_end_of_a_lease(ports).await;
    a_journal_keeps_intents_and_outcomes_in_order(ports).await;
    many_lanes_write_side_by_side(ports).await;
    mails_go_out_with_their_record_or_not_at_all(ports).await;
    a_mail_without_a_record_goes_out_once_in_a_while(ports).await;
    a_mail_is_claimed_by_one(ports).await;
    slots_run_out_and_come_back(ports).await;
    slots_of_one_pool_say_nothing_of_the_other(ports).await;
    hours_come_back_in_their_order(ports).await;
}

fn account(number: u64) -> AccountId {
    AccountId::parse(&format!("2{number:011}")).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    "2026-11-22T03:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn record(number: u64) -> AccountRecord {
    AccountRecord::new(account(number), at(0))
}

fn write(record: &AccountRecord, lease: LeaseMove) -> Commit {
    Commit { record: record.clone(), lease, notices: Vec::new(), peak: None, at: at(0) }
}

fn acquire(expected: u64, holder: &str, now: i64) -> LeaseMove {
    LeaseMove::Acquire { expected, holder: holder.to_owned(), now: at(now), until: at(now + 60) }
}

fn notice(number: u64, kind: NoticeKind, list: NotifyList) -> Notice {
    Notice {
        kind,
        account: account(number),
        list,
        subject: format!("Account {} is halted", account(number)),
        body: "What ran where.\nWhat was done.\n".to_owned(),
        chat: Chat {
            lead: vec!["What: This account is being halted.".to_owned()],
            commands: vec![format!("runawaytrain release {}", account(number))],
            thread: Some(format!("{}-20261122T030000Z", account(number))),
        },
        who: format!("lab {number}"),
        what: "21 instances (limit 4)".to_owned(),
    }
}

fn entry(fence: u64, number: u64, action: Action) -> JournalEntry {
    JournalEntry {
        id: EntryId { fence, number },
        halt: HaltId::new("20261122T030000Z"),
        action,
        intended: at(1),
        concluded: None,
        attempts: 0,
    }
}

fn concluded(seconds: i64, result: ActionResult, attempts: u32) -> Conclusion {
    Conclusion { at: at(seconds), result, attempts }
}

fn deny(user: &str) -> Action {
    users::Action::DenyUser { user: UserName::new(user) }.into()
}

async fn taken(ports: &Ports, number: u64, holder: &str, now: i64) -> (VersionedRecord, Lease) {
    let expected = ports.states.load(&account(number)).await.unwrap().map_or(0, |stored| stored.version);
    let stored = ports.states.commit(write(&record(number), acquire(expected, holder, now))).await.unwrap();
    let lease = stored.lease.clone().expect("a lease that was taken is answered");
    (stored, lease)
}

async fn an_empty_ledger_is_empty(ports: &Ports) {
    assert_eq!(ports.states.load_all().await.unwrap(), Records::default());
    assert_eq!(ports.states.load(&account(1)).await.unwrap(), None);
    assert_eq!(ports.outbox.waiting().await.unwrap(), []);
    assert_eq!(ports.journal.entries(&account(1), &HaltId::new("20261122T030000Z")).await.unwrap(), []);
}

async fn records_come_back_as_written(ports: &Ports) {
    let mut full = record(10);
    let before = Summary {
        burn: Burn { listed: Usd::micros(98_320_000), estimated: Usd::micros(10_400), least: Usd::micros(2_000) },
        instances: 21,
        vcpus: 42,
        exempt: 1,
        by_region: [(Region::new("eu-north-1"), 22)].into(),
        by_type: [("t3.micro".to_owned(), 22)].into(),
        local_disks: [("t3.micro".to_owned(), LocalDisks::HasNone)].into(),
        lower_bound: true,
        unpriced: 0,
    };
    full.state = State::Halting;
    full.why = "21 instances (limit 4), “café”".to_owned();
    full.warned = Some(Warned { at: at(-3600), level: Judgement::Warn });
    full.halt = Some(Halt {
        id: HaltId::new("20261122T030000Z"),
        tripped: at(0),
        before: before.clone(),
        contained: None,
        outcome_told: false,
        denials_told: true,
        locked_out: Some(at(45)),
        tripped_limits: [(Limit::Instances, 21)].into(),
        freeze: Some(FreezeReason::BrakeUnknown),
    });
    full.earlier_halts = vec![EarlierHalt { id: HaltId::new("20261101T030000Z"), tripped: at(-1_000_000) }];
    full.restored = Some(at(-7));
    full.release_requested = Some(at(-5));
    full.unseen = Some(Unseen {
        since: at(-300),
        sweeps: 2,
        why: "eu-north-1: ec2:DescribeInstances was denied".to_owned(),
        refused_since: Some(at(-200)),
        told: true,
        refusal_told: true,
        throttled: 2,
    });
    full.path = Some("o-exampleorg1/r-root/ou-labs/000000000010/".to_owned());
    full.unseen_told = Some(at(-100));
    full.regions = KnownRegions {
        listed: BTreeSet::from([Region::new("eu-north-1"), Region::new("us-east-1")]),
        running: BTreeMap::from([(Region::new("eu-north-1"), 3)]),
        refused: BTreeSet::from([Region::new("us-east-1")]),
    };
    full.denied_told = BTreeSet::from([Region::new("ap-south-1")]);
    full.hour = Some(HourPeak { hour: at(0), instances: 21, vcpus: 42, burn: Usd::micros(98_330_400) });
    full.last = Some(before);

    let first = ports.states.commit(write(&full, LeaseMove::None { expected: 0 })).await.unwrap();
    assert_eq!(first, VersionedRecord { record: full.clone(), version: 1, lease: None });
    assert_eq!(ports.states.load(&full.account).await.unwrap(), Some(first.clone()));

    // With an hour and a mail it is another way of writing: the answer must not differ.
    full.state = State::Halted;
    full.unseen = None;
    let peak = full.hour.clone();
    let notices = vec![notice(10, NoticeKind::Outcome, NotifyList::Default)];
    let second =
        ports.states.commit(Commit { peak, notices, ..write(&full, LeaseMove::None { expected: 1 }) }).await.unwrap();
    assert_eq!(second, VersionedRecord { record: full.clone(), version: 2, lease: None });
    assert_eq!(ports.states.load(&full.account).await.unwrap(), Some(second.clone()));
    assert_eq!(ports.states.load_all().await.unwrap().readable.get(&full.account), Some(&second));
    empty_outbox(ports).await;
}

async fn some_records_come_without_the_others(ports: &Ports) {
    let frozen = AccountRecord { state: State::Frozen, ..record(15) };
    let mut stored = Vec::new();
    for record in [&record(14), &frozen, &record(16)] {
        stored.push(ports.states.commit(write(record, LeaseMove::None { expected: 0 })).await.unwrap());
    }
    let wanted = BTreeSet::from([account(14), account(15), account(17)]);
    let some = ports.states.load_some(&wanted).await.unwrap();
    let expected: Vec<_> = stored.iter().take(2).map(|known| (&known.record.account, known)).collect();
    assert_eq!(some.readable.iter().collect::<Vec<_>>(), expected, "nothing is known of the third");
    assert_eq!(ports.states.load_some(&BTreeSet::new()).await.unwrap(), Records::default());

    let in_state = async |state| ports.states.load_in(state).await.unwrap().readable;
    assert_eq!(in_state(State::Frozen).await.get(&account(15)), stored.get(1));
    assert!(in_state(State::Frozen).await.values().all(|known| known.record.state == State::Frozen));
    assert!(!in_state(State::Ok).await.contains_key(&account(15)) && in_state(State::Ok).await.len() > 1);
    let thawed = ports.states.commit(write(&record(15), LeaseMove::None { expected: 1 })).await.unwrap();
    assert!(in_state(State::Frozen).await.is_empty());
    assert_eq!(in_state(State::Ok).await.get(&account(15)), Some(&thawed));
}

async fn whoever_read_old_data_writes_nothing(ports: &Ports) {
    let first = record(20);
    ports.states.commit(write(&first, LeaseMove::None { expected: 0 })).await.unwrap();
    let stored = ports.states.commit(write(&first, LeaseMove::None { expected: 1 })).await.unwrap();
    assert_eq!(stored.version, 2);
    let late = AccountRecord { why: "late".to_owned(), ..first.clone() };
    let peak = Some(HourPeak { hour: at(0), instances: 1, vcpus: 1, burn: Usd::ZERO });
    for old in [0, 1, 3] {
        assert_eq!(
            ports.states.commit(write(&late, LeaseMove::None { expected: old })).await,
            Err(StoreError::Conflict),
            "expected {old}"
        );
        assert_eq!(
            ports.states.commit(write(&late, acquire(old, "late", 0))).await,
            Err(StoreError::Conflict),
            "expected {old}"
        );
        let with_company = Commit { peak: peak.clone(), ..write(&late, LeaseMove::None { expected: old }) };
        assert_eq!(ports.states.commit(with_company).await, Err(StoreError::Conflict), "expected {old}");
    }
    assert_eq!(ports.states.load(&first.account).await.unwrap(), Some(stored));
}

async fn a_lease_has_one_holder_until_it_expires(ports: &Ports) {
    let (stored, first) = taken(ports, 30, "first", 0).await;
    assert_eq!(first, Lease { account: account(30), holder: "first".to_owned(), fence: 1, until: at(60) });
    assert_eq!(ports.states.load(&account(30)).await.unwrap(), Some(stored.clone()));

    // Held: nobody else takes it, with the newest version neither.
    assert_eq!(ports.states.commit(write(&record(30), acquire(1, "second", 59))).await, Err(StoreError::Conflict));
    // A sweep may write beside it, and leaves it where it is.
    let beside = ports.states.commit(write(&record(30), LeaseMove::None { expected: 1 })).await.unwrap();
    assert_eq!((beside.version, beside.lease.as_ref()), (2, Some(&first)));
    // The holder's own writes go by the fence, not by the version.
    let held = ports.states.commit(write(&record(30), LeaseMove::Hold(first.clone()))).await.unwrap();
    assert_eq!((held.version, held.lease.as_ref()), (3, Some(&first)));
    let mail = vec![notice(30, NoticeKind::Halt, NotifyList::Default)];
    let held = ports
        .states
        .commit(Commit { notices: mail, ..write(&record(30), LeaseMove::Hold(first.clone())) })
        .await
        .unwrap();
    assert_eq!((held.version, held.lease.as_ref()), (4, Some(&first)));
    empty_outbox(ports).await;

    // Renewed: longer.
    ports.states.renew(&first, at(90)).await.unwrap();
    assert_eq!(ports.states.load(&account(30)).await.unwrap().unwrap().lease.unwrap().until, at(90));
    assert_eq!(ports.states.commit(write(&record(30), acquire(4, "second", 89))).await, Err(StoreError::Conflict));

    // Expired, by our own comparison: taken over with the next fence.
    let second = ports.states.commit(write(&record(30), acquire(4, "second", 90))).await.unwrap().lease.unwrap();
    assert_eq!((second.fence, second.holder.as_str(), second.until), (2, "second", at(150)));

    // The first to come takes it with mails as well.
    let mail = vec![notice(30, NoticeKind::Halt, NotifyList::Own(account(30)))];
    let third =
        ports.states.commit(Commit { notices: mail, ..write(&record(30), acquire(5, "third", 150)) }).await.unwrap();
    assert_eq!(
        third.lease.map(|lease| (lease.fence, lease.holder, lease.until)),
        Some((3, "third".to_owned(), at(210)))
    );
    empty_outbox(ports).await;
}

async fn a_lease_that_was_given_back_is_free(ports: &Ports) {
    let (_, lease) = taken(ports, 40, "first", 0).await;
    let released = ports.states.commit(write(&record(40), LeaseMove::Release(lease.clone()))).await.unwrap();
    assert_eq!((released.version, released.lease), (2, None));
    assert_eq!(ports.states.load(&account(40)).await.unwrap().unwrap().lease, None);
    assert_eq!(
        ports.states.renew(&lease, at(90)).await,
        Err(StoreError::LeaseLost),
        "what was given back is not prolonged"
    );
    assert_eq!(ports.journal.intend(&lease, &entry(lease.fence, 1, deny("ann"))).await, Err(StoreError::LeaseLost));
    for again in [LeaseMove::Hold(lease.clone()), LeaseMove::Release(lease.clone())] {
        let late = AccountRecord { why: "late".to_owned(), ..record(40) };
        assert_eq!(ports.states.commit(write(&late, again)).await, Err(StoreError::LeaseLost));
    }
    assert_eq!(ports.states.load(&account(40)).await.unwrap().unwrap().lease, None);
    let (_, next) = taken(ports, 40, "second", 1).await;
    assert_eq!(next.fence, 2, "a fence is never given out twice");
    let mail = vec![notice(40, NoticeKind::Outcome, NotifyList::Default)];
    let released =
        ports.states.commit(Commit { notices: mail, ..write(&record(40), LeaseMove::Release(next)) }).await.unwrap();
    assert_eq!((released.version, released.lease), (4, None));
    empty_outbox(ports).await;
}

async fn a_holder_that_slept_changes_nothing_more(ports: &Ports) {
    let (_, slept) = taken(ports, 50, "slept", 0).await;
    let intended = entry(slept.fence, 1, deny("ann"));
    ports.journal.intend(&slept, &intended).await.unwrap();
    let (stored, awake) = taken(ports, 50, "awake", 61).await;

    let lost = Err(StoreError::LeaseLost);
    assert_eq!(ports.states.renew(&slept, at(600)).await, lost);
    assert_eq!(ports.journal.intend(&slept, &entry(slept.fence, 2, deny("bob"))).await, lost);
    assert_eq!(
        ports.journal.conclude(&slept, &intended.halt, &intended.id, &concluded(62, ActionResult::Done, 1)).await,
        lost
    );
    let late = AccountRecord { state: State::Halted, ..record(50) };
    let mail = vec![notice(50, NoticeKind::Outcome, NotifyList::Default)];
    for lease in [LeaseMove::Hold(slept.clone()), LeaseMove::Release(slept.clone())] {
        assert_eq!(ports.states.commit(write(&late, lease.clone())).await.unwrap_err(), StoreError::LeaseLost);
        assert_eq!(
            ports.states.commit(Commit { notices: mail.clone(), ..write(&late, lease) }).await.unwrap_err(),
            StoreError::LeaseLost
        );
    }
    assert_eq!(ports.states.load(&account(50)).await.unwrap(), Some(stored));
    assert_eq!(ports.outbox.waiting().await.unwrap(), []);
    assert_eq!(ports.journal.entries(&account(50), &intended.halt).await.unwrap(), std::slice::from_ref(&intended));

    // Whoever took over goes on, and may write down what became of the sleeper's intents.
    let already = concluded(63, ActionResult::AlreadyDone, 1);
    ports.journal.conclude(&awake, &intended.halt, &intended.id, &already).await.unwrap();
    ports.journal.intend(&awake, &entry(awake.fence, 1, deny("bob"))).await.unwrap();
    assert_eq!(ports.journal.entries(&account(50), &intended.halt).await.unwrap().len(), 2);
}

async fn a_journal_keeps_intents_and_outcomes_in_order(ports: &Ports) {
    let (_, lease) = taken(ports, 60, "holder", 0).await;
    let user = UserName::new("Ann O'Neil+test@example.edu");
    let key = KeyId::new("AKIAIOSFODNN7EXAMPLE");
    let many: Vec<InstanceId> = (0..1000).map(|number| InstanceId::new(format!("i-{number:017x}"))).collect();
    let items = many.iter().map(ToString::to_string).collect();
    let erases = vec![Erasure { kind: "i4i.large".to_owned(), certain: true, items }];
    let device = UserAttachment::VirtualMfaDevice("arn:aws:iam::200000000060:mfa/phone".to_owned());
    let actions: [Action; 8] = [
        instances::Action::StopInstances { region: Region::new("eu-north-1"), instances: many, erases }.into(),
        users::Action::DenyUser { user: user.clone() }.into(),
        users::Action::DeactivateKey { user: user.clone(), key: key.clone() }.into(),
        users::Action::DeleteKey { user: user.clone(), key }.into(),
        users::Action::DeleteLogin { user: user.clone() }.into(),
        users::Action::DeleteCredential { user: user.clone(), credential: Credential::SshKey("APKA1".to_owned()) }
            .into(),
        users::Action::RemoveAttachment { user: user.clone(), attachment: device }.into(),
        users::Action::DeleteUser { user }.into(),
    ];
    let failure = Failure {
        operation: "ec2:StopInstances".to_owned(),
        kind: FailureKind::Protected,
        code: Some("OperationNotPermitted".to_owned()),
        detail: "The instance 'i-0' may not be stopped.".to_owned(),
        named: vec!["i-0".to_owned()],
        denied_by: Some(DeniedBy::Organization),
    };
    let results = [ActionResult::Failed { failure }, ActionResult::Done, ActionResult::AlreadyDone];
    let halt = HaltId::new("20261122T030000Z");
    let mut expected = Vec::new();
    // Intended from the last to the first: the order is the entries', not the writes'.
    for (index, action) in actions.into_iter().enumerate().rev() {
        let entry = entry(lease.fence, index as u64 + 1, action);
        ports.journal.intend(&lease, &entry).await.unwrap();
        expected.insert(0, entry);
    }
    assert_eq!(ports.journal.entries(&account(60), &halt).await.unwrap(), expected);
    for ((entry, result), attempts) in expected.iter_mut().zip(results).zip(1..) {
        let conclusion = concluded(5, result.clone(), attempts);
        ports.journal.conclude(&lease, &halt, &entry.id, &conclusion).await.unwrap();
        (entry.concluded, entry.attempts) = (Some((at(5), result)), attempts);
    }
    assert_eq!(ports.journal.entries(&account(60), &halt).await.unwrap(), expected);
    assert_eq!(
        ports.journal.entries(&account(60), &HaltId::new("20261121T030000Z")).await.unwrap(),
        [],
        "another halt has a journal of its own"
    );
}

async fn many_lanes_write_side_by_side(ports: &Ports) {
    const LANES: u64 = 150;
    let (_, lease) = taken(ports, 70, "holder", 0).await;
    let halt = HaltId::new("20261122T030000Z");
    let lanes = (1..=LANES).map(|number| {
        let (lease, halt) = (&lease, &halt);
        async move {
            let entry = entry(lease.fence, number, deny(&format!("user{number}")));
            ports.journal.intend(lease, &entry).await?;
            if number % 50 == 0 {
                ports.states.renew(lease, at(100 + i64::try_from(number).unwrap())).await?;
            }
            ports.journal.conclude(lease, halt, &entry.id, &concluded(2, ActionResult::Done, 1)).await
        }
    });
    for written in futures::future::join_all(lanes).await {
        written.unwrap();
    }
    let journal = ports.journal.entries(&account(70), &halt).await.unwrap();
    assert_eq!(journal.len() as u64, LANES);
    assert!(journal.iter().all(|entry| entry.concluded.is_some()));
    assert!(journal.is_sorted_by_key(|entry| entry.id.clone()));
}

async fn mails_go_out_with_their_record_or_not_at_all(ports: &Ports) {
    let (own, of_unit) = (NotifyList::Own(account(80)), NotifyList::Unit(UnitId::parse("ou-exam-research").unwrap()));
    let (warning, unseen) = (notice(80, NoticeKind::Warning, own), notice(80, NoticeKind::Unseen, of_unit));
    let refused = Commit { notices: vec![warning.clone()], ..write(&record(80), LeaseMove::None { expected: 7 }) };
    assert_eq!(ports.states.commit(refused).await, Err(StoreError::Conflict));
    assert_eq!(ports.outbox.waiting().await.unwrap(), [], "a mail of a write that was refused");

    let later =
        Commit { notices: vec![unseen.clone()], at: at(10), ..write(&record(80), LeaseMove::None { expected: 0 }) };
    ports.states.commit(later).await.unwrap();
    let sooner = Commit {
        notices: vec![warning.clone(), unseen.clone()],
        at: at(9),
        ..write(&record(80), LeaseMove::None { expected: 1 })
    };
    ports.states.commit(sooner).await.unwrap();
    let waiting = ports.outbox.waiting().await.unwrap();
    let mut sooner: Vec<&Notice> = waiting.iter().take(2).map(|pending| &pending.notice).collect();
    sooner.sort_by_key(|notice| notice.kind != NoticeKind::Warning);
    assert_eq!((waiting.len(), sooner), (3, vec![&warning, &unseen]), "the oldest come first");
    assert_eq!(waiting.last().map(|pending| &pending.notice), Some(&unseen));
    empty_outbox(ports).await;
}

async fn a_mail_is_claimed_by_one(ports: &Ports) {
    let notices = vec![notice(90, NoticeKind::Halt, NotifyList::Default)];
    ports.states.commit(Commit { notices, ..write(&record(90), LeaseMove::None { expected: 0 }) }).await.unwrap();
    let id = ports.outbox.waiting().await.unwrap().remove(0).id;
    assert!(ports.outbox.claim(&id, at(0), at(30)).await.unwrap());
    assert!(!ports.outbox.claim(&id, at(29), at(60)).await.unwrap(), "another is sending it");
    assert!(ports.outbox.claim(&id, at(30), at(60)).await.unwrap(), "whoever claimed it died");
    assert_eq!(ports.outbox.waiting().await.unwrap().len(), 1, "a mail waits until SNS took it");
    ports.outbox.unclaim(&id).await.unwrap();
    assert_eq!(ports.outbox.waiting().await.unwrap().iter().map(|item| item.tries).collect::<Vec<_>>(), [1]);
    assert!(ports.outbox.claim(&id, at(31), at(60)).await.unwrap(), "it was given back");
    ports.outbox.clear(&id).await.unwrap();
    assert_eq!(ports.outbox.waiting().await.unwrap(), []);
    ports.outbox.unclaim(&id).await.unwrap();
    assert_eq!(ports.outbox.waiting().await.unwrap(), [], "a claim that is given back late brings nothing back");
    assert!(!ports.outbox.claim(&id, at(90), at(120)).await.unwrap(), "a mail that went out must not come back");
    ports.outbox.clear(&id).await.unwrap();
}

async fn a_mail_without_a_record_goes_out_once_in_a_while(ports: &Ports) {
    let (quiet, own) = (SignedDuration::from_secs(60), NotifyList::Own(account(95)));
    let add = |number: u64, kind: NoticeKind, list: NotifyList, second: i64| async move {
        ports.outbox.add(&notice(number, kind, list), at(second), quiet).await.unwrap()
    };
    assert!(add(95, NoticeKind::Unreadable, own.clone(), 0).await);
    assert!(!add(95, NoticeKind::Unreadable, own.clone(), 59).await, "told a moment ago");
    assert!(add(96, NoticeKind::Unreadable, NotifyList::Default, 59).await, "that is another account");
    assert!(add(95, NoticeKind::Warning, own.clone(), 59).await, "that is another matter");
    assert!(add(95, NoticeKind::Unreadable, own, 60).await);
    assert!(!add(95, NoticeKind::Unreadable, NotifyList::Default, 119).await);
    assert_eq!(ports.outbox.waiting().await.unwrap().len(), 4);
    empty_outbox(ports).await;
}

async fn one_waits_for_the_end_of_a_lease(ports: &Ports) {
    let wait = |who: &'static str, number: u64, fence: u64| async move {
        let lease = Lease { account: account(number), holder: "one".to_owned(), fence, until: at(60) };
        ports.states.wait_for(&lease, who).await.unwrap()
    };
    assert!(wait("two", 55, 1).await);
    assert!(!wait("three", 55, 1).await, "somebody waits");
    assert!(wait("two", 55, 1).await, "whoever does not know whether it has the place asks again");
    assert!(wait("three", 56, 1).await, "that is another account");
    assert!(wait("three", 55, 9).await, "that is another lease");
    assert!(!wait("two", 55, 9).await && !wait("two", 55, 1).await, "nobody waits for what is over");
    assert!(ports.states.load(&account(55)).await.unwrap().is_none(), "whoever waits makes no record");
}

async fn slots_run_out_and_come_back(ports: &Ports) {
    let take = |number: u64, now: i64| async move {
        ports.slots.take(SlotPool::Halts, &account(number), 2, at(now - 3600), at(now)).await.unwrap()
    };
    assert!(take(101, 0).await && take(102, 10).await);
    assert!(!take(103, 20).await, "both are taken");
    assert!(take(101, 30).await, "an account keeps its slot");
    assert!(!take(103, 3600 - 1).await);
    assert!(take(103, 3600 + 1).await, "the first is an hour old");
    assert!(!take(101, 3600 + 2).await, "whose slot was given away waits like the others");
    assert!(!ports.slots.take(SlotPool::Halts, &account(104), 0, at(9000), at(9000)).await.unwrap(), "none is none");
}

async fn slots_of_one_pool_say_nothing_of_the_other(ports: &Ports) {
    let take = |pool, number: u64| async move {
        ports.slots.take(pool, &account(number), 1, at(20_000), at(20_001)).await.unwrap()
    };
    assert!(take(SlotPool::Purchases, 111).await && take(SlotPool::Halts, 112).await);
    assert!(!take(SlotPool::Purchases, 112).await && !take(SlotPool::Halts, 111).await);
}

async fn empty_outbox(ports: &Ports) {
    for pending in ports.outbox.waiting().await.unwrap() {
        ports.outbox.clear(&pending.id).await.unwrap();
    }
}

async fn hours_come_back_in_their_order(ports: &Ports) {
    let record = record(190);
    let peak = |hour: i64, instances| HourPeak {
        hour: at(hour * 3600),
        instances,
        vcpus: 2 * instances,
        burn: Usd::micros(98_330_400),
    };
    // The second is written twice, as an hour that grew; the others of the account are of before and after midnight.
    for (expected, peak) in [(0, peak(-4, 1)), (1, peak(0, 2)), (2, peak(0, 9)), (3, peak(1, 3))] {
        let lease = LeaseMove::None { expected };
        ports.states.commit(Commit { peak: Some(peak), ..write(&record, lease) }).await.unwrap();
    }
    let all = [peak(-4, 1), peak(0, 9), peak(1, 3)];
    assert_eq!(ports.peaks.peaks(&record.account, Timestamp::MIN).await.unwrap(), all);
    assert_eq!(ports.peaks.peaks(&record.account, at(0)).await.unwrap(), all[1..]);
    assert_eq!(ports.peaks.peaks(&account(191), Timestamp::MIN).await.unwrap(), []);
}

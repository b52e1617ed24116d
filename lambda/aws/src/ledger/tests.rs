//! The ledger over a table in this process: its contract, and the layout that earlier versions wrote.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::policy::Policy;
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_engine::deadline::{Deadline, Invocation};
use runawaytrain_engine::ports::{Clock, SpendBook};
use runawaytrain_engine::sweep::Guard;
use runawaytrain_testbed::{SimAccount, Testbed};
use serde_json::json;

use super::record::{MOVED_TO, RECORD, STATE, VERSION, earlier_key};
use super::table::key;
use super::*;
use crate::wire::Script;

const NAME: &str = "runawaytrain";
const PAYER: &str = "100000000000";
const PHYSICS: &str = "111111111111";

fn account(number: u64) -> AccountId {
    AccountId::parse(&format!("4{number:011}")).unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T03:00:00Z".parse().unwrap()
}

fn commit(record: AccountRecord, lease: LeaseMove) -> Commit {
    Commit { record, lease, notices: Vec::new(), peak: None, at: now() }
}

fn acquire(expected: u64, holder: &str, after: i64) -> LeaseMove {
    let now = now() + SignedDuration::from_secs(after);
    LeaseMove::Acquire { expected, holder: holder.to_owned(), now, until: now + SignedDuration::from_secs(60) }
}

/// A ledger, and the table that it is in, to be set up by hand.
fn ledger() -> (DynamoLedger, Table, Script) {
    let script = Script::table();
    (DynamoLedger::new(&script.config(), NAME), Table::new(&script.config(), NAME), script)
}

/// A record as versions before the partitions wrote it.
async fn written_earlier(table: &Table, record: &AccountRecord, version: u64) {
    let mut item = earlier_key(&record.account);
    item.extend([
        (RECORD.to_owned(), record::written(record).unwrap()),
        (STATE.to_owned(), text(record.state.to_string())),
        (VERSION.to_owned(), number(version)),
    ]);
    table.put(item).await.unwrap();
}

/// Moves every record back to where earlier versions keep it.
async fn step_back(table: &Table) {
    for partition in partitions_of(RECORDS) {
        for mut item in table.query(&partition).await.unwrap() {
            let sort = as_text(&item, SORT_KEY).unwrap().to_owned();
            table.delete(key(partition.as_str(), sort.as_str())).await.unwrap();
            item.extend(key(RECORDS, sort));
            table.put(item).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dynamodb_keeps_the_ledgers_contract_in_a_table_of_this_process() {
    let (script, testbed) = (Script::table(), Testbed::new());
    let ledger = Arc::new(DynamoLedger::new(&script.config(), NAME));
    runawaytrain_testbed::contract::ledger::ledger_contract(&over(&testbed, &ledger)).await;
}

#[tokio::test(start_paused = true)]
async fn dynamodb_keeps_the_contract_of_the_spent_hours_in_a_table_of_this_process() {
    let (ledger, ..) = ledger();
    runawaytrain_testbed::contract::books::spend_book_contract(&ledger as &dyn SpendBook).await;
}

/// The simulated organization, remembered in DynamoDB.
fn over(testbed: &Testbed, ledger: &Arc<DynamoLedger>) -> runawaytrain_engine::ports::Ports {
    runawaytrain_engine::ports::Ports {
        states: ledger.clone(),
        journal: ledger.clone(),
        peaks: ledger.clone(),
        outbox: ledger.clone(),
        slots: ledger.clone(),
        price_book: ledger.clone(),
        spend_book: ledger.clone(),
        ..testbed.ports()
    }
}

#[tokio::test(start_paused = true)]
async fn a_halt_in_a_table_of_an_earlier_layout_is_released_whole() {
    let (ledger, table, _) = ledger();
    let (ledger, testbed) = (Arc::new(ledger), Testbed::new());
    let [payer, physics] = [PAYER, PHYSICS].map(|id| AccountId::parse(id).unwrap());
    let regions = ["us-east-1", "eu-west-1"];
    testbed.world.add(&payer, SimAccount::new("payer", &regions));
    testbed.world.add(&physics, SimAccount::new("physics", &regions).running("eu-west-1", 9, "t2.micro"));
    let document = json!({
        "payer": PAYER,
        "organization": { "id": "o-exampleorg1" },
        "defaults": { "limits": { "instances": 4 }, "notify": ["cloud@example.edu"] },
        "suspicion": "1h",
    });
    let policy = Policy::from_json(&document.to_string()).unwrap();
    let guard = Guard::new(&over(&testbed, &ledger), policy, Mode::Proceed);
    let send = async |event: serde_json::Value| {
        let id = testbed.clock.now().to_string();
        guard.handle(&event, &Invocation { id, deadline: Deadline::never() }).await
    };
    let running = || testbed.world.with(&physics, |known| known.billable().count());

    tokio::time::sleep(std::time::Duration::from_secs(7200)).await;
    assert_eq!(send(json!({})).await.status, 200);
    assert_eq!((running(), stands(&ledger, &physics).await), (0, State::Halted));
    step_back(&table).await;
    assert_eq!(stands(&ledger, &physics).await, State::Halted);

    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    let answer = send(json!({ "action": "release", "account": PHYSICS, "start": true })).await;
    assert_eq!((answer.status, running()), (200, 9), "{}", answer.body);
    assert_eq!(stands(&ledger, &physics).await, State::Released);
    assert!(testbed.world.with(&physics, |known| !*known.quarantine.written()), "the quarantine is off");

    // What does not change is written at the turn of an hour.
    tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    assert_eq!(send(json!({})).await.status, 200);
    let known = ledger.load_all().await.unwrap();
    assert_eq!((known.readable.len(), known.unreadable.len()), (2, 0));
    assert_eq!(known.readable.get(&physics).unwrap().record.state, State::Released);
    assert!(table.query(RECORDS).await.unwrap().iter().all(record::is_marker), "all have moved");
}

async fn stands(ledger: &DynamoLedger, account: &AccountId) -> State {
    ledger.load(account).await.unwrap().unwrap().record.state
}

#[tokio::test(start_paused = true)]
async fn records_of_an_earlier_layout_are_all_read_and_each_moves_when_it_is_written() {
    let (ledger, table, _) = ledger();
    // Pages of a query end at 1 MB; these have 30 kB each.
    let record = |number| AccountRecord { why: "w".repeat(30_000), ..AccountRecord::new(account(number), now()) };
    for number in 0..100 {
        written_earlier(&table, &record(number), 7).await;
    }
    let read = ledger.load_all().await.unwrap();
    assert_eq!((read.readable.len(), read.unreadable.len()), (100, 0));
    assert!(read.readable.values().all(|known| known.version == 7));

    for number in (0..100).step_by(2) {
        let lease = if number % 4 == 0 { LeaseMove::None { expected: 7 } } else { acquire(7, "us", 0) };
        let stored = ledger.commit(commit(record(number), lease)).await.unwrap();
        assert_eq!((stored.version, stored.lease.is_some()), (8, number % 4 != 0));
        assert_eq!(ledger.load(&account(number)).await.unwrap(), Some(stored));
    }
    let read = ledger.load_all().await.unwrap();
    assert_eq!(read.readable.len(), 100);
    for (account, known) in &read.readable {
        let has_moved = account.as_str().ends_with(['0', '2', '4', '6', '8']);
        assert_eq!(known.version, if has_moved { 8 } else { 7 }, "{account}");
        assert_eq!(table.get(record_key(account)).await.unwrap().is_some(), has_moved, "{account}");
        let earlier = table.get(earlier_key(account)).await.unwrap().unwrap();
        assert_eq!(record::is_marker(&earlier), has_moved, "{account}");
    }
    // Whoever read them before they moved writes nothing.
    for lease in [LeaseMove::None { expected: 7 }, acquire(7, "late", 61)] {
        let late = AccountRecord { why: "late".to_owned(), ..record(0) };
        assert_eq!(ledger.commit(commit(late, lease)).await, Err(StoreError::Conflict));
    }
    let wanted: BTreeSet<AccountId> = [account(0), account(1), account(500)].into();
    let some = ledger.load_some(&wanted).await.unwrap();
    assert_eq!(some.readable.keys().collect::<Vec<_>>(), [&account(0), &account(1)]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_version_finds_in_the_place_of_a_record_what_it_can_neither_read_nor_write_over() {
    let (ledger, table, _) = ledger();
    let record = |number| AccountRecord::new(account(number), now());
    written_earlier(&table, &record(1), 7).await;
    ledger.commit(commit(record(1), LeaseMove::None { expected: 7 })).await.unwrap();
    ledger.commit(commit(record(2), LeaseMove::None { expected: 0 })).await.unwrap();
    for number in [1, 2] {
        let found = table.get(earlier_key(&account(number))).await.unwrap().unwrap();
        assert!(record::versioned(QUERY, &found).is_err(), "an earlier version reads it as these lines do");
        assert_eq!(record::state(&found), None, "nor does it know the state");
        // What it writes where it read nothing, where it read a version, and with a lease that it held.
        let lease = Lease { account: account(number), holder: "they".to_owned(), fence: 1, until: now() };
        for lease in [LeaseMove::None { expected: 0 }, LeaseMove::None { expected: 7 }, LeaseMove::Hold(lease)] {
            let write = write::Write::of(&commit(record(number), lease)).unwrap();
            let call = table.client.update_item().table_name(NAME).set_key(Some(earlier_key(&account(number))));
            let call = call.update_expression(write.update).condition_expression(write.condition);
            let call = call.set_expression_attribute_names(Some(write.names));
            let refused = call.set_expression_attribute_values(Some(write.values)).send().await.unwrap_err();
            assert!(refused.as_service_error().unwrap().is_conditional_check_failed_exception(), "{refused:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_version_contains_stays_where_it_looks_for_its_lease() {
    let (ledger, table, _) = ledger();
    let record = AccountRecord::new(account(1), now());
    written_earlier(&table, &record, 7).await;
    let mut held = table.get(earlier_key(&account(1))).await.unwrap().unwrap();
    held.extend([
        (FENCE.to_owned(), number(3)),
        (HOLDER.to_owned(), text("they")),
        (UNTIL.to_owned(), moment(now() + SignedDuration::from_secs(60))),
    ]);
    table.put(held).await.unwrap();
    // A sweep writes beside it, and nobody takes it while it holds.
    let stored = ledger.commit(commit(record.clone(), LeaseMove::None { expected: 7 })).await.unwrap();
    assert_eq!((stored.version, stored.lease.map(|lease| lease.fence)), (8, Some(3)));
    assert!(table.get(record_key(&account(1))).await.unwrap().is_none(), "it has not moved");
    assert_eq!(ledger.commit(commit(record.clone(), acquire(8, "us", 59))).await, Err(StoreError::Conflict));
    // It runs out: whoever takes it over takes it along, with the next fence.
    let taken = ledger.commit(commit(record.clone(), acquire(8, "us", 60))).await.unwrap();
    let lease = taken.lease.clone().unwrap();
    assert_eq!((taken.version, lease.fence, lease.holder.as_str()), (9, 4, "us"));
    assert_eq!(ledger.load(&account(1)).await.unwrap(), Some(taken));
    ledger.renew(&lease, now() + SignedDuration::from_secs(200)).await.unwrap();
    let given_back = ledger.commit(commit(record, LeaseMove::Release(lease))).await.unwrap();
    assert_eq!((given_back.version, given_back.lease), (10, None));
    assert!(record::is_marker(&table.get(earlier_key(&account(1))).await.unwrap().unwrap()));
    assert!(table.get(earlier_key(&account(1))).await.unwrap().unwrap().contains_key(MOVED_TO));
}

#[tokio::test(start_paused = true)]
async fn a_mail_in_an_outbox_of_an_earlier_layout_goes_out_once() {
    let (ledger, table, _) = ledger();
    let notice = |number: u64| Notice {
        kind: runawaytrain_core::message::NoticeKind::Halt,
        account: account(number),
        list: runawaytrain_core::policy::NotifyList::Default,
        subject: "HALT".to_owned(),
        body: "What:".to_owned(),
        chat: Default::default(),
        who: "lab".to_owned(),
        what: "halted".to_owned(),
    };
    for (number, seconds) in [(3, 2), (7, 1), (5, 3)] {
        let at = now() + SignedDuration::from_secs(seconds);
        let record = AccountRecord::new(account(number), at);
        let notices = vec![notice(number)];
        let write = Commit { notices, at, ..commit(record, LeaseMove::None { expected: 0 }) };
        ledger.commit(write).await.unwrap();
    }
    let partition = "OUTBOX#7";
    for mut item in table.query(partition).await.unwrap() {
        let sort = as_text(&item, SORT_KEY).unwrap().to_owned();
        table.delete(key(partition, sort.as_str())).await.unwrap();
        item.extend(key("OUTBOX", sort));
        table.put(item).await.unwrap();
    }
    let waiting = ledger.waiting().await.unwrap();
    let order: Vec<_> = waiting.iter().map(|item| item.notice.account.clone()).collect();
    assert_eq!(order, [account(7), account(3), account(5)], "the oldest first, wherever it is");
    for item in &waiting {
        assert!(ledger.claim(&item.id, now(), now() + SignedDuration::from_secs(60)).await.unwrap());
        assert!(!ledger.claim(&item.id, now(), now() + SignedDuration::from_secs(60)).await.unwrap());
        ledger.unclaim(&item.id).await.unwrap();
        ledger.clear(&item.id).await.unwrap();
    }
    assert_eq!(ledger.waiting().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_request_about_one_account_asks_the_table_for_that_account_alone() {
    let (ledger, _, script) = ledger();
    for number in 0..200 {
        let record = AccountRecord::new(account(number), now());
        ledger.commit(commit(record, LeaseMove::None { expected: 0 })).await.unwrap();
    }
    let before = script.asked().len();
    let some = ledger.load_some(&[account(7)].into()).await.unwrap();
    assert_eq!((some.readable.len(), script.asked().len() - before), (1, 1));
    // Who is frozen is asked of ten partitions, and of the one of earlier versions; only they come over the wire.
    let frozen = AccountRecord { state: State::Frozen, ..AccountRecord::new(account(8), now()) };
    ledger.commit(commit(frozen, LeaseMove::None { expected: 1 })).await.unwrap();
    let before = script.asked().len();
    let found = ledger.load_in(State::Frozen).await.unwrap();
    assert_eq!(found.readable.keys().collect::<Vec<_>>(), [&account(8)]);
    assert_eq!(script.asked().len() - before, 11);
}

#[test]
fn the_records_of_an_organization_are_spread_evenly_over_ten_partitions() {
    let mut spread: BTreeMap<String, u32> = BTreeMap::new();
    for number in 0..50_000 {
        let key = record_key(&account(number));
        *spread.entry(as_text(&key, runawaytrain_core::contract::PARTITION_KEY).unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(spread.keys().cloned().collect::<Vec<_>>(), partitions_of(RECORDS).collect::<Vec<_>>());
    assert!(spread.values().all(|records| *records == 5_000), "{spread:?}");
}

/// The largest of everything: what the table is given of it fits into an item, and comes back whole.
mod sizes {
    use runawaytrain_core::measure::disks::LocalDisks;
    use runawaytrain_core::measure::limit::Limit;
    use runawaytrain_core::measure::summary::Summary;
    use runawaytrain_core::message::{Chat, NoticeKind};
    use runawaytrain_core::plan::ActionResult;
    use runawaytrain_core::policy::{Exception, NotifyList};
    use runawaytrain_core::record::{Denied, EarlierHalt, Halt, KnownRegions, MOST_EARLIER_HALTS, Permissions, Unseen};
    use runawaytrain_core::resource::{Action, Erasure, groups, instances, users};
    use runawaytrain_core::vocabulary::failure::{DeniedBy, FailureKind};
    use runawaytrain_core::vocabulary::ids::{GroupName, InstanceId, Region, UserName};

    use super::*;

    /// More than AWS has.
    const REGIONS: usize = 60;
    const TYPES: usize = 1_500;

    fn region(number: usize) -> Region {
        Region::new(format!("ap-southeast-{number}"))
    }

    /// So many characters of four bytes.
    fn long(characters: usize) -> String {
        "𝄞".repeat(characters)
    }

    fn summary() -> Summary {
        let types = || (0..TYPES).map(|number| format!("u7in-24tb{number}.224xlarge"));
        Summary {
            instances: u64::MAX,
            vcpus: u64::MAX,
            exempt: u64::MAX,
            by_region: (0..REGIONS).map(|number| (region(number), u64::MAX)).collect(),
            by_type: types().map(|name| (name, u64::MAX)).collect(),
            local_disks: types().map(|name| (name, LocalDisks::HasNone)).collect(),
            ..Summary::default()
        }
    }

    /// A failure with more words than AWS has for any.
    fn failure(named: Vec<String>) -> Failure {
        Failure {
            operation: "ec2:ModifyInstanceAttribute".to_owned(),
            kind: FailureKind::Protected,
            code: Some("Client.UnauthorizedOperation".to_owned()),
            detail: format!("{} {}", named.join(", "), long(10_000)),
            named,
            denied_by: Some(DeniedBy::Organization),
        }
    }

    fn record() -> AccountRecord {
        let halt = |number: usize| HaltId::new(format!("20261122T{number:06}Z"));
        let calls: Denied = (0..200).map(|number| (format!("ec2:{number:x>60}"), DeniedBy::Organization)).collect();
        AccountRecord {
            name: Some(long(128)),
            why: long(2_000),
            path: Some(format!("o-exampleorg1/r-root/{}", "ou-root-0123456789abcdef0123456789abcdef/".repeat(5))),
            halt: Some(Halt {
                id: halt(0),
                tripped: now(),
                before: summary(),
                contained: Some(now()),
                outcome_told: true,
                denials_told: true,
                locked_out: Some(now()),
                tripped_limits: [(Limit::Instances, u64::MAX), (Limit::Burn, u64::MAX)].into(),
                freeze: None,
            }),
            earlier_halts: (0..MOST_EARLIER_HALTS)
                .map(|number| EarlierHalt { id: halt(number), tripped: now() })
                .collect(),
            last: Some(summary()),
            regions: KnownRegions {
                listed: (0..REGIONS).map(region).collect(),
                running: (0..REGIONS).map(|number| (region(number), u64::MAX)).collect(),
                refused: (0..REGIONS).map(region).collect(),
            },
            denied_told: (0..REGIONS).map(region).collect(),
            unseen: Some(Unseen {
                since: now(),
                sweeps: u32::MAX,
                why: failure(Vec::new()).to_string(),
                refused_since: Some(now()),
                told: true,
                refusal_told: true,
                throttled: u32::MAX,
            }),
            permissions: Some(Permissions {
                asked: long(20),
                at: now(),
                tries: u32::MAX,
                unknown: Some(failure(Vec::new()).to_string()),
                answered: Some(now()),
                denied: calls,
            }),
            exception: Some(Exception {
                limits: Default::default(),
                made: now(),
                until: now(),
                reason: long(1_000),
                by: Some(long(512)),
                end_told: true,
            }),
            hour: Some(HourPeak { hour: now(), instances: u64::MAX, vcpus: u64::MAX, burn: Default::default() }),
            ..AccountRecord::new(account(1), now())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_record_is_written_with_its_mails_and_comes_back_whole() {
        let (ledger, ..) = ledger();
        let notice = |kind| Notice {
            kind,
            account: account(1),
            list: NotifyList::Own(account(1)),
            subject: "w".repeat(99),
            body: long(25_000),
            chat: Chat { lead: vec![long(1_000); 3], commands: vec![long(250); 25], thread: Some(long(30)) },
            who: long(300),
            what: long(300),
        };
        let notices = vec![notice(NoticeKind::Halt), notice(NoticeKind::Outcome)];
        let peak = record().hour;
        let whole = Commit { notices: notices.clone(), peak, ..commit(record(), acquire(0, &long(64), 0)) };
        let stored = ledger.commit(whole).await.unwrap();
        assert_eq!((&stored.record, ledger.load(&account(1)).await.unwrap().as_ref()), (&record(), Some(&stored)));
        let alone = ledger.commit(commit(record(), LeaseMove::Hold(stored.lease.unwrap()))).await.unwrap();
        assert_eq!(alone.version, 2);
        let mut waiting: Vec<_> = ledger.waiting().await.unwrap().into_iter().map(|item| item.notice).collect();
        waiting.sort_by_key(|notice| notice.kind != NoticeKind::Halt);
        assert_eq!(waiting, notices);
    }

    #[tokio::test(start_paused = true)]
    async fn the_largest_journal_is_written_by_many_lanes_and_comes_back_whole() {
        let (ledger, ..) = ledger();
        let record = AccountRecord::new(account(1), now());
        let lease = ledger.commit(commit(record, acquire(0, "us", 0))).await.unwrap().lease.unwrap();
        let halt = HaltId::new("20261122T030000Z");
        // As many members as a call takes, of each of which the disks are erased.
        let stop = |number: usize| {
            let ids: Vec<String> = (0..1_000).map(|id| format!("i-{:017x}", number * 1_000 + id)).collect();
            let erases = ids.iter().map(|id| Erasure {
                kind: format!("u7in-24tb{id}.224xlarge"),
                certain: false,
                items: vec![id.clone()],
            });
            let instances = ids.iter().map(InstanceId::new).collect();
            (
                Action::from(instances::Action::StopInstances {
                    region: region(number),
                    instances,
                    erases: erases.collect(),
                }),
                ids,
            )
        };
        let suspend = |number: usize| {
            let already = (0..9).map(|process| format!("{process:x>30}")).collect();
            let group = GroupName::new(long(255));
            Action::from(groups::Action::SuspendGroup { region: region(number), group, already })
        };
        let deny =
            |number: usize| Action::from(users::Action::DenyUser { user: UserName::new(format!("{number:x>64}")) });
        let mut actions: Vec<(Action, Vec<String>)> = (0..40).map(stop).collect();
        actions.extend((0..40).map(|number| (suspend(number), Vec::new())));
        actions.extend((0..5_000).map(|number| (deny(number), Vec::new())));
        let entries: Vec<JournalEntry> = actions
            .iter()
            .zip(1..)
            .map(|((action, _), number)| JournalEntry {
                id: EntryId { fence: lease.fence, number },
                halt: halt.clone(),
                action: action.clone(),
                intended: now(),
                concluded: None,
                attempts: 0,
            })
            .collect();
        let lanes = entries.iter().zip(&actions).map(|(entry, (_, ids))| async {
            ledger.intend(&lease, entry).await?;
            let result = if ids.is_empty() {
                ActionResult::Done
            } else {
                ActionResult::Failed { failure: failure(ids.clone()) }
            };
            let conclusion = Conclusion { at: now(), result: result.clone(), attempts: 1 };
            ledger.conclude(&lease, &halt, &entry.id, &conclusion).await?;
            Ok::<_, StoreError>(JournalEntry { concluded: Some((now(), result)), attempts: 1, ..entry.clone() })
        });
        let written = try_join_all(lanes).await.unwrap();
        let read = ledger.entries(&account(1), &halt).await.unwrap();
        assert_eq!(read.len(), written.len());
        assert!(read == written, "a release would not know all that was done");
    }

    #[tokio::test(start_paused = true)]
    async fn the_brakes_slots_fit_into_their_item_however_many_the_policy_allows() {
        let (ledger, table, _) = ledger();
        let taken = (0..slots::MOST - 1).map(|number| (account(number.into()).to_string(), moment(now())));
        let mut item = key("BRAKE", "slots");
        item.insert("taken".to_owned(), aws_sdk_dynamodb::types::AttributeValue::M(taken.collect()));
        item.insert("version".to_owned(), number(1));
        table.put(item).await.unwrap();
        let since = now() - SignedDuration::from_hours(1);
        let take = async |number| ledger.take(SlotPool::Halts, &account(number), u32::MAX, since, now()).await.unwrap();
        assert!(take(20_000).await);
        assert!(!take(20_001).await, "the brake holds");
        assert!(take(20_000).await && take(1).await, "who has a slot keeps it");
    }
}

//! Whoever refuses us alone may have been tampered with; what refuses us together is never held against anybody.
#![cfg(test)]

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runawaytrain_core::decision::{Case, Cause, Place, ShutOuts};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::record::{AccountRecord, FreezeReason, Halt, State, Unseen};
use runawaytrain_core::resource::Refusals;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, HaltId};

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_795_316_400).unwrap() + SignedDuration::from_mins(minutes)
}

fn policy() -> AccountPolicy {
    let document = r#"{"payer":"100000000000","organization":{"id":"o-exampleorg1"},
        "defaults":{"limits":{"instances":4},"notify":["cloud@example.edu"]}}"#;
    Policy::from_json(document).unwrap().for_account(&id(1), None)
}

fn id(number: usize) -> AccountId {
    AccountId::parse(&format!("4{number:011}")).unwrap()
}

/// What is remembered of one account: since when it refuses us, and whether it ever let us in.
#[derive(Debug, Clone)]
struct Lab {
    refused_since: Option<i64>,
    reached: bool,
    moved: bool,
    kind: FailureKind,
    /// When Organizations last said where it is.
    asked: Option<i64>,
}

fn lab() -> impl Strategy<Value = Lab> {
    let since = prop_oneof![2 => Just(None), 3 => (0i64..300).prop_map(Some)];
    let kind = prop_oneof![
        4 => Just(FailureKind::Denied),
        1 => Just(FailureKind::Credentials),
        1 => Just(FailureKind::Throttled),
        1 => Just(FailureKind::Unavailable),
    ];
    let asked = prop_oneof![1 => Just(None), 1 => (0i64..300).prop_map(Some), 4 => (300i64..400).prop_map(Some)];
    (since, prop::bool::weighted(0.9), prop::bool::weighted(0.1), kind, asked)
        .prop_map(|(refused_since, reached, moved, kind, asked)| Lab { refused_since, reached, moved, kind, asked })
}

fn record(number: usize, lab: &Lab) -> AccountRecord {
    let mut record = AccountRecord::new(id(number), at(0));
    record.reached = lab.reached;
    record.path = Some("o-exampleorg1/r-root/ou-labs/".to_owned());
    record.unseen = lab.refused_since.map(|since| Unseen {
        since: at(since),
        sweeps: 2,
        why: "sts:AssumeRole was denied".to_owned(),
        refused_since: Some(at(since)),
        told: false,
        refusal_told: false,
        throttled: 0,
    });
    record
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_frozen_for_what_may_be_our_own_fault(
        labs in prop::collection::vec(lab(), 1..200), now in 300i64..400,
    ) {
        let policy = policy();
        let records: Vec<_> = labs.iter().enumerate().map(|(number, lab)| record(number, lab)).collect();
        let shut_outs = ShutOuts::of(records.iter());
        let reached = labs.iter().filter(|lab| lab.reached).count();
        let mut frozen: BTreeMap<i64, usize> = BTreeMap::new();
        for (lab, record) in labs.iter().zip(&records) {
            let mut observation = Observation::new(record.account.clone());
            observation.unreachable = Some(Failure::own("sts:AssumeRole", lab.kind, ""));
            let path = if lab.moved { "o-exampleorg1/r-root/ou-elsewhere/" } else { "o-exampleorg1/r-root/ou-labs/" };
            let place = lab.asked.map(|asked| Place { path: Some(path.to_owned()), asked: at(asked) });
            let cause = decide(&policy, &observation, record, &shut_outs, place.as_ref(), now);
            prop_assert!(cause.is_none() || cause == Some(Cause::ShutOut));
            if cause.is_some() {
                prop_assert!(lab.reached && !lab.moved && lab.kind == FailureKind::Denied, "{lab:?}");
                let since = lab.refused_since.expect("refused once before");
                prop_assert!(now - since >= 4, "{lab:?}");
                prop_assert!(lab.asked.is_some_and(|asked| asked >= since), "it may have been moved: {lab:?}");
                *frozen.entry(since).or_default() += 1;
            }
        }
        // Of those whose refusals began within an hour of each other, never more than a few.
        for since in frozen.keys() {
            let together: usize = frozen.range(since - 60..=since + 60).map(|(_, number)| number).sum();
            prop_assert!(together <= 2.max(reached / 50), "{together} of {reached}");
        }
    }
}

/// Nobody has looked into it yet, or it refuses us: either way it stays frozen, for whatever reason it is.
#[test]
fn a_freeze_outlasts_what_was_not_seen_whole() {
    let policy = policy();
    let reasons = [None, Some(FreezeReason::Brake), Some(FreezeReason::BrakeUnknown), Some(FreezeReason::ShutOut)];
    for (reason, is_unreachable) in reasons.into_iter().flat_map(|reason| [(reason, false), (reason, true)]) {
        let lab = Lab { refused_since: Some(0), reached: true, moved: false, kind: FailureKind::Denied, asked: None };
        let mut record = record(1, &lab);
        record.state = State::Frozen;
        record.halt = Some(Halt {
            id: HaltId::new("20261122T030000Z"),
            tripped: at(0),
            before: Summary::default(),
            contained: None,
            outcome_told: true,
            denials_told: false,
            tripped_limits: BTreeMap::new(),
            freeze: reason,
            locked_out: None,
        });
        let mut observation = Observation::new(record.account.clone());
        observation.unreachable = is_unreachable.then(|| Failure::own("sts:AssumeRole", FailureKind::Denied, ""));
        let cause = decide(&policy, &observation, &record, &ShutOuts::of([&record].into_iter()), None, 300);
        assert_eq!(cause, Some(Cause::Frozen), "{reason:?}, unreachable: {is_unreachable}");
    }
}

fn decide(
    policy: &AccountPolicy,
    observation: &Observation,
    record: &AccountRecord,
    shut_outs: &ShutOuts,
    place: Option<&Place>,
    now: i64,
) -> Option<Cause> {
    let refusals = Refusals::default();
    let case =
        Case { policy, observation, record, is_ordered: false, place, shut_outs, refusals: &refusals, now: at(now) };
    case.decide().cause
}

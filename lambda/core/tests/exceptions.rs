//! Properties of exceptions: limits that are raised for one account until a moment.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod arbitrary;

use std::sync::atomic::{AtomicUsize, Ordering};

use arbitrary::{account, moment, observation, policy};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use runawaytrain_core::decision::{Case, Cause, Decision, ShutOuts};
use runawaytrain_core::measure::limit::{LIMITS, Limit, Unit};
use runawaytrain_core::measure::spend::month_begins;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::policy::{AccountPolicy, Exception, LimitSettings};
use runawaytrain_core::record::AccountRecord;
use runawaytrain_core::resource::Refusals;
use runawaytrain_core::verdict::Judgement;
use serde_json::{Map, json};

/// The end of every exception here, in seconds.
const END: i64 = 0;

/// Raises some limits, by a little or a lot, some past what runs and some not; lower ones too, for a policy may have
/// come to allow more since.
fn exception() -> impl Strategy<Value = Exception> {
    let number = prop_oneof![2 => 0u32..30, 2 => 30u32..3_000, 1 => Just(4_000_000u32)];
    prop::collection::vec(prop::option::of(number), LIMITS.len()).prop_map(|numbers| {
        let mut limits = Map::new();
        for (row, number) in LIMITS.iter().zip(numbers) {
            if let Some(number) = number {
                limits.insert(row.key.to_owned(), json!(number));
            }
        }
        Exception {
            limits: LimitSettings::from_json(limits.into()).unwrap(),
            made: moment(END - 86_400),
            until: moment(END),
            reason: "a peak".to_owned(),
            by: None,
            end_told: false,
        }
    })
}

/// Limits that what is drawn passes often: all six, from nothing to more than runs.
fn limited(mut policy: AccountPolicy, numbers: &[u64]) -> AccountPolicy {
    for (row, number) in LIMITS.iter().zip(numbers) {
        let unit = if row.unit == Unit::Usd { 1_000_000 } else { 1 };
        policy.limits.thresholds.insert(row.limit, number * unit);
    }
    policy
}

fn decide(policy: &AccountPolicy, observation: &Observation, exception: Option<&Exception>, now: i64) -> Decision {
    let record = AccountRecord { exception: exception.cloned(), ..AccountRecord::new(account(), moment(END - 90_000)) };
    let (refusals, shut_outs) = (Refusals::default(), ShutOuts::default());
    Case {
        policy,
        observation,
        record: &record,
        is_ordered: false,
        place: None,
        shut_outs: &shut_outs,
        refusals: &refusals,
        now: moment(now),
    }
    .decide()
}

fn case() -> impl Strategy<Value = (AccountPolicy, Observation, Exception)> {
    let numbers =
        prop::collection::vec(prop_oneof![1 => Just(0u64), 3 => 1u64..200, 1 => 200u64..100_000], LIMITS.len());
    (policy(), numbers, observation(), exception())
        .prop_map(|(policy, numbers, observation, exception)| (limited(policy, &numbers), observation, exception))
}

/// Never so few that the danger is not drawn.
fn runner() -> TestRunner {
    let cases = ProptestConfig::default().cases.max(1000);
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() })
}

/// From when on a limit's number was spent; nothing of what runs.
fn since(limit: Limit, decision: &Decision) -> Option<Timestamp> {
    let spend = &decision.verdict.spend;
    match limit {
        Limit::Spend24h => spend.day.as_ref().map(|day| day.from),
        Limit::SpendMonth => spend.month.as_ref().map(|month| month_begins(month.at)),
        Limit::Purchases => spend.purchases.as_ref().map(|purchases| purchases.from),
        Limit::Instances | Limit::Vcpus | Limit::Burn => None,
    }
}

#[test]
fn what_runs_or_is_spent_from_the_end_of_an_exception_on_is_judged_without_it() {
    let (spared, allowed, judged) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let property = |((policy, observation, exception), late): ((AccountPolicy, Observation, Exception), i64)| {
        let with = decide(&policy, &observation, Some(&exception), END + late);
        let without = decide(&policy, &observation, None, END + late);
        for (one, other) in with.verdict.readings.iter().zip(&without.verdict.readings) {
            prop_assert!(one.judgement <= other.judgement, "{one} and {other}");
            let since = since(one.limit, &with);
            if since.is_none_or(|since| since >= moment(END)) {
                prop_assert_eq!(one, other);
                judged.fetch_add(usize::from(since.is_some()), Ordering::Relaxed);
            } else if one.judgement < other.judgement {
                allowed.fetch_add(1, Ordering::Relaxed);
            }
        }
        let before = decide(&policy, &observation, Some(&exception), END - 1);
        if without.cause == Some(Cause::Tripped) && before.cause != Some(Cause::Tripped) {
            spared.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    runner().run(&(case(), prop_oneof![Just(0i64), 0i64..400_000, 0i64..40_000_000]), property).unwrap();
    assert!(spared.load(Ordering::Relaxed) > 0, "some account was spared a second before its end, and not at it");
    assert!(allowed.load(Ordering::Relaxed) > 0, "of some it was spent before, and stays allowed");
    println!("{} sums began after the end", judged.load(Ordering::Relaxed));
}

#[test]
fn an_exception_loosens_nothing_but_what_it_names_and_tightens_nothing() {
    let (spared, halted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let property = |(policy, observation, exception): (AccountPolicy, Observation, Exception)| {
        let with = decide(&policy, &observation, Some(&exception), END - 1);
        let without = decide(&policy, &observation, None, END - 1);
        let named: Vec<Limit> = exception.raised().map(|(limit, _)| limit).collect();
        prop_assert_eq!(with.verdict.readings.len(), without.verdict.readings.len());
        prop_assert_eq!(&with.verdict.gaps, &without.verdict.gaps);
        prop_assert_eq!(&with.verdict.unknown, &without.verdict.unknown);
        for (one, other) in with.verdict.readings.iter().zip(&without.verdict.readings) {
            prop_assert!(one.judgement <= other.judgement, "{one} and {other}");
            if !named.contains(&one.limit) {
                prop_assert_eq!(one, other);
            }
        }
        let is_past =
            |limit| without.verdict.readings.iter().any(|one| one.limit == limit && one.judgement == Judgement::Halt);
        if LIMITS.iter().any(|row| !named.contains(&row.limit) && is_past(row.limit)) {
            prop_assert_eq!(with.cause, Some(Cause::Tripped));
            halted.fetch_add(1, Ordering::Relaxed);
        } else if is_past(Limit::Instances) && with.cause.is_none() {
            spared.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    runner().run(&case(), property).unwrap();
    assert!(spared.load(Ordering::Relaxed) > 0 && halted.load(Ordering::Relaxed) > 0, "both were drawn");
}

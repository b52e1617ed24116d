//! Properties of what an account is judged to have spent, over random accounts and what AWS says of them.
#![cfg(test)]

#[path = "arbitrary/spending.rs"]
mod spending;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use runawaytrain_core::decision::{self, Case, Decision, ShutOuts};
use runawaytrain_core::measure::spend::{Spend, month};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::policy::{AccountPolicy, Policy};
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::resource::{Refusals, Returned};
use runawaytrain_core::verdict::Judgement;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::money::Usd;
use spending::{HOURS, Spending, spending};

/// 1,000 cases in the suite, as many as asked for in a longer run.
#[expect(clippy::disallowed_methods, reason = "the environment says how long the test runs; the core never reads it")]
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn account() -> AccountId {
    AccountId::parse("111111111111").unwrap()
}

fn limited(day: Usd) -> AccountPolicy {
    let document = serde_json::json!({
        "payer": "100000000000",
        "organization": { "id": "o-exampleorg" },
        "defaults": { "limits": { "instances": 9, "spend24h": day.dollars() }, "notify": ["a@example.edu"] },
    });
    Policy::from_json(&document.to_string()).unwrap().for_account(&account(), None)
}

/// An account as it is watched: what is remembered of it from one look to the next.
struct Watch {
    policy: AccountPolicy,
    record: AccountRecord,
}

impl Watch {
    fn new(spending: &Spending) -> Self {
        Self { policy: limited(spending.limit), record: AccountRecord::new(account(), spending.start) }
    }

    fn look(&mut self, spending: &Spending, hour: usize, by_reports: bool) -> Decision {
        let (Self { policy, record }, now) = (self, spending.at(hour));
        let mut observation = Observation::new(account());
        observation.spend = if by_reports {
            Spend { hours: Some(spending.hours(hour)), ..Spend::default() }
        } else {
            Spend { charges: record.charges.with(spending.charge(hour)), hours: None }
        };
        let refusals = Refusals::default();
        let shut_outs = ShutOuts::default();
        let case = Case {
            policy,
            observation: &observation,
            record,
            is_ordered: false,
            place: None,
            shut_outs: &shut_outs,
            refusals: &refusals,
            now,
        };
        let decision = case.decide();
        *record = decision::after_sweep(record, policy, Mode::Proceed, &decision, &Summary::default(), None, now).0;
        decision
    }

    fn release(&mut self, spending: &Spending, hour: usize) {
        let now = spending.at(hour);
        // Only what is halted is released.
        self.record.state = State::Halted;
        let (running, back) = (Summary::default(), Returned::default());
        let release = decision::Release { running: &running, back: &back, restored: false };
        self.record = decision::released(&self.record, &self.policy, release, now);
    }
}

fn never_halts(spending: &Spending, by_reports: bool) -> Result<(), TestCaseError> {
    let mut watch = Watch::new(spending);
    let mut release = spending.released;
    for hour in spending.looks() {
        if let Some(released) = release.take_if(|released| *released <= hour) {
            watch.release(spending, released);
        }
        let decision = watch.look(spending, hour, by_reports);
        // What a report tells of the time before the release is the thief's, and halts rightly.
        if !by_reports || release.is_none() {
            prop_assert!(decision.verdict.judgement < Judgement::Halt, "{hour}: {:?}", decision.verdict.readings);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn an_account_that_stays_within_its_limit_in_every_24_hours_is_never_halted_by_what_it_spent(
        spending in spending(), by_reports in any::<bool>(),
    ) {
        never_halts(&spending, by_reports)?;
    }

    #[test]
    fn a_real_day_over_the_limit_halts_once_it_can_be_seen(
        spending in spending(), from in 48..HOURS - 100, times in 1.4f64..50.0, by_reports in any::<bool>(),
    ) {
        let spending = spending.with_train(from, times);
        let mut watch = Watch::new(&spending);
        let mut first = None;
        for hour in spending.looks() {
            let halts = watch.look(&spending, hour, by_reports).verdict.judgement == Judgement::Halt;
            if halts && first.is_none() {
                first = Some(hour);
            }
        }
        let day = from + 24 + spending.delay();
        // Where a month turns, AWS still shows the old one for a while, and then nothing of its last hours.
        let turns = month(spending.at(from)) != month(spending.at(day));
        let latest = if turns && !by_reports { day + 48 } else { day };
        prop_assert!(first.is_some_and(|first| (from..=latest).contains(&first)), "{first:?}, from {from} to {latest}");
    }
}

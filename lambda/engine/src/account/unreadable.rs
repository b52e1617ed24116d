//! One account of which no record can be read: it is looked at, and frozen where it is past a limit.

use jiff::SignedDuration;

use runawaytrain_core::decision::{Cause, Decision, News};
use runawaytrain_core::measure::summary::Summary;
use runawaytrain_core::message::mail;
use runawaytrain_core::plan::Plan;
use runawaytrain_core::policy::AccountPolicy;
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::mode::Mode;

use crate::account::basis::AccountSweep;
use crate::account::judge::AccountOutcome;
use crate::contain::brake::Burns;
use crate::contain::verify_freeze;
use crate::ports::UnreadableRecord;
use crate::scope::ScopedAccount;

/// How long people are not told once more of a record that cannot be read.
const QUIET: SignedDuration = SignedDuration::from_hours(6);

impl AccountSweep {
    /// Sweeps an account of which no record can be read. What cannot be remembered cannot be undone, so no more is done
    /// than to freeze it; to write a new record would lose what halts did. It is never proven, and people are told.
    pub(crate) async fn run_without_record(
        &self,
        scoped: &ScopedAccount,
        unreadable: &UnreadableRecord,
    ) -> AccountOutcome {
        let policy = &scoped.policy;
        tracing::error!(account = %policy.account, failure = %unreadable.failure, "a record cannot be read");
        // As a drill looks: it leaves no trace.
        let (mut outcome, decision, seen) = Self { remember: false, ..self.clone() }.judge(scoped, None).await;
        let error =
            format!("its record cannot be read, so it is looked at and cannot be halted: {}", unreadable.failure);
        outcome.report.error = Some(error);
        outcome.report.state = unreadable.state;
        if !self.remember {
            return outcome;
        }
        let past = self.past(scoped, &decision, &seen, unreadable.state).await;
        let (state, why, at) = (unreadable.state, unreadable.failure.to_string(), self.clock.now());
        let news = News::Unreadable { state, why, seen, past, at };
        for notice in mail::write(policy, &news) {
            if let Err(failure) = self.mailer.add(&notice, at, QUIET).await {
                tracing::error!(account = %policy.account, error = %failure, "a mail could not be put into the outbox");
            }
        }
        outcome
    }

    /// What the account is past, and whether it is frozen for it.
    async fn past(
        &self,
        scoped: &ScopedAccount,
        decision: &Decision,
        seen: &Summary,
        state: Option<State>,
    ) -> Option<(String, Result<(), String>)> {
        let limits = match decision.cause? {
            Cause::Ordered => self.order.as_ref().map(|order| format!("ordered: {order}"))?,
            Cause::Tripped => decision.verdict.why(),
            Cause::Purchases => {
                let bought = decision.verdict.past_purchases()?.to_string();
                return Some((bought, Err("what a release pardoned cannot be read".to_owned())));
            }
            // These rest on a record.
            Cause::Standing | Cause::ShutOut | Cause::Throttled | Cause::Frozen | Cause::Thaw => return None,
        };
        let is_ordered = decision.cause == Some(Cause::Ordered);
        let burns = (seen.burn.total(), seen.vcpus);
        Some((limits, self.freeze(scoped, &decision.plan, burns, state, is_ordered).await))
    }

    async fn freeze(
        &self,
        scoped: &ScopedAccount,
        plan: &Plan,
        burns: Burns,
        state: Option<State>,
        is_ordered: bool,
    ) -> Result<(), String> {
        let policy: &AccountPolicy = &scoped.policy;
        if scoped.mode != Mode::Proceed {
            return Err(format!("its mode is {}", scoped.mode));
        }
        if !policy.contain.quarantine {
            return Err("the policy does not quarantine it".to_owned());
        }
        // What a release lets pass for a while stands in the record.
        if state == Some(State::Released) && !is_ordered {
            return Err("it was released, and what that lets pass cannot be read".to_owned());
        }
        let is_frozen = plan.only_freeze().is_empty();
        if !is_frozen && !is_ordered {
            match self.brake.ask(&policy.account, burns).await {
                Ok(true) => {}
                Ok(false) => return Err("the brake holds".to_owned()),
                Err(failure) => return Err(format!("the brake could not be asked: {failure}")),
            }
        }
        let freeze = || async {
            if let Err(failure) = self.leases.freeze_unrecorded(&policy.account).await {
                tracing::error!(account = %policy.account, error = %failure, "the account could not be frozen");
            }
        };
        if !is_frozen {
            freeze().await;
        }
        verify_freeze(&self.collector, policy, self.deadline, freeze).await.map_err(|why| why.to_string())
    }
}

//! The mail about an account whose record cannot be read.

use jiff::Timestamp;

use super::words::{Text, notice, place, short_name, time, to_the_payer};
use crate::contract;
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::record::State;

/// Goes to the payer's list: only whoever deploys the guard can mend it.
pub(super) fn record(
    policy: &AccountPolicy,
    state: Option<State>,
    why: &str,
    seen: &Summary,
    past: Option<&(String, Result<(), String>)>,
    now: Timestamp,
) -> Notice {
    let mut text = Text::new(
        "The record of this account cannot be read, so it cannot be halted.",
        &place(policy),
        "Deploy the later version of the guard, or repair the record.",
    );
    text.fact("Time", &time(now));
    text.fact("Why", why);
    text.fact("State", &state.map_or_else(|| "cannot be read either".to_owned(), |state| state.to_string()));
    text.running("Running", seen);
    text.limits(&policy.limits);
    let (is_past, what) = match past {
        None => ("The account is within its limits.".to_owned(), "within its limits".to_owned()),
        Some((limits, Ok(()))) => (
            format!(
                "The account is past its limit: {limits}. It is frozen by a service control policy, which was seen to \
                 be attached: nothing in it can grow. What runs, runs on and bills."
            ),
            format!("{limits}; frozen"),
        ),
        Some((limits, Err(why))) => (
            format!(
                "The account is past its limit: {limits}. It is NOT frozen: {why}. What runs, runs on and bills, and \
                 more can be started."
            ),
            format!("{limits}; NOT frozen"),
        ),
    };
    text.paragraph(&is_past);
    text.heading("What to do");
    text.item(
        "Was the guard set back to an earlier version? That one does not know what a later one writes. Deploy the \
         later one again.",
    );
    text.item(&format!(
        "Otherwise the record is damaged. It is item {} of partition ACCOUNT in the table {}. The guard does not write \
         over it: nothing else knows what halts did to the account.",
        policy.account,
        contract::TABLE
    ));
    text.item("Once the record can be read, the account is guarded again.");
    text.item("Was the account frozen meanwhile? Halt it by order, then release it: that ends the freeze too.");
    text.command(&format!("runawaytrain halt {}", policy.account));
    text.command(&format!("runawaytrain release {}", policy.account));
    let word = match past {
        None => "not guarded",
        Some((_, Ok(()))) => "past a limit, frozen",
        Some((_, Err(_))) => "past a limit, NOT frozen",
    };
    let subject = format!("Unreadable record of {}: {word}", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Unreadable, &subject, text, &what))
}

//! The mail that an account is close to a limit, or past one where the guard may only look.

use jiff::Timestamp;

use super::words::{Text, notice, place, short_name, time};
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::verdict::{Judgement, Reading, Verdict};
use crate::vocabulary::mode::Mode;

pub(super) fn write(policy: &AccountPolicy, mode: Mode, verdict: &Verdict, seen: &Summary, now: Timestamp) -> Notice {
    let causes = verdict.why();
    let name = short_name(policy);
    let (subject, lead, what) = if verdict.judgement == Judgement::Halt {
        (
            format!("PAST ITS LIMIT, {mode} only: {name}: {causes}"),
            format!("Past a limit. Nothing was done: the account's mode is {mode}."),
            format!("past a limit, {mode} only"),
        )
    } else if verdict.readings.iter().any(Reading::may_be_past) {
        (
            format!("MAY BE PAST ITS LIMIT {name}: {causes}"),
            "May be past a limit: part of the price is estimated. Nothing was done.".to_owned(),
            "may be past a limit".to_owned(),
        )
    } else {
        let next =
            if mode == Mode::Proceed { "The account is halted if it goes past it." } else { "Nothing was done." };
        (format!("Warning {name}: {causes}"), format!("Close to a limit. {next}"), "close to a limit".to_owned())
    };
    let mut text = Text::new(&lead, &place(policy), "Ask for a higher limit if this is yours; stop it if it is not.");
    text.fact("Time", &time(now));
    text.fact("Reason", &causes);
    text.running("Running", seen);
    text.limits(&policy.limits);
    if verdict.judgement != Judgement::Halt && verdict.readings.iter().any(Reading::may_be_past) {
        text.paragraph(
            "The price of part of what runs is not known, so it is estimated on the high side. The account is halted \
             once it is certain to be past its limit.",
        );
    }
    text.heading("What to do");
    text.item("Is this yours? Ask whoever runs the payer account for a higher limit before you start more.");
    text.item("Is it not? Stop it, and replace the keys of whoever started it.");
    text.check(&policy.account);
    notice(policy, NoticeKind::Warning, &subject, text, &what)
}

//! The mail that an operator ended a halt or a freeze.

use jiff::Timestamp;

use super::words::{Text, in_thread, notice, place, short_name, time};
use crate::message::notice::{Notice, NoticeKind};
use crate::plan::{ActionResult, Outcome};
use crate::policy::AccountPolicy;
use crate::resource::Skipped;
use crate::verdict::Grace;
use crate::vocabulary::text::{clean, some_of};

/// So many that the release vouches for are named before the rest is counted.
const MOST_NAMES: usize = 15;

/// Says what was given back, and what stays locked or stopped.
pub(super) fn write(
    policy: &AccountPolicy,
    tripped: Option<Timestamp>,
    grace: Option<&Grace>,
    outcomes: &[Outcome],
    skipped: &[Skipped],
    trusted: &[String],
    now: Timestamp,
) -> Notice {
    let has_failed = outcomes.iter().any(|outcome| outcome.result.failure().is_some());
    let todo = if has_failed {
        "Some of it could not be given back. Release the account once more."
    } else if skipped.is_empty() {
        "Nothing. The account is watched as before."
    } else {
        "Check what stays locked or stopped, below. Release again for more."
    };
    let mut text = Text::new("Released by an operator.", &place(policy), todo);
    text.fact("Time", &time(now));
    if let Some(grace) = grace {
        text.fact(
            "Grace",
            &format!(
                "until {}: what ran then and what came back does not halt it again; going past its limit on top of \
                 that does",
                time(grace.until)
            ),
        );
    }
    if !trusted.is_empty() {
        let names: Vec<String> = trusted.iter().map(|name| clean(name)).collect();
        text.fact(
            "Trusted",
            &format!(
                "{}: given back whatever their age, because the release vouches for them",
                some_of(&names, MOST_NAMES)
            ),
        );
    }
    let (failed, done): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().partition(|outcome| outcome.result.failure().is_some());
    text.section(
        "What was given back",
        done.into_iter().map(|outcome| match outcome.result {
            ActionResult::Done => outcome.action.to_string(),
            _ => format!("{}: {}", outcome.action, outcome.result),
        }),
    );
    text.section(
        "What could not be given back",
        failed.into_iter().map(|outcome| format!("{}: {}", outcome.action, outcome.result)),
    );
    text.section(
        "What stays as it is",
        skipped.iter().map(|skipped| format!("{}: {}", clean(&skipped.item), skipped.reason)),
    );
    if has_failed || !skipped.is_empty() {
        text.release(&policy.account);
    }
    text.history(&policy.account);
    let what = if has_failed { "not all of it was given back" } else { "no longer contained" };
    let subject = format!("Released {}: {what}", short_name(policy));
    let notice = notice(policy, NoticeKind::Released, &subject, text, "released");
    match tripped {
        Some(tripped) => in_thread(notice, tripped),
        None => notice,
    }
}

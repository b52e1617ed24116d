//! The mail that a halt has begun.

use jiff::Timestamp;

use super::words::{Text, in_thread, notice, place, short_name, time};
use crate::measure::summary::Summary;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;
use crate::resource::Kind;

/// Sent before anything is done, so it says what is going to be.
pub(super) fn write(policy: &AccountPolicy, why: &str, seen: &Summary, erased: &[String], now: Timestamp) -> Notice {
    let mut text = Text::new(
        "This account is being halted.",
        &place(policy),
        "Find out who started this. If it was you, release the account.",
    );
    text.fact("Time", &time(now));
    text.fact("Reason", why);
    text.running("Running", seen);
    text.limits(&policy.limits);
    text.paragraph(
        "A halt begins as soon as a limit is passed. Regions that had not answered by then are not in these numbers, \
         but are halted too.",
    );
    text.heading("What is being done");
    for sentence in Kind::ALL.iter().filter_map(|kind| kind.announce(policy)) {
        text.item(sentence);
    }
    text.item(
        "Whatever the policy exempts is left alone, except for keys and roles made recently, and roles that outsiders \
         may assume.",
    );
    text.section("Local disks that are erased, as far as is known", erased.iter().cloned());
    text.paragraph("A second mail follows when two looks in a row have found nothing left to do.");
    after_a_halt(&mut text, policy, LAUNCHED);
    let subject = format!("HALT {}: {why}", short_name(policy));
    in_thread(notice(policy, NoticeKind::Halt, &subject, text, why), now)
}

/// The first thing to do about instances that somebody launched.
pub(super) const LAUNCHED: &str =
    "Find out who started this: in CloudTrail, look up RunInstances in the regions above.";

/// What people do about a halt, begun or proven.
pub(super) fn after_a_halt(text: &mut Text, policy: &AccountPolicy, first: &str) {
    text.heading("What to do");
    text.steps(&[
        first,
        "Give the people whose keys leaked new ones. Do not switch the old ones back on.",
        "Until the account is released, whatever starts in it is stopped again at the next sweep.",
    ]);
    text.release(&policy.account);
    text.history(&policy.account);
}

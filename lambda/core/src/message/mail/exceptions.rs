//! The mails about limits that are raised for a time: to the account's own people, and to the payer's.

use jiff::Timestamp;

use super::words::{Text, notice, place, short_name, time, to_both};
use crate::decision::End;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, Exception};
use crate::record::State;
use crate::vocabulary::mode::Mode;
use crate::vocabulary::text::{clean, listed};

/// Limits are raised.
pub(super) fn made(
    policy: &AccountPolicy,
    exception: &Exception,
    replaced: Option<&Exception>,
    state: State,
) -> Vec<Notice> {
    let until = time(exception.until);
    let (what, todo) = if state.is_contained() {
        (
            format!("Once released, may go past its limits until {until}."),
            format!("It is still {state}: release it if you expect this peak."),
        )
    } else {
        (
            format!("May go past its limits until {until}."),
            "Nothing, if you expect this peak. Scale down before it ends.".to_owned(),
        )
    };
    let mut text = Text::new(&what, &place(policy), &todo);
    facts(&mut text, policy, exception);
    if let Some(before) = replaced {
        text.fact("Replaces", &format!("{} until {}", raised(before), time(before.until)));
    }
    let past = match policy.mode {
        Mode::Proceed => "what is past them then is halted",
        Mode::Drill | Mode::Pass => "its people are warned of what is past them then",
    };
    text.paragraph(&format!(
        "All other limits hold as before. What runs from its end on is judged by the account's own limits again, and \
         {past}. What was spent before its end stays allowed."
    ));
    if state.is_contained() {
        text.heading("To release it");
        text.command(&format!("runawaytrain release {}", policy.account));
    }
    text.heading("Not expected? Take it back");
    text.command(&format!("runawaytrain allow {} --revoke", policy.account));
    let until = exception.until.strftime("%Y-%m-%d %H:%M UTC");
    let subject = format!("Exception for {} until {until}", short_name(policy));
    to_both(notice(policy, NoticeKind::Exception, &subject, text, "may go past its limits for a time"))
}

/// They hold again.
pub(super) fn ended(policy: &AccountPolicy, exception: &Exception, end: &End, now: Timestamp) -> Vec<Notice> {
    let (what, word, by) = match end {
        End::Expired => ("The exception has ended: its own limits hold again.", "ended", None),
        End::Revoked { by } => ("The exception was revoked: its own limits hold again.", "revoked", by.as_ref()),
    };
    let mut text =
        Text::new(what, &place(policy), "Scale down to the limits: what is past them from now on is halted.");
    text.fact("Time", &time(now));
    if let Some(who) = by {
        text.fact("Revoked", &format!("by {}", clean(who)));
    }
    facts(&mut text, policy, exception);
    text.heading("To see how close it is to its limits");
    text.command(&format!("runawaytrain check {}", policy.account));
    let subject = format!("Exception {word} for {}", short_name(policy));
    to_both(notice(policy, NoticeKind::ExceptionEnded, &subject, text, &format!("its exception {word}")))
}

fn raised(exception: &Exception) -> String {
    let raised: Vec<String> = exception.raised().map(|(limit, number)| limit.amount(number)).collect();
    listed(&raised)
}

/// What is raised, from what, by whom and why.
fn facts(text: &mut Text, policy: &AccountPolicy, exception: &Exception) {
    text.fact("Allowed", &raised(exception));
    let own: Vec<String> = exception
        .raised()
        .filter_map(|(limit, _)| policy.limits.thresholds.get(&limit).map(|own| limit.amount(*own)))
        .collect();
    text.fact("Limits", &listed(&own));
    text.fact("Reason", &clean(&exception.reason));
    if let Some(who) = &exception.by {
        text.fact("Made by", &clean(who));
    }
}

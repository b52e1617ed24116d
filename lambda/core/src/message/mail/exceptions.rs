//! The mails about limits that are raised for a time: to the account's own people, and to the payer's.

use jiff::Timestamp;

use super::words::{Text, notice, place, short_name, time, to_the_payer};
use crate::decision::End;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, Exception, NotifyList};
use crate::vocabulary::text::{clean, listed};

/// Limits are raised.
pub(super) fn made(policy: &AccountPolicy, exception: &Exception, replaced: Option<&Exception>) -> Vec<Notice> {
    let until = time(exception.until);
    let mut text = Text::new(
        &format!("May go past its limits until {until}."),
        &place(policy),
        "Nothing, if you expect this peak. Scale down before it ends.",
    );
    facts(&mut text, policy, exception);
    if let Some(before) = replaced {
        text.fact("Replaces", &format!("the exception until {}", time(before.until)));
    }
    text.paragraph(
        "All other limits hold as before. From its end on the account is judged by its own limits again, and what is \
         past them then is halted.",
    );
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

fn to_both(own: Notice) -> Vec<Notice> {
    if own.list == NotifyList::Default { vec![own] } else { vec![own.clone(), to_the_payer(own)] }
}

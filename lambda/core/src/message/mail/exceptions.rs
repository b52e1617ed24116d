//! The mails about limits that are raised for a time: to the account's own people, and to the payer's.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::words::{full_name, line, notice, short_name, time, to_the_payer};
use crate::decision::End;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::{AccountPolicy, Exception, NotifyList};
use crate::vocabulary::text::clean;

/// Limits are raised.
pub(super) fn made(policy: &AccountPolicy, exception: &Exception, replaced: Option<&Exception>) -> Vec<Notice> {
    let until = time(exception.until);
    let mut body = format!("Account {} may go past its limits until {until}.\n\n", full_name(policy));
    raised(&mut body, policy, exception);
    why(&mut body, exception);
    if let Some(before) = replaced {
        line(&mut body, "Replaces", &format!("the exception that would have ended {}", time(before.until)));
    }
    let _ = write!(
        body,
        "\nAll other limits hold as before. When it ends, the account is judged by its own limits again: what is past \
         them then is halted. Scale down before, or ask for another exception.\n\n\
         Not meant? Take it back:\nrunawaytrain allow {} --revoke\n",
        policy.account
    );
    let subject =
        format!("Exception for {} until {}", short_name(policy), exception.until.strftime("%Y-%m-%d %H:%M UTC"));
    to_both(notice(policy, NoticeKind::Exception, subject, body, "may go past its limits for a time"))
}

/// They hold again.
pub(super) fn ended(policy: &AccountPolicy, exception: &Exception, end: &End, now: Timestamp) -> Vec<Notice> {
    let name = full_name(policy);
    let (mut body, word) = match end {
        End::Expired => {
            (format!("The exception for account {name} has ended: its own limits hold again.\n\n"), "ended")
        }
        End::Revoked { by } => {
            let who = by.as_ref().map_or_else(String::new, |who| format!(" by {}", clean(who)));
            (format!("The exception for account {name} was revoked{who}: its own limits hold again.\n\n"), "revoked")
        }
    };
    line(&mut body, "Time", &time(now));
    raised(&mut body, policy, exception);
    why(&mut body, exception);
    let _ = write!(
        body,
        "\nWhat is past the limits from now on is halted. To see how close the account is:\nrunawaytrain check {}\n",
        policy.account
    );
    let subject = format!("Exception {word} for {}", short_name(policy));
    to_both(notice(policy, NoticeKind::ExceptionEnded, subject, body, &format!("its exception {word}")))
}

/// Each limit that it raises, with what the policy allows.
fn raised(body: &mut String, policy: &AccountPolicy, exception: &Exception) {
    for (index, (limit, number)) in exception.raised().enumerate() {
        let own = policy.limits.thresholds.get(&limit).map(|own| format!(" (its own limit: {})", limit.show(*own)));
        let label = if index == 0 { "Raised" } else { "" };
        line(body, label, &format!("{} {limit}{}", limit.show(number), own.unwrap_or_default()));
    }
}

fn why(body: &mut String, exception: &Exception) {
    line(body, "Reason", &clean(&exception.reason));
    if let Some(who) = &exception.by {
        line(body, "Made by", &clean(who));
    }
}

fn to_both(own: Notice) -> Vec<Notice> {
    if own.list == NotifyList::Default { vec![own] } else { vec![own.clone(), to_the_payer(own)] }
}

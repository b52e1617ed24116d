//! The mail about Cost and Usage Reports of which nothing new is known.

use jiff::Timestamp;

use super::words::{line, notice, order, section, time, to_the_payer};
use crate::measure::spend::STALE;
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;

/// What is to be said of them: see [`News::UnreadReports`](crate::decision::News::UnreadReports).
pub(super) struct Unread<'a> {
    pub place: &'a str,
    pub is_made: bool,
    pub why: &'a [String],
    pub has_failed: bool,
    pub until: Option<Timestamp>,
}

/// Goes to the payer's list: the reports are the payer's.
pub(super) fn unread(policy: &AccountPolicy, reports: &Unread<'_>, now: Timestamp) -> Notice {
    let Unread { place, is_made, why, has_failed, until } = *reports;
    let known = until.map_or_else(|| "nothing".to_owned(), |until| format!("until {}", time(until)));
    let ends = until.and_then(|until| until.checked_add(STALE).ok()).filter(|ends| now < *ends);
    let meanwhile = match ends {
        Some(ends) => format!("Until {} spend24h and purchases are judged by what is known; after that, ", time(ends)),
        None => "For now, ".to_owned(),
    };
    let mut body = format!(
        "The guard learns nothing new from the Cost and Usage Reports. {meanwhile}spend24h is judged by AWS's estimate of the \
         charges, which lags by up to a day, and purchases are not judged. Instances, vCPUs and USD/hour are judged as \
         always.\n\n"
    );
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reports", place);
    line(&mut body, "Known", &known);
    section(&mut body, "Why", why.iter().cloned());
    body.push_str("\nWhat to do\n");
    if has_failed {
        body.push_str("- Mend what is said above. The guard tries again every hour; to have it try now:\n");
        order(&mut body, r#"{"action":"reports"}"#);
    } else {
        body.push_str("- Look in Billing and Cost Management, Data Exports, why AWS delivers none.\n");
    }
    if !is_made {
        body.push_str(
            "- Must that report stay as it is? Write cur: {} in the policy, without a bucket, and deploy: the guard then \
             makes a report of its own beside it.\n",
        );
    }
    body.push_str("- This mail comes once a day for as long as it lasts.\n");
    let what = why.first().map_or("", String::as_str);
    let subject = match until {
        Some(until) => format!("Cost reports: nothing new since {}", time(until)),
        None => "Cost reports cannot be read".to_owned(),
    };
    to_the_payer(notice(policy, NoticeKind::UnreadReports, subject, body, what))
}

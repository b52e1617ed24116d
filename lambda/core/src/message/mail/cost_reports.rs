//! The mail about Cost and Usage Reports of which nothing new is known.

use jiff::Timestamp;

use super::words::{Text, notice, organization, short_name, time, to_the_payer};
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
    let lead = match until {
        Some(_) => "The guard has read nothing new in the Cost and Usage Reports.",
        None => "The guard cannot read the Cost and Usage Reports.",
    };
    let todo = if has_failed {
        "Fix what is said under Why. The guard tries again every hour."
    } else {
        "Find out in Data Exports why AWS delivers none."
    };
    let mut text = Text::new(lead, &organization(policy), todo);
    text.fact("Time", &time(now));
    text.fact("Reports", place);
    text.fact("Known", &known);
    let meanwhile = match ends {
        Some(ends) => {
            format!("Until {}, spend24h and purchases are judged by what is known. After that, ", time(ends))
        }
        None => "For now, ".to_owned(),
    };
    text.paragraph(&format!(
        "{meanwhile}spend24h is judged by AWS's estimate of the charges, which lags by up to a day, and purchases are \
         not judged at all. Instances, vCPUs and USD/hour are judged as always."
    ));
    text.section("Why", why.iter().cloned());
    text.heading("What to do");
    if !has_failed {
        text.item("Look in Billing and Cost Management, under Data Exports, why AWS delivers no report.");
    }
    if !is_made {
        text.item(
            "Must that report stay as it is? Write cur: {} in the policy, without a bucket, and deploy: the guard then \
             makes a report of its own beside it.",
        );
    }
    text.item("This mail comes once a day for as long as it lasts.");
    text.heading("To see what else the guard lacks");
    text.command("runawaytrain doctor --after");
    let what = why.first().map_or("", String::as_str);
    let name = short_name(policy);
    let subject = match until {
        Some(until) => format!("Cost reports of {name}: nothing new since {}", time(until)),
        None => format!("Cost reports of {name} cannot be read"),
    };
    to_the_payer(notice(policy, NoticeKind::UnreadReports, &subject, text, what))
}

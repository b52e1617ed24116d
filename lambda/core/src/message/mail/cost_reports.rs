//! The mail about Cost and Usage Reports of which nothing new is known.

use jiff::Timestamp;

use super::words::{line, notice, order, section, time, to_the_payer};
use crate::message::notice::{Notice, NoticeKind};
use crate::policy::AccountPolicy;

/// Goes to the payer's list: the reports are the payer's.
pub(super) fn unread(
    policy: &AccountPolicy,
    place: &str,
    why: &[String],
    until: Option<Timestamp>,
    now: Timestamp,
) -> Notice {
    let known = until.map_or_else(|| "nothing".to_owned(), |until| format!("until {}", time(until)));
    let mut body = "The guard learns nothing new from the Cost and Usage Reports. It judges spend24h by AWS's estimate of \
                    the charges instead, which lags by up to a day. Instances, vCPUs and USD/hour are judged as before.\n\n"
        .to_owned();
    line(&mut body, "Time", &time(now));
    line(&mut body, "Reports", place);
    line(&mut body, "Known", &known);
    section(&mut body, "Why", why.iter().cloned());
    body.push_str(
        "\n\
         What to do\n\
         - Mend what is said above. The guard tries again every hour; to have it try now:\n",
    );
    order(&mut body, r#"{"action":"reports"}"#);
    body.push_str(
        "- Must the report stay as it is? Write cur: {} in the policy, without a bucket, and deploy: the guard then makes \
         a report of its own beside it.\n\
         - This mail comes once a day for as long as it lasts.\n",
    );
    let what = why.first().map_or("", String::as_str);
    let subject = match until {
        Some(until) => format!("Cost reports: nothing new since {}", time(until)),
        None => "Cost reports cannot be read".to_owned(),
    };
    to_the_payer(notice(policy, NoticeKind::UnreadReports, subject, body, what))
}

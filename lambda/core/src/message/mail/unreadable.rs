//! The mail about an account whose record cannot be read.

use jiff::Timestamp;

use super::words::{full_name, line, notice, running, short_name, time, to_the_payer};
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
    let mut body = format!(
        "The guard cannot read what it remembers of account {}, so it can look at the account and not halt it.\n\n",
        full_name(policy)
    );
    line(&mut body, "Time", &time(now));
    line(&mut body, "Why", why);
    line(&mut body, "State", &state.map_or_else(|| "cannot be read either".to_owned(), |state| state.to_string()));
    running(&mut body, "Running", seen);
    let table = contract::TABLE;
    let (what, is_past) = match past {
        None => ("within its limits".to_owned(), "It is within its limits.".to_owned()),
        Some((limits, Ok(()))) => (
            format!("{limits}; frozen"),
            format!(
                "It is past its limit: {limits}. It is frozen by a service control policy, which was seen to be \
                 attached: nothing in it can grow. What runs, runs on and bills."
            ),
        ),
        Some((limits, Err(why))) => (
            format!("{limits}; NOT frozen"),
            format!(
                "It is past its limit: {limits}. It is NOT frozen: {why}. What runs, runs on and bills, and more can \
                 be started."
            ),
        ),
    };
    body.push_str(&format!(
        "\n{is_past}\n\
         \n\
         What to do now\n\
         - Was the guard set back to an earlier version? That one does not know what a later one writes. Deploy the \
         later one again.\n\
         - Otherwise the record is damaged. It is item {account} of partition ACCOUNT in the table {table}, and is not \
         written over: what halts did to the account is known by it alone.\n\
         - Once it can be read, the account is guarded again. Was it frozen meanwhile? A halt by order takes the freeze \
         in, and a release then ends both.\n",
        account = policy.account
    ));
    let word = match past {
        None => "not guarded",
        Some((_, Ok(()))) => "past a limit, frozen",
        Some((_, Err(_))) => "past a limit, NOT frozen",
    };
    let subject = format!("Unreadable record of {}: {word}", short_name(policy));
    to_the_payer(notice(policy, NoticeKind::Unreadable, subject, body, &what))
}

//! The mails, one kind a file: plain text of 80 columns, read on a phone by somebody who was just woken up. The first
//! three lines say what happened, where and what to do; the last one names the page to read on.

use crate::decision::News;
use crate::message::notice::Notice;
use crate::policy::AccountPolicy;

mod contained;
mod cost_reports;
mod denied;
mod digest;
mod exceptions;
mod freeze;
mod halt;
mod outcome;
mod permissions;
mod released;
mod unreadable;
mod unseen;
mod warning;
mod words;

pub use digest::digest;

/// Writes the mails of a piece of news, each to its list.
pub fn write(policy: &AccountPolicy, news: &News) -> Vec<Notice> {
    match news {
        News::Warning { mode, verdict, seen, at } => vec![warning::write(policy, *mode, verdict, seen, *at)],
        News::Halt { why, seen, erased, at } => vec![halt::write(policy, why, seen, erased, *at)],
        News::Outcome { halt, containment, at } => outcome::write(policy, halt, containment, *at),
        News::Unseen { state, unseen, brief, shut_out } => {
            vec![unseen::account(policy, *state, unseen, brief, *shut_out)]
        }
        News::Tamper { state, unseen, not_frozen } => vec![freeze::tamper(policy, *state, unseen, not_frozen)],
        News::DeniedRegions { regions } => vec![unseen::denied_regions(policy, regions)],
        News::Unreadable { state, why, seen, past, at } => {
            vec![unreadable::record(policy, *state, why, seen, past.as_ref(), *at)]
        }
        News::Purchases { state, why, not_frozen, at } => freeze::purchases(policy, *state, why, not_frozen, *at),
        News::UnreadReports { place, is_made, why, has_failed, until, at } => {
            let reports =
                cost_reports::Unread { place, is_made: *is_made, why, has_failed: *has_failed, until: *until };
            vec![cost_reports::unread(policy, &reports, *at)]
        }
        News::NotPermitted { denied, at } => vec![permissions::not_permitted(policy, denied, *at)],
        News::Permitted { at } => vec![permissions::permitted(policy, *at)],
        News::Freeze { reason, why, seen, holds, at } => freeze::frozen(policy, *reason, why, seen, holds, *at),
        News::Thawed { reason, at } => vec![freeze::thawed(policy, *reason, *at)],
        News::Exception { exception, replaced, state } => {
            exceptions::made(policy, exception, replaced.as_ref(), *state)
        }
        News::ExceptionEnded { exception, end, at } => exceptions::ended(policy, exception, end, *at),
        News::Released { tripped, grace, outcomes, skipped, trusted, at } => {
            vec![released::write(policy, *tripped, grace.as_ref(), outcomes, skipped, trusted, *at)]
        }
        News::Contained { records, at } => vec![contained::write(policy, records, *at)],
    }
}

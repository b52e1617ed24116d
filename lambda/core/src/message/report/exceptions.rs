//! What an exception that was made or taken back comes to.

use serde::Serialize;

use crate::message::report::NoticeTotals;
use crate::policy::Exception;
use crate::record::State;
use crate::vocabulary::ids::AccountId;

/// An exception that was made or taken back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionReport {
    /// Which account.
    pub account: AccountId,
    /// What the organization or the policy calls it.
    pub name: String,
    /// Where it stands: an exception ends no halt.
    pub state: State,
    /// The one that holds now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exception: Option<Exception>,
    /// The one that held before, and no longer does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Exception>,
    /// Mails.
    pub notices: NoticeTotals,
}

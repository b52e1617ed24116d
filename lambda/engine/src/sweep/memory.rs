//! What a sweep reads of the table before it begins: of all accounts every record; of some their own, and the payer's,
//! which has what is learnt of the organization.

use std::collections::BTreeSet;

use runawaytrain_core::decision::ShutOuts;
use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::Region;
use runawaytrain_core::vocabulary::mode::Mode;

use crate::ports::{Records, States};
use crate::trigger::Selection;

/// What was read.
pub(super) enum Memory {
    /// Every account's record.
    Whole(Records),
    /// Those of the accounts that the request is about, and the payer's.
    Part {
        /// The records.
        records: Records,
        /// The regions that the organization denies, as the last sweep of the payer learnt it.
        denied: BTreeSet<Region>,
    },
}

impl Memory {
    /// What was read of the accounts.
    pub fn records(&self) -> &Records {
        match self {
            Self::Whole(records) | Self::Part { records, .. } => records,
        }
    }

    /// The same, handed over.
    pub fn into_records(self) -> Records {
        match self {
            Self::Whole(records) | Self::Part { records, .. } => records,
        }
    }
}

/// Reads what a sweep of these accounts rests on, and no more of the table: a launch must not read the records of a
/// whole organization. It does where something depends on all of them: an account that refused us or was throttled is
/// judged by how many others are, and without a record of a payer that is looked at nobody has written down which
/// regions the organization denies.
pub(super) async fn remember(states: &dyn States, policy: &Policy, selection: &Selection) -> Result<Memory, Failure> {
    let Selection::Only(wanted) = selection else { return states.load_all().await.map(Memory::Whole) };
    let payer = policy.payer();
    let mut asked = wanted.clone();
    asked.insert(payer.clone());
    let records = states.load_some(&asked).await?;
    let depends_on_others = wanted
        .iter()
        .filter_map(|account| records.readable.get(account))
        .any(|known| ShutOuts::matter_to(&known.record));
    let is_payer_looked_at = policy.for_account(payer, None).mode != Mode::Pass;
    match records.readable.get(payer).filter(|_| is_payer_looked_at && !depends_on_others) {
        Some(known) => {
            let denied = known.record.denied_told.clone();
            Ok(Memory::Part { records, denied })
        }
        None => states.load_all().await.map(Memory::Whole),
    }
}

//! Whether AWS publishes what each account has been charged. It must be switched on once, by hand: there is no API for
//! it.

use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::count;

use super::ground::Ground;
use crate::finding::{Cure, Finding};

/// Asks CloudWatch.
pub async fn look(ground: Ground<'_>) -> Result<Vec<Finding>, Failure> {
    Ok(vec![charges(ground.cloud.accounts_with_charges().await?.len())])
}

fn charges(accounts: usize) -> Finding {
    let what = "billing alerts";
    if accounts > 0 {
        return Finding::ok(what, format!("AWS publishes the charges of {}", count(accounts as u64, "account")));
    }
    Finding::missing(
        what,
        "AWS publishes no account's charges, so spend alarms stay silent; what runs is judged all the same. Switched \
         on today, it shows tomorrow",
        Cure::new(
            "Billing and Cost Management console, Billing preferences, Alert preferences, Edit: Receive CloudWatch \
             billing alerts",
        ),
    )
}

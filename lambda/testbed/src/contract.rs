//! What every implementation of a port must keep. Run over the simulation and over the real adapters on an emulator.
//!
//! The ledger and the books of money have suites of their own. For looking and acting each rule is a [`Case`], played
//! on a [`Stage`] of its own: an account in which nothing was done yet, and whose people's hands are the test's. What
//! an emulator cannot do is listed beside its test, by name and with the reason, and must fail there: once it does not,
//! the list is wrong and says so.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "each rule is named by its function; a broken rule is a failing test"
)]

mod account;
pub mod books;
mod capacity;
mod case;
mod fleets;
mod groups;
mod instances;
pub mod ledger;
mod organization;
mod quarantine;
mod roles;
mod root;
mod spot_requests;
mod stage;
mod users;

use std::panic::AssertUnwindSafe;

use futures::FutureExt;

pub use case::Case;
pub use stage::{Crowd, Filling, Identity, Machine, Stage};

/// Every rule of looking and acting.
pub fn rules() -> impl Iterator<Item = &'static Case> {
    let kinds = [
        quarantine::CASES,
        groups::CASES,
        fleets::CASES,
        spot_requests::CASES,
        instances::CASES,
        capacity::CASES,
        users::CASES,
        roles::CASES,
        root::CASES,
    ];
    [organization::CASES, account::CASES].into_iter().chain(kinds).flatten()
}

/// Plays every rule on a stage of its own, set up by `set` from the rule's number. Those in `beyond` must fail, all
/// others must hold. There each stands with the reason and with some words of its failure: one that fails in another
/// way is news, too. `CONTRACT=part-of-a-name` plays only some.
pub async fn contract<S: Stage>(set: impl AsyncFn(usize) -> S, beyond: &[(&str, &str, &str)]) {
    let wanted = std::env::var("CONTRACT").unwrap_or_default();
    let is_rule = |name: &str| rules().any(|case| case.name == name);
    let mut wrong: Vec<String> = beyond
        .iter()
        .filter(|(name, ..)| !is_rule(name))
        .map(|(name, ..)| format!("{name}: no rule is called so"))
        .collect();
    for (number, case) in rules().enumerate().filter(|(_, case)| case.name.contains(&wanted)) {
        // A stage that cannot be set is no rule that is broken: that ends the test.
        let stage = set(number).await;
        let broken = AssertUnwindSafe((case.play)(&stage)).catch_unwind().await.err().map(|panic| words(&*panic));
        let name = case.name;
        match (broken, beyond.iter().find(|(rule, ..)| *rule == name)) {
            (None, None) => println!("{name}: kept"),
            (None, Some((_, reason, _))) => {
                wrong.push(format!("{name}: kept by now; take it off the list, where it says that {reason}"))
            }
            (Some(how), None) => wrong.push(format!("{name}: broken: {how}")),
            (Some(how), Some((_, reason, words))) if how.contains(words) => {
                println!("{name}: not here, for {reason}: {how}")
            }
            (Some(how), Some((_, _, words))) => wrong.push(format!("{name}: broken, and not by {words:?}: {how}")),
        }
    }
    assert!(wrong.is_empty(), "{} rules\n{}", wrong.len(), wrong.join("\n"));
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
    words.unwrap_or_default().replace('\n', " ")
}

//! The two promises in full, over random organizations, thieves and dangers: nobody innocent is harmed, and no account
//! that was robbed is lost.
#![cfg(test)]

#[expect(dead_code, reason = "each test file uses its own part of this")]
mod common;
mod organization;

use std::collections::BTreeSet;

use common::{Scene, id};
use organization::{Case, Played, arbitrary_case, innocent_id, robbed_id};
use proptest::prelude::*;
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::States;
use runawaytrain_testbed::SimInstance;

/// 60 cases in the suite; `PROPTEST_CASES=1000 cargo test -p runawaytrain-engine --test harm -- --nocapture` for a
/// longer run, which says how often each danger was met.
fn cases() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::default() }
}

/// Runs a play in virtual time.
fn in_virtual_time<T>(play: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(play)
}

/// Nothing is done to the innocent: not one call, whatever goes wrong.
fn nobody_innocent_is_touched(scene: &Scene, case: &Case) -> Result<(), TestCaseError> {
    let innocent: BTreeSet<AccountId> = (0..case.innocents.len()).map(|number| id(&innocent_id(number))).collect();
    let calls = scene.testbed.world.calls();
    let touched: Vec<String> = calls
        .iter()
        .filter(|call| innocent.contains(&call.account))
        .map(|call| format!("{}: {}", call.account, call.action))
        .collect();
    prop_assert!(touched.is_empty(), "{touched:#?}\n{:#?}", scene.subjects());
    Ok(())
}

/// Mails that are not about those who were robbed, nor say that somebody comes close to a limit.
fn mails_about_others(scene: &Scene) -> Vec<String> {
    let is_other = |subject: &String| !subject.contains("robbed-") && !subject.contains("] Warning");
    scene.subjects().into_iter().filter(is_other).collect()
}

/// What is remembered of an account.
async fn known(scene: &Scene, account: &AccountId) -> Option<AccountRecord> {
    scene.testbed.ledger.load(account).await.unwrap().map(|known| known.record)
}

async fn state(scene: &Scene, account: &str) -> State {
    known(scene, &id(account)).await.map_or(State::Ok, |known| known.state)
}

/// The innocent were not touched, and nobody was bothered with more than a digest.
async fn nobody_innocent_is_harmed(scene: &Scene, case: &Case) -> Result<(), TestCaseError> {
    nobody_innocent_is_touched(scene, case)?;
    for number in 0..case.innocents.len() {
        let state = state(scene, &innocent_id(number)).await;
        prop_assert!(matches!(state, State::Ok | State::Warned), "lab-{number} is {state:?}");
    }
    let mails = mails_about_others(scene);
    // Of one kind there are at most three, for four are a digest, and one more says which region is closed.
    prop_assert!(mails.len() <= 4 * case.dangers.len(), "{mails:#?}");
    Ok(())
}

/// Whoever was robbed is contained: nothing runs on, nobody of the thief's can act, and people were told.
async fn no_account_that_was_robbed_is_lost(played: &Played, case: &Case) -> Result<(), TestCaseError> {
    let scene = &played.scene;
    for thief in &played.thieves {
        let account = thief.account();
        let number = (0..case.robbed.len()).find(|number| robbed_id(*number) == account.as_str()).unwrap();
        let robbed = &case.robbed[number];
        let tells = |subject: &String| subject.contains("PURCHASES") && subject.contains(&format!("robbed-{number} "));
        prop_assert!(!robbed.buys() || scene.subjects().iter().any(tells), "{:#?}", scene.subjects());
        let known = known(scene, account).await;
        let state = known.as_ref().map_or(State::Ok, |known| known.state);
        let regions = known.map(|known| known.regions).unwrap_or_default();
        let (is_frozen, is_denied_models, billable, usable) = scene.testbed.world.with(account, |known| {
            // What cannot be stopped is left where the policy says so.
            let is_left = |instance: &SimInstance| instance.stubborn.is_some() && case.leaves_unstoppable();
            // What a thief leaves behind in a region that was disabled before anybody saw it running there, only the
            // bill shows.
            let is_dark = |region: &Region| {
                !known.enabled().any(|enabled| enabled == region) && !regions.running.contains_key(region)
            };
            let runs_on = |(region, instance): &(&Region, &SimInstance)| !is_left(instance) && !is_dark(region);
            let billable = known.billable().filter(runs_on).count();
            (known.is_frozen(), *known.models.written(), billable, thief.usable(known))
        });
        let say = || format!("robbed-{number} is {state:?}; {:#?}", scene.subjects());
        // What befalls more than two accounts at once is taken for our own fault: it is told, and nobody is frozen for
        // it.
        let is_one_of_many = robbed.deletes_our_role() && case.shut_us_out() > 2;
        prop_assert!(is_frozen || is_one_of_many, "it can still grow: {}", say());
        prop_assert!(scene.mails_about(&format!("robbed-{number}")) > 0, "nobody was told: {}", say());
        if state == State::Halted {
            prop_assert!(billable == 0, "{billable} run on: {}", say());
            prop_assert!(usable.is_empty(), "{usable:?} can still act: {}", say());
            prop_assert!(is_denied_models, "models can still be invoked: {}", say());
        }
        prop_assert!(state == State::Halted || robbed.may_resist(), "{}", say());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn nobody_innocent_is_harmed_and_no_account_that_was_robbed_is_lost_whatever_goes_wrong(case in arbitrary_case()) {
        in_virtual_time(async {
            let played = case.play().await;
            nobody_innocent_is_harmed(&played.scene, &case).await?;
            no_account_that_was_robbed_is_lost(&played, &case).await
        })?;
    }
}

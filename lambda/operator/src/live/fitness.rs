//! Whether a live drill may begin: what the policy, the guard's memory and a look have to say.

use runawaytrain_core::measure::limit::Limit;
use runawaytrain_core::policy::{AccountPolicy, CanarySettings, InstanceResponse, Policy, RootResponse, UserResponse};
use runawaytrain_core::record::{AccountRecord, State};
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::text::{clean, count, some_of};

use crate::answer::Account;
use crate::problem::Problem;

/// Of many gaps only so many are told.
const NAMED: usize = 3;

fn refused(what: String, todo: impl Into<String>) -> Problem {
    Problem::Stays { what: format!("{what}; nothing was launched"), todo: todo.into() }
}

/// Where the policy lets a live drill launch, or why it does not.
pub fn canary(policy: &Policy) -> Result<CanarySettings, Problem> {
    let Some(canary) = policy.document().canary.clone() else {
        return Err(refused(
            "the policy names no canary, the account in which a live drill may launch".to_owned(),
            "in the policy file: canary: {account: \"…\", region: us-east-1}, an account in which nobody works; then \
             deploy it",
        ));
    };
    let id = &canary.account;
    if id == policy.payer() {
        return Err(refused(
            format!("the canary {id} is the payer, which no quarantine binds"),
            "in the policy file: canary.account: an account of the organization in which nobody works",
        ));
    }
    if policy.document().organization.closed_regions.contains(&canary.region) {
        return Err(refused(
            format!("the canary's region {} stands under organization.closedRegions", canary.region),
            "in the policy file: canary.region: another one",
        ));
    }
    if policy.halts_per_hour() == 0 {
        return Err(refused(
            "brake.haltsPerHour is 0, so the canary would only be frozen".to_owned(),
            "in the policy file: brake.haltsPerHour: 1 or more; then deploy it",
        ));
    }
    Ok(canary)
}

/// Refuses an account for which the policy does not mean what a drill needs.
pub fn suits(of_canary: &AccountPolicy) -> Result<(), Problem> {
    let id = &of_canary.account;
    if of_canary.mode != Mode::Proceed {
        return Err(refused(
            format!("the canary {id} is in {}, so a halt would touch nothing in it", of_canary.mode),
            format!("in the policy file: mode: proceed, at the top and under accounts.\"{id}\"; then deploy it"),
        ));
    }
    if of_canary.limits.thresholds.get(&Limit::Instances) != Some(&0) {
        return Err(refused(
            format!("one instance does not pass the limit of the canary {id}"),
            format!("in the policy file: accounts.\"{id}\".limits.instances: 0; then deploy it"),
        ));
    }
    if let Some((key, value, milder)) = destroys(of_canary) {
        return Err(refused(
            format!("contain.{key} is {value} for the canary {id}, so a halt would destroy what no release gives back"),
            format!("in the policy file: accounts.\"{id}\".contain.{key}: {milder}; then deploy it"),
        ));
    }
    Ok(())
}

/// What of a halt would destroy: its key, what the policy says there, and what would not. A drill loses console
/// passwords all the same, of which its warning tells; and of instances there are none but its own.
fn destroys(of_canary: &AccountPolicy) -> Option<(&'static str, &'static str, &'static str)> {
    let contain = &of_canary.contain;
    match contain.users {
        UserResponse::DeleteCredentials => return Some(("users", "delete-credentials", "deactivate")),
        UserResponse::DeleteUsers => return Some(("users", "delete-users", "deactivate")),
        UserResponse::Deactivate | UserResponse::Leave => {}
    }
    match (contain.root, contain.instances) {
        (RootResponse::DeleteCredentials, _) => Some(("root", "delete-credentials", "leave")),
        (RootResponse::Leave, InstanceResponse::Terminate) => Some(("instances", "terminate", "stop")),
        (RootResponse::Leave, InstanceResponse::Stop) => None,
    }
}

/// Refuses an account that is not as a drill needs it, by what the guard remembers of it.
pub fn may_begin(record: &AccountRecord) -> Result<(), Problem> {
    let id = &record.account;
    if !matches!(record.state, State::Ok | State::Released) {
        return Err(refused(
            format!("the canary {id} is {} already: {}", record.state, clean(&record.why)),
            if record.state.is_contained() {
                format!("runawaytrain release {id}")
            } else {
                format!("runawaytrain check {id}; a drill begins where nothing is the matter")
            },
        ));
    }
    match &record.unseen {
        Some(unseen) => Err(refused(
            format!("the guard does not see the canary {id} whole: {}", clean(&unseen.why)),
            "runawaytrain doctor",
        )),
        None => Ok(()),
    }
}

/// Refuses an account in which something runs, by what the guard sees in it now.
pub fn is_idle(found: &Account) -> Result<(), Problem> {
    let id = &found.account;
    if let Some(error) = &found.error {
        return Err(refused(
            format!("the guard could not look into the canary {id}: {}", clean(error)),
            "runawaytrain doctor",
        ));
    }
    let running = found.instances.counted + found.instances.exempt;
    if running > 0 {
        return Err(refused(
            format!("{} in the canary {id} already, so nobody could tell what the drill did", runs(running)),
            format!("runawaytrain check {id}; stop what runs there, or choose another canary"),
        ));
    }
    if found.unseen || !found.gaps.is_empty() || found.verdict.is_none() {
        let gaps: Vec<String> = found.gaps.iter().map(|gap| clean(&format!("{}: {}", gap.at, gap.reason))).collect();
        let which = if gaps.is_empty() { String::new() } else { format!(" ({})", some_of(&gaps, NAMED)) };
        return Err(refused(
            format!("the guard does not see the canary {id} whole{which}"),
            format!("runawaytrain check {id}; where nothing is wrong with it, run the drill again"),
        ));
    }
    Ok(())
}

fn runs(number: u64) -> String {
    format!("{} {}", count(number, "instance"), if number == 1 { "runs" } else { "run" })
}

//! What stands, and who would be left without it.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::contract::{
    HOME_REGION, LOCKDOWN_POLICY, LOG_GROUP, MEMBER_ALARMS_STACK_SET, MEMBER_REGION_STACK_SET, MEMBER_STACK_SET,
    MODELS_POLICY, QUARANTINE_POLICY, REPORT_BUCKET_PREFIX, TABLE,
};
use runawaytrain_core::record::State;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::clean;

use crate::cloud::Cloud;
use crate::problem::Problem;
use crate::stacks;
use crate::terminal::Terminal;

/// The last holds the roles that the rules name.
const STACK_SETS: [&str; 3] = [MEMBER_ALARMS_STACK_SET, MEMBER_REGION_STACK_SET, MEMBER_STACK_SET];
/// What a halt attaches.
pub const POLICIES_OF_A_HALT: [&str; 3] = [QUARANTINE_POLICY, MODELS_POLICY, LOCKDOWN_POLICY];

/// Why an account is not to be left without the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Containment {
    /// Its record says so.
    State(String),
    /// Something of a halt is attached, though its record says otherwise.
    Attached,
    /// Something of a halt is attached, and the table is gone that knew what else was done.
    Quarantined,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The stacks, from the first that is removed to the last.
    pub stacks: Vec<String>,
    /// The stack sets, from the first that is emptied to the last.
    pub sets: Vec<String>,
    /// The accounts that are contained: only the guard's journal knows how to undo what was done there.
    pub contained: BTreeMap<String, Containment>,
    /// Whether there is a table.
    pub has_table: bool,
    /// Whether there is the pipeline's way in, which an administrator made by hand.
    pub has_release: bool,
}

impl Found {
    /// Whether anything is to be removed.
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty() && self.sets.is_empty()
    }
}

/// Looks for all of it.
pub async fn look(cloud: &Cloud) -> Result<Found, Failure> {
    let names: Vec<String> = cloud.stacks().await?.into_iter().map(|stack| stack.name).collect();
    let has = |name: &str| names.iter().any(|one| one == name);
    let mut sets = Vec::new();
    for set in STACK_SETS {
        if cloud.stack_set(set).await?.is_some() {
            sets.push(set.to_owned());
        }
    }
    Ok(Found {
        stacks: ordered(&names),
        sets,
        has_table: cloud.states().await?.is_some(),
        contained: contained(cloud).await?,
        has_release: has(stacks::RELEASE),
    })
}

fn ordered(names: &[String]) -> Vec<String> {
    let mut of_accounts: Vec<String> = names.iter().filter(|name| stacks::is_of_accounts(name)).cloned().collect();
    of_accounts.sort();
    of_accounts.reverse();
    let others = [stacks::CHAT, stacks::GUARD, stacks::ENROLLMENT, stacks::COST_REPORTS, stacks::GUARDRAILS];
    let others = others.into_iter().filter(|name| names.iter().any(|one| one == name)).map(str::to_owned);
    of_accounts.into_iter().chain(others).collect()
}

/// The accounts that are contained, by their records and by what is attached: a table may have been made anew.
pub async fn contained(cloud: &Cloud) -> Result<BTreeMap<String, Containment>, Failure> {
    let states = cloud.states().await?;
    let attached = match states {
        Some(_) => Containment::Attached,
        None => Containment::Quarantined,
    };
    let mut found: BTreeMap<String, Containment> =
        quarantined(cloud).await?.into_iter().map(|account| (account, attached.clone())).collect();
    found.extend(states.map(by_state).unwrap_or_default());
    Ok(found)
}

/// A state that this command does not know counts as contained: the guard that wrote it may be newer.
fn by_state(states: BTreeMap<String, String>) -> BTreeMap<String, Containment> {
    let is_free = |state: &str| known(state).is_some_and(|state| !state.is_contained());
    states
        .into_iter()
        .filter(|(_, state)| !is_free(state))
        .map(|(account, state)| (account, Containment::State(state)))
        .collect()
}

fn known(state: &str) -> Option<State> {
    serde_json::from_value(serde_json::Value::String(state.to_owned())).ok()
}

/// What a policy of a halt is attached to.
async fn quarantined(cloud: &Cloud) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    if cloud.organization().await?.is_some() && cloud.root().await?.is_some_and(|root| root.has_scps) {
        for policy in cloud.scps().await? {
            if POLICIES_OF_A_HALT.contains(&policy.name.as_str()) {
                found.extend(cloud.targets(&policy.id).await?);
            }
        }
    }
    Ok(found)
}

/// What would go, in its order.
pub fn tell(found: &Found, terminal: Terminal) {
    let mut rows = Vec::new();
    let sets = || {
        found
            .sets
            .iter()
            .map(|set| (format!("stack set {set}"), "its stacks in every account, then the set with its stack"))
    };
    for stack in &found.stacks {
        if stack == stacks::ENROLLMENT {
            rows.extend(sets());
        }
        let how = match stack.as_str() {
            stacks::GUARD => "the guard itself: from here on nobody is judged",
            stacks::GUARDRAILS => "the SCPs are detached first",
            _ => "",
        };
        rows.push((format!("stack {stack}"), how));
    }
    if !found.stacks.iter().any(|stack| stack == stacks::ENROLLMENT) {
        rows.extend(sets());
    }
    terminal.pairs("What is removed, in this order", &rows);
}

/// What stays, and how to remove that by hand.
pub fn tell_kept(found: &Found, terminal: Terminal) {
    let region = format!("--region {HOME_REGION}");
    terminal.bold("\nKept");
    if found.has_table {
        terminal.say(&format!(
            "  the table {TABLE}: state and journal, the only way to undo a halt; a new deployment takes it over. To \
             delete it:"
        ));
        terminal.command(&format!(
            "aws dynamodb update-table {region} --table-name {TABLE} --no-deletion-protection-enabled"
        ));
        terminal.command(&format!("aws dynamodb delete-table {region} --table-name {TABLE}"));
    }
    terminal.say(&format!("  the log group {LOG_GROUP}, if there is one: what the guard saw and did. To delete it:"));
    terminal.command(&format!("aws logs delete-log-group {region} --log-group-name {LOG_GROUP}"));
    if found.stacks.iter().any(|stack| stack == stacks::COST_REPORTS) {
        terminal.say(&format!(
            "  the bucket {REPORT_BUCKET_PREFIX}… with the cost and usage reports. To delete it, empty it first:"
        ));
        terminal.command(&format!("aws s3 rb --force s3://{REPORT_BUCKET_PREFIX}ACCOUNT"));
    }
    if found.has_release {
        let stack = stacks::RELEASE;
        terminal
            .say(&format!("  the stack {stack}, the release pipeline's way in, which was made by hand. To delete it:"));
        terminal.command(&format!("aws cloudformation delete-stack {region} --stack-name {stack}"));
    }
    terminal.say(
        "  the CDK's own stack CDKToolkit, which others may use, and what was switched on in the organization: SCPs, \
         StackSets access, billing alerts.",
    );
}

/// Whether the accounts that are contained may be left to themselves; else why not. A warning where `force` leaves
/// them.
pub fn may_leave_contained(found: &Found, force: bool, terminal: Terminal) -> Result<(), Problem> {
    let Some((first, _)) = found.contained.first_key_value() else { return Ok(()) };
    let listed: Vec<String> =
        found.contained.iter().map(|(account, why)| format!("{account} ({})", because(why))).collect();
    let listed = listed.join(", ");
    if force {
        let journal = if found.has_table {
            format!(", and the journal in the table {TABLE} says of what")
        } else {
            String::new()
        };
        terminal.warn(&format!(
            "! Still contained: {listed}. They lose their quarantine, so they can grow again; users and roles stay \
             locked out{journal}."
        ));
        return Ok(());
    }
    if !found.has_table {
        return Err(Problem::Stays {
            what: format!("these accounts are contained: {listed}."),
            todo: "look at each of them, then add --force to take their quarantine off.".to_owned(),
        });
    }
    Err(Problem::Stays {
        what: format!(
            "these accounts are contained: {listed}. Without the guard nobody keeps them so, and nothing undoes it."
        ),
        todo: format!(
            "release each one first, runawaytrain release {first}; or add --force to leave them as they are."
        ),
    })
}

fn because(why: &Containment) -> String {
    match why {
        Containment::Quarantined => {
            format!("quarantined, and the table {TABLE} is gone that knew what else was done")
        }
        Containment::Attached => "a policy of a halt is attached, though its record says otherwise".to_owned(),
        Containment::State(state) if known(state).is_some() => state.clone(),
        Containment::State(state) => {
            let state = if state.is_empty() { "no state".to_owned() } else { clean(state) };
            format!("{state}, which this command does not know and so takes for contained")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_goes_before_what_it_would_miss() {
        let names = [
            "RunawayTrainGuardrails",
            "RunawayTrainEnrollment",
            "RunawayTrain",
            "RunawayTrainAccounts07",
            "RunawayTrainAccounts11",
            "RunawayTrainChat",
            "RunawayTrainCostReports",
            "RunawayTrainRelease",
            "Somebody",
        ]
        .map(str::to_owned);
        let wanted = [
            "RunawayTrainAccounts11",
            "RunawayTrainAccounts07",
            "RunawayTrainChat",
            "RunawayTrain",
            "RunawayTrainEnrollment",
            "RunawayTrainCostReports",
            "RunawayTrainGuardrails",
        ];
        assert_eq!(ordered(&names), wanted);
    }

    #[test]
    fn every_state_in_which_something_was_done_counts_and_so_does_one_that_is_not_known() {
        let states = State::ALL.map(|state| (format!("{state:?}"), format!("{state:?}")));
        let mut states: BTreeMap<String, String> = states.into();
        states.insert("new".into(), "Chained".into());
        states.insert("none".into(), String::new());
        let found: Vec<String> = by_state(states).into_keys().collect();
        assert_eq!(found, ["Frozen", "Halted", "Halting", "new", "none"]);
    }
}

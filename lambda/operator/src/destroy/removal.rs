//! The removal itself, one thing after another; each that is gone is said.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use runawaytrain_core::contract::PROTECT_POLICY;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::text::{clean, count, some_of};

use super::found::{Found, POLICIES_OF_A_HALT, contained};
use crate::cloud::Cloud;
use crate::cloud::stack_sets::{Instance, StackSet, Target};
use crate::problem::Problem;
use crate::stacks;
use crate::terminal::{Terminal, seconds};

const AGAIN: &str = "mend that, then run it again; it goes on where it stopped.";
const POLL: Duration = Duration::from_secs(5);
/// A set of some hundreds of accounts times regions takes its time; past this something hangs.
const PATIENCE: Duration = Duration::from_secs(3 * 3600);
const ENDED: [&str; 3] = ["SUCCEEDED", "FAILED", "STOPPED"];
/// Of many failures only so many are named.
const NAMED: usize = 10;

/// Removes all that was found. With `retain`, a stack that cannot be removed from an account is left there.
pub async fn remove(cloud: &Cloud, found: &Found, retain: bool, terminal: Terminal) -> Result<(), Problem> {
    let mut has_emptied = false;
    for stack in &found.stacks {
        match stack.as_str() {
            stacks::ENROLLMENT => {
                empty(cloud, found, retain, terminal).await?;
                has_emptied = true;
            }
            // A policy that is attached somewhere cannot be deleted.
            stacks::GUARDRAILS => detach(cloud, terminal).await?,
            _ => {}
        }
        remove_stack(cloud, stack, AGAIN, terminal).await?;
        if stack == stacks::GUARD {
            nobody_else_is_contained(cloud, found).await?;
        }
        if stack == stacks::ENROLLMENT {
            drop_sets(cloud, found, terminal).await?;
        }
    }
    // The stack of the sets was removed before, by one that was cut short.
    if !has_emptied {
        empty(cloud, found, retain, terminal).await?;
        drop_sets(cloud, found, terminal).await?;
    }
    Ok(())
}

/// Between the look and the end of the guard it may have halted somebody.
async fn nobody_else_is_contained(cloud: &Cloud, found: &Found) -> Result<(), Problem> {
    let mut now = contained(cloud).await?;
    now.retain(|account, _| !found.contained.contains_key(account));
    if now.is_empty() {
        return Ok(());
    }
    let accounts: Vec<String> = now.into_keys().collect();
    Err(Problem::Stays {
        what: format!("these accounts were contained meanwhile: {}. The guard is removed", accounts.join(", ")),
        todo: "deploy again and release them first; or run this once more with --force to leave them as they are."
            .to_owned(),
    })
}

async fn empty(cloud: &Cloud, found: &Found, retain: bool, terminal: Terminal) -> Result<(), Problem> {
    for set in &found.sets {
        let Some(described) = cloud.stack_set(set).await? else { continue };
        let instances = cloud.instances(set).await?;
        if instances.is_empty() {
            continue;
        }
        let accounts = instances.iter().map(|one| one.account.as_str()).collect::<BTreeSet<_>>().len();
        let stacks = count(instances.len() as u64, "stack");
        let text = format!("remove {stacks} of {set} from {}", count(accounts as u64, "account"));
        let whole = target(&described, &instances);
        terminal.step(&text, delete(cloud, set, &whole, false)).await?;
        // The operation tolerates every failure, and is called a success.
        let mut left = cloud.instances(set).await?;
        if !left.is_empty() && retain {
            let text = format!("forget what {set} has in {}", count(left.len() as u64, "account"));
            terminal.step(&text, delete(cloud, set, &narrowed(&described, &left), true)).await?;
            let still = cloud.instances(set).await?;
            left.retain(|one| !still.contains(one));
            if !left.is_empty() {
                terminal.warn(&format!("! left in these accounts, and forgotten: {}", some_of(&left, NAMED)));
            }
            left = still;
        }
        if !left.is_empty() {
            return Err(not_emptied(set, &left));
        }
    }
    Ok(())
}

/// Whole targets, so that auto-deployment brings nothing back.
fn target(described: &StackSet, instances: &[Instance]) -> Target {
    let whole = narrowed(described, instances);
    if whole.units.is_empty() { whole } else { Target { accounts: Vec::new(), ..whole } }
}

/// Only the accounts that are left.
fn narrowed(described: &StackSet, left: &[Instance]) -> Target {
    let found: BTreeSet<&String> = left.iter().filter_map(|one| one.unit.as_ref()).collect();
    let units = if described.units.is_empty() { found.into_iter().cloned().collect() } else { described.units.clone() };
    Target::of(units, left)
}

/// One operation to its end. One that somebody stopped says nothing of what could not be removed.
async fn delete(cloud: &Cloud, set: &str, target: &Target, retain: bool) -> Result<(), Problem> {
    let operation = cloud.delete_instances(set, target, retain).await?;
    match wait(|| cloud.operation_status(set, &operation), &ENDED).await?.as_str() {
        "STOPPED" => Err(Problem::Stays {
            what: format!("the operation on {set} was stopped by somebody"),
            todo: AGAIN.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn not_emptied(set: &str, left: &[Instance]) -> Problem {
    Problem::Stays {
        what: format!("{set} is still in {}: {}", count(left.len() as u64, "place"), some_of(left, NAMED)),
        todo: format!(
            "{AGAIN} Where an account cannot be entered any more, --retain-stacks leaves its stack there and forgets \
             it."
        ),
    }
}

/// They go with their stack; one that a removal cut short has left goes here.
async fn drop_sets(cloud: &Cloud, found: &Found, terminal: Terminal) -> Result<(), Problem> {
    for set in &found.sets {
        if cloud.stack_set(set).await?.is_some() {
            cloud.delete_stack_set(set).await?;
            terminal.done(&format!("removed stack set {set}"));
        }
    }
    Ok(())
}

async fn detach(cloud: &Cloud, terminal: Terminal) -> Result<(), Problem> {
    if cloud.organization().await?.is_none() {
        return Ok(());
    }
    for policy in cloud.scps().await? {
        if policy.name == PROTECT_POLICY || POLICIES_OF_A_HALT.contains(&policy.name.as_str()) {
            let targets = cloud.targets(&policy.id).await?;
            for target in &targets {
                cloud.detach(&policy.id, target).await?;
            }
            if !targets.is_empty() {
                terminal.done(&format!("removed {} on {}", policy.name, targets.join(", ")));
            }
        }
    }
    Ok(())
}

/// Removes a stack. `todo` is what to do where it cannot be removed.
pub async fn remove_stack(cloud: &Cloud, stack: &str, todo: &str, terminal: Terminal) -> Result<(), Problem> {
    terminal.step(&format!("remove the stack {stack}"), delete_stack(cloud, stack, todo)).await
}

async fn delete_stack(cloud: &Cloud, stack: &str, todo: &str) -> Result<(), Problem> {
    const GONE: &str = "DELETE_COMPLETE";
    cloud.delete_stack(stack).await?;
    let status = || async {
        let found = cloud.stack(stack).await?;
        Ok(found.map_or_else(|| GONE.to_owned(), |found| found.status))
    };
    if wait(status, &[GONE, "DELETE_FAILED"]).await? == GONE {
        return Ok(());
    }
    let why = cloud.deletion_failures(stack).await?;
    let why = if why.is_empty() { "CloudFormation gives no reason".to_owned() } else { clean(&why.join("; ")) };
    Err(Problem::Stays { what: format!("the stack {stack} could not be removed: {why}"), todo: todo.to_owned() })
}

async fn wait<F>(status: impl Fn() -> F, ends: &[&str]) -> Result<String, Problem>
where
    F: Future<Output = Result<String, Failure>>,
{
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let now = status().await?;
        if ends.contains(&now.as_str()) {
            return Ok(now);
        }
        if tokio::time::Instant::now() > end {
            return Err(Problem::Stays {
                what: format!("CloudFormation still says {now} after {}", seconds(PATIENCE)),
                todo: "look at it in the CloudFormation console.".to_owned(),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Deploys stacks of a set once more, and waits for the end.
pub async fn deploy_again(cloud: &Cloud, set: &str, target: &Target) -> Result<(), Problem> {
    let operation = cloud.update_instances(set, target).await?;
    match wait(|| cloud.operation_status(set, &operation), &ENDED).await?.as_str() {
        "SUCCEEDED" => Ok(()),
        other => Err(Problem::Stays {
            what: format!("the operation on {set} ended as {}", other.to_lowercase()),
            todo: "the findings below say which stacks failed, and why".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(account: &str, region: &str, unit: Option<&str>) -> Instance {
        Instance {
            account: account.into(),
            region: region.into(),
            unit: unit.map(str::to_owned),
            status: "OUTDATED".into(),
            ..Instance::default()
        }
    }

    /// What StackSets are asked for: moto knows no service-managed sets.
    #[test]
    fn a_service_managed_set_is_emptied_by_its_targets() {
        let instances = [instance("2", "us-east-1", Some("ou-1")), instance("1", "eu-west-1", Some("ou-2"))];
        let asked = target(&StackSet { units: vec!["r-aaaa".into()] }, &instances);
        assert_eq!((asked.units, asked.accounts), (vec!["r-aaaa".to_owned()], Vec::<String>::new()));
        assert_eq!(asked.regions, ["eu-west-1", "us-east-1"]);
        assert_eq!(target(&StackSet::default(), &instances).units, ["ou-1", "ou-2"]);
    }

    #[test]
    fn a_set_without_units_by_its_accounts() {
        let asked = target(&StackSet::default(), &[instance("2", "a", None), instance("1", "a", None)]);
        assert_eq!((asked.accounts, asked.units), (vec!["1".to_owned(), "2".to_owned()], Vec::<String>::new()));
    }

    #[test]
    fn what_is_forgotten_is_only_what_is_left() {
        let left = [instance("2", "us-east-1", Some("ou-1"))];
        let asked = narrowed(&StackSet { units: vec!["r-aaaa".into()] }, &left);
        assert_eq!((asked.units, asked.accounts), (vec!["r-aaaa".to_owned()], vec!["2".to_owned()]));
        let Problem::Stays { what, todo } = not_emptied("runawaytrain-member", &left) else { panic!() };
        assert_eq!(what, "runawaytrain-member is still in 1 place: 2 us-east-1 (outdated)");
        assert!(todo.contains("--retain-stacks"));
    }
}

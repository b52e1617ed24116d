//! What the command switches on when somebody wants it to.

use std::future::Future;
use std::time::Duration;

use runawaytrain_core::vocabulary::failure::Failure;

use crate::arguments::Switches;
use crate::cloud::Cloud;
use crate::cloud::stack_sets::Access;
use crate::finding::{Finding, Remedy};
use crate::policy_file::{PolicyFile, PolicyProblem};
use crate::problem::Problem;
use crate::terminal::Terminal;

/// AWS says yes before it is so. Whatever is not so after this is found missing by the next look.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_secs(2);

/// What is missing, can be mended here and was asked for: by a switch, or, where `may_ask`, now at the terminal.
pub async fn wanted(findings: &[Finding], switches: Switches, may_ask: bool, terminal: Terminal) -> Vec<Remedy> {
    let mut wanted = Vec::new();
    for remedy in findings.iter().filter(|one| one.stops()).filter_map(|one| one.remedy) {
        let is_switched = match remedy {
            Remedy::FillPolicy => switches.fill_policy,
            Remedy::TrustedAccess => switches.activate_trusted_access,
            Remedy::EnableScps => switches.enable_scps,
            // Whoever has the CDK asks and runs it.
            Remedy::Bootstrap => continue,
        };
        if !wanted.contains(&remedy) && (is_switched || may_ask && terminal.ask(remedy.question()).await) {
            wanted.push(remedy);
        }
    }
    wanted
}

/// Switches one thing on.
pub async fn apply(remedy: Remedy, cloud: &Cloud, policy: &PolicyFile, terminal: Terminal) -> Result<(), Problem> {
    match remedy {
        Remedy::FillPolicy => fill(cloud, policy, terminal).await,
        Remedy::TrustedAccess => {
            let work = async {
                cloud.activate_stack_sets_access().await?;
                until(|| async { Ok(cloud.stack_sets_access().await? == Access::Enabled) }).await
            };
            Ok(terminal.step("let StackSets work in the organization", work).await?)
        }
        Remedy::EnableScps => {
            let Some(root) = cloud.root().await? else { return Ok(()) };
            let work = async {
                cloud.enable_scps(&root.id).await?;
                until(|| async { Ok(cloud.root().await?.is_some_and(|root| root.has_scps)) }).await
            };
            Ok(terminal.step(&format!("enable service control policies on {}", root.id), work).await?)
        }
        Remedy::Bootstrap => Ok(()),
    }
}

async fn fill(cloud: &Cloud, policy: &PolicyFile, terminal: Terminal) -> Result<(), Problem> {
    let account = cloud.identity().await?.account;
    let found = cloud.organization().await?.filter(|found| found.payer == account);
    let Some(found) = found else {
        terminal.say("  this account leads no organization, so the policy file stays as it is");
        return Ok(());
    };
    let Some(root) = cloud.root().await?.map(|root| root.id) else {
        terminal.say("  the organization has no root, so the policy file stays as it is");
        return Ok(());
    };
    let text = std::fs::read_to_string(&policy.file)
        .map_err(|error| PolicyProblem::Unreadable { file: policy.file.clone(), error })?;
    policy.write(&policy.filled(&text, &account, &found.id, &root)?)?;
    let samples = policy.samples(&account, &found.id, &root);
    let written: Vec<&str> = samples.iter().map(|(_, _, value)| *value).collect();
    terminal.say(&format!("  wrote {} into {}", written.join(", "), policy.file.display()));
    Ok(())
}

async fn until<F>(is_so: impl Fn() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<bool, Failure>>,
{
    let end = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await? && tokio::time::Instant::now() < end {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}

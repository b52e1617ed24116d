//! Each command on one screen.

mod advise;
mod allow;
mod console;
mod live;
mod looks;
mod orders;
mod policy;
mod report;
mod site;

use runawaytrain_core::policy::Policy;
use runawaytrain_core::vocabulary::mode::Mode;
use runawaytrain_core::vocabulary::text::count;
use serde_json::{Value, json};

use crate::arguments::{Arguments, Command, Common, Confirm, Destroy, Doctor, Output, Prune};
use crate::cloud::{self, CA_BUNDLE, Cloud};
use crate::destroy::{found, removal};
use crate::doctor::{self, account, drill, enrollment};
use crate::exit::{DONE, NOT_DONE, ONLY_BOOTSTRAP};
use crate::finding::{Cure, Finding, Remedy, Status};
use crate::policy_file::PolicyFile;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::terminal::{Terminal, is_attended};
use crate::{assembly, pages, refusal, remedies, stacks};

/// Carries a command out. The exit code.
pub async fn run(arguments: Arguments, progress: &Progress) -> u8 {
    let terminal = Terminal::new(arguments.common.output == Output::Json);
    let common = &arguments.common;
    if common.output == Output::Json && !arguments.command.answers_in_json() {
        terminal.problem("this command does not answer in JSON", Some(&Cure::new("leave --output json out.")));
        return NOT_DONE;
    }
    if let Some(problem) = cloud::unusable_certificates() {
        let todo = format!("name a file of certificates, or unset {CA_BUNDLE}");
        terminal.problem(&problem, Some(&Cure::new(todo)));
        return NOT_DONE;
    }
    let done = match &arguments.command {
        Command::Check(options) => looks::check(common, options, terminal).await,
        Command::Drill(options) if options.live => live::drill(common, options, progress, terminal).await,
        Command::Drill(options) => looks::drill(common, options, terminal).await,
        Command::Halt(options) => orders::halt(common, options, progress, terminal).await,
        Command::Release(options) => orders::release(common, options, progress, terminal).await,
        Command::Allow(options) => allow::run(common, options, progress, terminal).await,
        Command::Status(options) => looks::status(common, options, terminal).await,
        Command::History(options) => looks::history(common, options, terminal).await,
        Command::Report(options) => report::report(common, options, terminal).await,
        Command::Advise(options) => advise::advise(common, options, terminal).await,
        Command::Doctor(options) => look(common, options, progress, terminal).await,
        Command::Destroy(options) => remove(common, options, progress, terminal).await,
        Command::Prune(options) => prune(common, options, progress, terminal).await,
        Command::Policy(options) => policy::run(common, options, terminal).await,
        Command::Completions(options) => pages::completions(options),
        Command::Man(options) => pages::manual(options, terminal),
        Command::Confirm(options) => confirm(common, options, terminal).await,
        Command::Credentials => credentials(common).await,
    };
    done.unwrap_or_else(|problem| {
        terminal.problem(&problem.to_string(), problem.cure().as_ref());
        NOT_DONE
    })
}

async fn look(common: &Common, options: &Doctor, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let policy = PolicyFile::read(&common.policy)?;
    let cloud = Cloud::connect(common.profile.as_deref()).await;
    let both = options.before == options.after;
    let mut code = DONE;
    let mut document = json!({});
    if options.before || both {
        code = before(&cloud, policy, common, options, progress, terminal, &mut document).await?;
    }
    if options.after || both && code == DONE {
        // The look before may have filled it.
        let policy = PolicyFile::read(&common.policy)?;
        let after = after(&cloud, &policy, options, progress, terminal, &mut document).await?;
        code = code.max(after);
    }
    if common.output == Output::Json {
        terminal.document(&document);
    }
    Ok(code)
}

async fn before(
    cloud: &Cloud,
    mut policy: PolicyFile,
    common: &Common,
    options: &Doctor,
    progress: &Progress,
    terminal: Terminal,
    document: &mut Value,
) -> Result<u8, Problem> {
    let mut findings = looked(cloud, &policy, terminal).await?;
    let may_ask = options.mend && is_attended();
    let wanted = remedies::wanted(&findings, options.switches, may_ask, terminal).await;
    if !wanted.is_empty() {
        progress.has_begun("what was switched on until then stays on; run it again");
        for remedy in wanted {
            remedies::apply(remedy, cloud, &policy, terminal).await?;
            policy = PolicyFile::read(&common.policy)?;
        }
        findings = looked(cloud, &policy, terminal).await?;
    }
    document["before"] = json!(findings);
    let is_accepted = options.accept_unknown && doctor::is_only_untold(&findings);
    if doctor::is_ready(&findings) || is_accepted {
        return Ok(DONE);
    }
    let is_passed_over = |one: &&Finding| options.accept_unknown && one.status == Status::CannotTell;
    let mut stops = findings.iter().filter(|one| one.stops() && !is_passed_over(one));
    let is_only_bootstrap = stops.all(|one| one.remedy == Some(Remedy::Bootstrap));
    Ok(if is_only_bootstrap { ONLY_BOOTSTRAP } else { NOT_DONE })
}

async fn looked(cloud: &Cloud, policy: &PolicyFile, terminal: Terminal) -> Result<Vec<Finding>, Problem> {
    let look = async { Ok::<_, Problem>(doctor::before(cloud, policy).await) };
    let findings = terminal.step("look at the account and its organization", look).await?;
    terminal.findings("What a deployment needs", &findings, "   (not needed for a deployment)");
    terminal.conclusion(&doctor::conclusion(&findings), doctor::is_ready(&findings));
    Ok(findings)
}

fn tell_mode(policy: &Policy, is_first: bool, terminal: Terminal) {
    let mode = policy.mode();
    let meaning = match mode {
        Mode::Pass => "The guard does nothing, and its heartbeat alarm will ring.",
        Mode::Drill => "The guard judges and reports, and touches nothing.",
        Mode::Proceed => "The guard contains every account that passes its limits.",
    };
    terminal.bold(&format!("\nmode: {mode}. {meaning}"));
    if is_first && mode == Mode::Proceed {
        terminal.warn(
            "! This is the first deployment. A limit that is written wrong would stop people's work tonight: write \
             mode: drill first, read a few days of it, then proceed.",
        );
    }
}

/// Each look says by itself when it cannot; none of them undoes a deployment.
async fn after(
    cloud: &Cloud,
    policy: &PolicyFile,
    options: &Doctor,
    progress: &Progress,
    terminal: Terminal,
    document: &mut Value,
) -> Result<u8, Problem> {
    tell_mode(&policy.policy, false, terminal);
    retry(cloud, policy, options, progress, terminal).await;
    let look = async { Ok::<_, Problem>(doctor::after(cloud, policy).await) };
    let mut findings = terminal.step("look at the notify lists and the enrollment", look).await?;
    let (text, event) = ("ask the guard for a drill; it looks at every account and touches nothing", drill::event());
    let asked = terminal.step(text, cloud.ask_guard(&event)).await;
    let (guard, lines) = match &asked {
        Ok(answer) => (drill::guard(answer), drill::lines(answer)),
        Err(refused) => (Finding::cannot_tell("guard", refusal::sentence(refused), refusal::cure(refused)), Vec::new()),
    };
    let code = if guard.status == Status::Ok { DONE } else { NOT_DONE };
    findings.push(guard);
    findings.extend(asked.as_ref().ok().and_then(drill::permissions));
    terminal.findings("What stands", &findings, "");
    if !lines.is_empty() {
        terminal.drill(&lines);
    }
    document["after"] = json!(findings);
    document["drill"] = json!(lines);
    Ok(code)
}

/// A deployment that changes nothing tries nothing again: the stack sets are told to.
async fn retry(cloud: &Cloud, policy: &PolicyFile, options: &Doctor, progress: &Progress, terminal: Terminal) {
    for set in enrollment::sets(policy) {
        let Ok(facts) = enrollment::read(cloud, set).await else { continue };
        if facts.behind.is_empty() {
            continue;
        }
        let stacks = count(facts.behind.len() as u64, "stack");
        let question = format!("{stacks} of {} failed. Deploy them once more?", set.name);
        if options.switches.retry || options.mend && is_attended() && terminal.ask(&question).await {
            let text = format!("deploy {stacks} of {} once more", set.name);
            let target = enrollment::again(&facts, policy);
            progress.has_begun("CloudFormation goes on deploying to the accounts that had failed");
            if let Err(problem) = terminal.step(&text, removal::deploy_again(cloud, set.name, &target)).await {
                terminal.problem(&problem.to_string(), problem.cure().as_ref());
            }
        }
    }
}

async fn remove(common: &Common, options: &Destroy, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let policy = PolicyFile::read(&common.policy)?;
    let cloud = Cloud::connect(common.profile.as_deref()).await;
    let whose = account::account(&cloud.identity().await?, &policy);
    if whose.status != Status::Ok {
        terminal.problem(&whose.said, whose.cures.first());
        return Ok(NOT_DONE);
    }
    let found = terminal.step("look at what is deployed", found::look(&cloud)).await?;
    if found.is_empty() {
        terminal.say("Nothing of runawaytrain is deployed here.");
        found::tell_kept(&found, terminal);
        return Ok(DONE);
    }
    found::tell(&found, terminal);
    if let Err(problem) = found::may_leave_contained(&found, options.force, terminal) {
        terminal.problem(&problem.to_string(), problem.cure().as_ref());
        terminal.say("Nothing was removed.");
        return Ok(NOT_DONE);
    }
    let question = format!("Remove all this from account {} and its organization?", policy.payer());
    if !options.yes && !is_confirmed_by(&question, "--yes", terminal).await {
        terminal.say("Nothing was removed.");
        return Ok(NOT_DONE);
    }
    progress.has_begun("part of it may be removed; run it again, and it goes on where it stopped");
    removal::remove(&cloud, &found, options.retain_stacks, terminal).await?;
    found::tell_kept(&found, terminal);
    Ok(DONE)
}

async fn prune(common: &Common, options: &Prune, progress: &Progress, terminal: Terminal) -> Result<u8, Problem> {
    let policy = PolicyFile::read(&common.policy)?;
    let cloud = Cloud::connect(common.profile.as_deref()).await;
    let wanted = assembly::stacks(&options.assembly)?;
    let whose = account::account(&cloud.identity().await?, &policy);
    if whose.status != Status::Ok {
        terminal.problem(&whose.said, whose.cures.first());
        return Ok(NOT_DONE);
    }
    let deployed = cloud.stacks().await?.into_iter().map(|stack| stack.name);
    let mut emptied: Vec<String> =
        deployed.filter(|name| stacks::is_prunable(name) && !wanted.contains(name)).collect();
    emptied.sort();
    if options.list && !emptied.is_empty() {
        let named = emptied.join(", ");
        terminal.say(&format!("The policy asks for nothing in {named} any more: removed after the deployment."));
    }
    if !options.list {
        for stack in &emptied {
            progress
                .has_begun("all else is deployed; CloudFormation goes on removing what the policy asks for no more");
            let todo = "mend that, then run it again; all else is deployed.";
            removal::remove_stack(&cloud, stack, todo, terminal).await?;
        }
    }
    Ok(DONE)
}

async fn confirm(common: &Common, options: &Confirm, terminal: Terminal) -> Result<u8, Problem> {
    let question = match &options.question {
        Some(question) => question.clone(),
        None => {
            let policy = PolicyFile::read(&common.policy)?;
            let cloud = Cloud::connect(common.profile.as_deref()).await;
            let is_first = cloud.stack(stacks::GUARD).await?.is_none();
            tell_mode(&policy.policy, is_first, terminal);
            format!("Deploy this to account {}?", policy.payer())
        }
    };
    let is_confirmed = options.yes || is_confirmed_by(&question, &options.answered_by, terminal).await;
    Ok(if is_confirmed { DONE } else { NOT_DONE })
}

/// For the CDK: the very identity that was looked at here, not one that it would find by itself.
async fn credentials(common: &Common) -> Result<u8, Problem> {
    for (name, value) in Cloud::connect(common.profile.as_deref()).await.environment().await? {
        println!("{name}={value}");
    }
    Ok(DONE)
}

async fn is_confirmed_by(question: &str, answered_by: &str, terminal: Terminal) -> bool {
    if !is_attended() {
        terminal.say(&format!(
            "Not asked, since this is no terminal, or runs in the background: {question} {answered_by} answers."
        ));
        return false;
    }
    terminal.ask(question).await
}

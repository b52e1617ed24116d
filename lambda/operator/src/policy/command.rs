//! `runawaytrain policy`: what is said of the policy file without asking AWS anything.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use runawaytrain_core::policy::Policy;

use super::fault::Fault;
use super::places::Places;
use super::{explain, row, subject};
use crate::arguments::{Common, Output};
use crate::commands::DONE;
use crate::policy_file::{PolicyFile, PolicyProblem};
use crate::problem::Problem;
use crate::terminal::Terminal;

/// `runawaytrain policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Says whether a file is a policy, and if not, on which line it is wrong
    Check(Check),
    /// Shows everything that holds for one account, and where each value comes from
    Explain(Explain),
}

/// `runawaytrain policy check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The file; without it that of --policy
    pub file: Option<PathBuf>,
}

/// `runawaytrain policy explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Its 12 digits, or the name that the policy gives it
    pub account: String,
}

/// Carries it out. The exit code.
pub fn run(common: &Common, command: &PolicyCommand, terminal: Terminal) -> Result<u8, Problem> {
    match command {
        PolicyCommand::Check(options) => check(common, options, terminal),
        PolicyCommand::Explain(options) => explain(common, options, terminal),
    }
}

fn check(common: &Common, options: &Check, terminal: Terminal) -> Result<u8, Problem> {
    let found = PolicyFile::read(options.file.as_ref().unwrap_or(&common.policy))?;
    terminal.say(&format!("{} is a policy: {}", found.file.display(), summary(&found.policy)));
    Ok(DONE)
}

fn summary(policy: &Policy) -> String {
    let own = match policy.document().accounts.len() {
        0 => "no accounts with settings of their own".to_owned(),
        1 => "1 account with settings of its own".to_owned(),
        many => format!("{many} accounts with settings of their own"),
    };
    format!("payer {}, {own}, mode {}", policy.payer(), policy.mode())
}

fn explain(common: &Common, options: &Explain, terminal: Terminal) -> Result<u8, Problem> {
    let text = PolicyFile::text(&common.policy)?;
    let found = PolicyFile::parse(&common.policy, &text)?;
    let account = subject::account(&options.account, &found.policy)?;
    let places = Places::read(&text).map_err(|(reason, at)| PolicyProblem::NoPolicy {
        file: found.file.clone(),
        fault: Fault::of_places(&reason, at),
    })?;
    let file = found.file.display().to_string();
    let rows = explain::rows(&found.policy, &account, &places);
    if common.output == Output::Json {
        println!("{:#}", row::document(&account, &rows, &file));
        return Ok(DONE);
    }
    let name = found.policy.document().accounts.get(&account).and_then(|own| own.name.as_deref());
    let called = name.map(|name| format!(", {name}")).unwrap_or_default();
    let cells = rows.into_iter().map(|row| [row.key, row.shown, row.origin.told(&file)]);
    terminal.columns(&format!("What holds for account {account}{called}"), ["key", "value", "from"], cells);
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_policy_is_told_in_one_line() {
        let sample = include_str!("../../../../runawaytrain.yaml");
        let policy = PolicyFile::parse(Path::new("p.yaml"), sample).unwrap().policy;
        assert_eq!(summary(&policy), "payer 123456789012, 1 account with settings of its own, mode drill");
    }
}

//! `runawaytrain policy`: what is said of the policy file without asking AWS anything.

use runawaytrain_core::policy::Policy;

use crate::accounts;
use crate::arguments::{Common, Output, PolicyCheck, PolicyCommand, PolicyExplain};
use crate::exit::DONE;
use crate::policy::fault::Fault;
use crate::policy::places::Places;
use crate::policy::{explain, setting};
use crate::policy_file::{PolicyFile, PolicyProblem};
use crate::problem::Problem;
use crate::rows::Row;
use crate::terminal::Terminal;

/// Carries it out. The exit code.
pub fn run(common: &Common, command: &PolicyCommand, terminal: Terminal) -> Result<u8, Problem> {
    match command {
        PolicyCommand::Check(options) => check(common, options, terminal),
        PolicyCommand::Explain(options) => explain(common, options, terminal),
    }
}

fn check(common: &Common, options: &PolicyCheck, terminal: Terminal) -> Result<u8, Problem> {
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

fn explain(common: &Common, options: &PolicyExplain, terminal: Terminal) -> Result<u8, Problem> {
    let text = PolicyFile::text(&common.policy)?;
    let found = PolicyFile::parse(&common.policy, &text)?;
    let account = accounts::in_policy(&options.account, &found.policy)?;
    let places = Places::read(&text).map_err(|(reason, at)| PolicyProblem::NoPolicy {
        file: found.file.clone(),
        fault: Fault::of_places(&reason, at),
    })?;
    let file = found.file.display().to_string();
    let settings = explain::settings(&found.policy, &account, &places);
    if common.output == Output::Json {
        terminal.document(&setting::document(&account, &settings, &file));
        return Ok(DONE);
    }
    let name = found.policy.document().accounts.get(&account).and_then(|own| own.name.as_deref());
    let called = name.map(|name| format!(", {name}")).unwrap_or_default();
    let rows: Vec<Row> =
        settings.into_iter().map(|one| Row::of([one.key, one.shown, one.origin.told(&file)])).collect();
    let columns = [("key", false), ("value", false), ("from", false)];
    terminal.rows(&format!("What holds for account {account}{called}"), &columns, &rows);
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

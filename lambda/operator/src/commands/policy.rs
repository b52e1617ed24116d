//! `runawaytrain policy`: what is said of the policy file. AWS is asked two things only: in which units an
//! account is, where the policy has units and nobody says it, and whether it has an exception.

use jiff::Timestamp;
use runawaytrain_core::policy::{Exception, Policy};
use runawaytrain_core::vocabulary::ids::{AccountId, UnitId};
use runawaytrain_core::vocabulary::text::count;

use super::site::{NO_TABLE, Site};
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
pub async fn run(common: &Common, command: &PolicyCommand, terminal: Terminal) -> Result<u8, Problem> {
    match command {
        PolicyCommand::Check(options) => check(common, options, terminal),
        PolicyCommand::Explain(options) => explain(common, options, terminal).await,
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
    let units = match policy.document().units.len() as u64 {
        0 => String::new(),
        units => {
            format!(", {} with settings of {} own", count(units, "unit"), if units == 1 { "its" } else { "their" })
        }
    };
    format!("payer {}{units}, {own}, mode {}", policy.payer(), policy.mode())
}

/// The units that an account is in, the outermost first.
async fn units(
    common: &Common,
    options: &PolicyExplain,
    policy: &Policy,
    account: &AccountId,
    terminal: Terminal,
) -> Result<Vec<UnitId>, Problem> {
    if options.no_unit || !options.units.is_empty() || !policy.has_units() {
        return Ok(options.units.clone());
    }
    let todo = || "name them, from the outermost to the innermost: --unit ou-…; or say --no-unit".to_owned();
    if options.offline {
        let what = format!("the policy has settings of organizational units, and account {account} may be in some");
        return Err(Problem::Stays { what, todo: todo() });
    }
    let asked =
        async { Ok::<_, Problem>(Site::reach(common, terminal).await?.cloud.units_around(account.as_str()).await?) };
    asked.await.map_err(|problem| Problem::Stays {
        what: format!(
            "the policy has settings of organizational units, and AWS did not say in which of them account {account} \
             is: {problem}"
        ),
        todo: todo(),
    })
}

/// The exception that holds for an account, as the guard remembers it; none where no guard is deployed.
async fn exception_of(common: &Common, account: &AccountId, terminal: Terminal) -> Result<Option<Exception>, Problem> {
    let site = Site::reach(common, terminal).await?;
    match site.table().await?.record(account).await {
        Ok(known) => {
            let exception = known.and_then(|known| known.record.exception);
            Ok(exception.filter(|exception| exception.holds(Timestamp::now())))
        }
        Err(failure) if failure.code.as_deref() == Some(NO_TABLE) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

async fn explain(common: &Common, options: &PolicyExplain, terminal: Terminal) -> Result<u8, Problem> {
    let text = PolicyFile::text(&common.policy)?;
    let found = PolicyFile::parse(&common.policy, &text)?;
    let account = accounts::in_policy(&options.account, &found.policy)?;
    let places = Places::read(&text).map_err(|(reason, at)| PolicyProblem::NoPolicy {
        file: found.file.clone(),
        fault: Fault::of_places(&reason, at),
    })?;
    let file = found.file.display().to_string();
    let units = units(common, options, &found.policy, &account, terminal).await?;
    let mut settings = explain::settings(&found.policy, &account, &units, &places);
    let exception = if options.offline { Ok(None) } else { exception_of(common, &account, terminal).await };
    if let Ok(Some(exception)) = &exception {
        settings.extend(explain::raised(exception));
    }
    if common.output == Output::Json {
        let unknown = exception.err().map(|problem| problem.to_string());
        terminal.document(&setting::document(&account, &units, &settings, &file, unknown.as_deref()));
        return Ok(DONE);
    }
    let name = found.policy.document().accounts.get(&account).and_then(|own| own.name.as_deref());
    let mut called = name.map(|name| format!(", {name}")).unwrap_or_default();
    if found.policy.has_units() {
        let around: Vec<&str> = units.iter().map(UnitId::as_str).collect();
        called.push_str(&match around.is_empty() {
            true => ", in no unit".to_owned(),
            false => format!(", in {}", around.join(" / ")),
        });
    }
    let rows: Vec<Row> =
        settings.into_iter().map(|one| Row::of([one.key, one.shown, one.origin.told(&file)])).collect();
    let columns = [("key", false), ("value", false), ("from", false)];
    terminal.rows(&format!("What holds for account {account}{called}"), &columns, &rows);
    if let Err(problem) = exception {
        terminal.warn(&format!("\nWhether it has an exception is not known: {problem}"));
    }
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
        let with_units = format!("{sample}units: {{ou-exam-research: {{}}, ou-exam-sandbox1: {{}}}}\n");
        let policy = PolicyFile::parse(Path::new("p.yaml"), &with_units).unwrap().policy;
        let said =
            "payer 123456789012, 2 units with settings of their own, 1 account with settings of its own, mode drill";
        assert_eq!(summary(&policy), said);
    }
}

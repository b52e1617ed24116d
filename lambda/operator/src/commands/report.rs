//! The command that writes a page about the last halt of an account.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::site::{PAYERS_ROLE, Site};
use crate::accounts::Purpose;
use crate::arguments::{Common, Output, Report};
use crate::exit::{DONE, NOT_DONE};
use crate::problem::Problem;
use crate::report::page;
use crate::report::{self, Report as Told};
use crate::terminal::Terminal;

/// Standard output, as a file.
const STANDARD_OUTPUT: &str = "-";

pub async fn report(common: &Common, options: &Report, terminal: Terminal) -> Result<u8, Problem> {
    let is_printed = options.file.as_deref() == Some(Path::new(STANDARD_OUTPUT));
    // Nothing but the page is on standard output then.
    let terminal = if is_printed { Terminal::new(true) } else { terminal };
    match put_together(common, options, terminal).await {
        Ok(told) => write(&told, common, options, is_printed, terminal),
        Err(problem) if is_printed => {
            terminal.problem(&problem.to_string(), problem.cure().as_ref());
            Ok(NOT_DONE)
        }
        Err(problem) => Err(problem),
    }
}

async fn put_together(common: &Common, options: &Report, terminal: Terminal) -> Result<Told, Problem> {
    let site = Site::reach(common, terminal).await?;
    let account = site.account(&options.account, Purpose::Look).await?;
    let table = site.table().await?;
    let record = site.record(&table, &account).await?;
    let look = report::read(&record, &table);
    let journals = terminal.step(&format!("read what was done to {}", account.name), look).await?;
    let eyes = site.eyes(PAYERS_ROLE).await?;
    let policy = eyes.policy_for(&site.policy.policy, &account.id, record.path.as_deref()).await;
    Ok(report::report(&record, &journals, &account.name, &policy, Timestamp::now()))
}

fn write(told: &Told, common: &Common, options: &Report, is_printed: bool, terminal: Terminal) -> Result<u8, Problem> {
    if common.output == Output::Json {
        terminal.document(&serde_json::json!(told));
        return Ok(DONE);
    }
    let page = page::page(told);
    let file = options.file.clone().unwrap_or_else(|| PathBuf::from(page::file_name(told)));
    let written =
        if is_printed { std::io::stdout().lock().write_all(page.as_bytes()) } else { std::fs::write(&file, page) };
    written.map_err(|error| Problem::Stays {
        what: format!("{} cannot be written: {error}", file.display()),
        todo: "name another file: -o FILE".to_owned(),
    })?;
    terminal
        .conclusion(&format!("{} ({}) is {}. The page: {}", told.name, told.account, told.state, file.display()), true);
    Ok(DONE)
}

//! The command that advises on limits.

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_core::vocabulary::text::{clean, count};
use runawaytrain_engine::ports::RememberedAccount;
use serde_json::json;

use super::site::{NO_TABLE, PAYERS_ROLE, Site};
use crate::accounts::Purpose;
use crate::advise::{self, Advice};
use crate::arguments::{Advise, Common, Output};
use crate::exit::DONE;
use crate::problem::Problem;
use crate::rows::Row;
use crate::table::Table;
use crate::terminal::Terminal;
use crate::undeployed::Eyes;

/// So many accounts' hours are read at the same time.
const AT_ONCE: usize = 8;

pub async fn advise(common: &Common, options: &Advise, terminal: Terminal) -> Result<u8, Problem> {
    let site = Site::reach(common, terminal).await?;
    let mut wanted = Vec::new();
    for said in &options.accounts {
        wanted.push(site.account(said, Purpose::Look).await?.id);
    }
    let table = site.table().await?;
    let days = SignedDuration::from_hours(24 * i64::from(options.days));
    let since = Timestamp::now().checked_sub(days).unwrap_or(Timestamp::MIN);
    let eyes = site.eyes(PAYERS_ROLE).await?;
    let read = read(&site, &eyes, &table, &wanted, since);
    let mut advice = match terminal.step("read what ran in each hour", read).await {
        Err(failure) if failure.code.as_deref() == Some(NO_TABLE) => Vec::new(),
        read => read?,
    };
    if advice.is_empty() {
        return Err(Problem::Stays {
            what: "no hour is recorded yet, of any of these accounts".to_owned(),
            todo: "deploy with mode: drill, which records and touches nothing, and ask again in a week".to_owned(),
        });
    }
    advice.sort_by(|one, other| other.halts_today().cmp(&one.halts_today()).then(one.name.cmp(&other.name)));
    if common.output == Output::Json {
        terminal.document(&json!({ "accounts": advice }));
    }
    let rows: Vec<Row> = advice.iter().flat_map(Advice::rows).collect();
    terminal.rows("", &advise::COLUMNS, &rows);
    let young: Vec<&Advice> = advice.iter().filter(|one| !one.is_enough).collect();
    if !young.is_empty() {
        let accounts = count(young.len() as u64, "account");
        terminal
            .warn(&format!("\nOf {accounts} less than 7 days are known: that is too little to tell what is usual."));
    }
    terminal.say(
        "\nusual: of a hundred hours the highest but one. advised: half as much again. halts: how often today's limit \
         would have been passed; halts then: how often the advised one would have been.",
    );
    Ok(DONE)
}

/// The hours of these accounts, or of every account that is known, with what the policy says of each.
async fn read(
    site: &Site,
    eyes: &Eyes,
    table: &Table,
    wanted: &[AccountId],
    since: Timestamp,
) -> Result<Vec<Advice>, Failure> {
    let known = table.records().await?;
    let accounts: Vec<RememberedAccount> =
        known.accounts().filter(|known| wanted.is_empty() || wanted.contains(&known.account)).collect();
    let one = |RememberedAccount { account, name, path }: RememberedAccount| async move {
        let hours = table.peaks(&account, since).await?;
        let policy = eyes.policy_for(&site.policy.policy, &account, path.as_deref()).await;
        let name = policy.name.or(name).map_or_else(|| account.to_string(), |name| clean(&name));
        Ok::<_, Failure>(advise::advise(&account, &name, &hours, &policy.limits))
    };
    let readings: Vec<_> = accounts.into_iter().map(one).collect();
    let read: Vec<Result<Option<Advice>, Failure>> = futures::stream::iter(readings).buffered(AT_ONCE).collect().await;
    read.into_iter().filter_map(Result::transpose).collect()
}

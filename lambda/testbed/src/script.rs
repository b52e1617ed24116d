//! The words of a scenario that are about the world: what is in an account, what goes wrong in it, who is at large in
//! it.
//!
//! A line is read at once, so that a slip of the pen is found before anything runs, and done later, when its time has
//! come.

use std::sync::Arc;
use std::time::Duration;

use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region, RoleName, UserName};

use crate::account::SimAccount;
use crate::faults::{Fault, failure};
use crate::resource;
use crate::thief::{Cadence, Intent, Principal};
use crate::world::World;

pub use crate::tokens::{Tokens, duration};

/// Something that changes the world when its time has come.
pub type Change = Box<dyn FnOnce(&Arc<World>, &AccountId) + Send>;

fn in_account(change: impl FnOnce(&mut SimAccount) + Send + 'static) -> Change {
    Box::new(move |world, account| world.with(account, change))
}

/// Reads a line about the world; `None` when its first word is not one of these. What is understood is used up to its
/// last word.
pub fn change(line: &str) -> Result<Option<Change>, String> {
    let mut words = Tokens::new(line);
    let change = match words.next()? {
        "region" => region(&mut words)?,
        "disabled" => disabled(&mut words)?,
        "fault" => fault(&mut words)?,
        "heal" => Box::new(|world: &Arc<World>, _: &AccountId| world.heal()),
        "guarded" => in_account(|known| known.guarded = true),
        "enrolled" => in_account(|known| known.enrolled = true),
        "not-enrolled" => in_account(|known| known.enrolled = false),
        "moved" => {
            let unit = words.owned()?;
            in_account(|known| known.unit = unit)
        }
        "no-paths" => Box::new(|world: &Arc<World>, _: &AccountId| world.without_paths()),
        "no-quarantine" => Box::new(|world: &Arc<World>, _: &AccountId| world.without_quarantine()),
        "root-access" => Box::new(|world: &Arc<World>, _: &AccountId| world.with_root_access()),
        "quotas" => Box::new(|world: &Arc<World>, _: &AccountId| world.with_quotas()),
        kind => match resource::change(kind, &mut words)? {
            Some(change) => in_account(change),
            None => return Ok(None),
        },
    };
    words.end()?;
    Ok(Some(change))
}

/// `region NAME`: enables it.
fn region(words: &mut Tokens<'_>) -> Result<Change, String> {
    let name = words.owned()?;
    Ok(in_account(move |known| known.regions.entry(Region::new(name)).or_default().disabled = false))
}

/// `disabled NAME`: what runs there runs on.
fn disabled(words: &mut Tokens<'_>) -> Result<Change, String> {
    let name = words.owned()?;
    Ok(in_account(move |known| known.region(&name).disabled = true))
}

/// `fault OPERATION KIND|hang [by organization|boundary|role] [times N] [in REGION] [anywhere]`: in the account, unless
/// it is said to be anywhere.
fn fault(words: &mut Tokens<'_>) -> Result<Change, String> {
    let operation = words.owned()?;
    let kind = match words.next()? {
        "hang" => None,
        "denied" => Some(FailureKind::Denied),
        "throttled" => Some(FailureKind::Throttled),
        "unavailable" => Some(FailureKind::Unavailable),
        "conflict" => Some(FailureKind::Contended),
        "credentials" => Some(FailureKind::Credentials),
        "quota" => Some(FailureKind::QuotaFull),
        "other" => Some(FailureKind::Other),
        unknown => return Err(format!("no fault is called {unknown:?}")),
    };
    let denied_by = words.after("by").map(|()| denied_by(words)).transpose()?;
    let times = words.after("times").map(|_| words.number()).transpose()?;
    let region = words.after("in").map(|_| words.owned()).transpose()?.map(Region::new);
    let anywhere = words.after("anywhere").is_some();
    Ok(Box::new(move |world, account| {
        let failure = kind.map(|kind| Failure { denied_by, ..failure(&operation, kind) });
        world.fault(Fault { operation, account: (!anywhere).then(|| account.clone()), region, times, failure });
    }))
}

/// Whose policy AWS says it was.
fn denied_by(words: &mut Tokens<'_>) -> Result<DeniedBy, String> {
    Ok(match words.next()? {
        "organization" => DeniedBy::Organization,
        "boundary" => DeniedBy::Boundary,
        "role" => DeniedBy::Role,
        unknown => return Err(format!("nobody denies by {unknown:?}")),
    })
}

/// `thief STRATEGY[,STRATEGY…] [as user NAME|role NAME …] [every D | after-reads OPERATION] [waits D] [seed N]`
pub fn thief(line: &str) -> Result<Intent, String> {
    let mut words = Tokens::new(line);
    words.after("thief").ok_or_else(|| "not about a thief".to_owned())?;
    let strategies = words.next()?.split(',').map(str::parse).collect::<Result<_, _>>()?;
    let mut stolen = Vec::new();
    if words.after("as").is_some() {
        loop {
            if words.after("user").is_some() {
                stolen.push(Principal::User(UserName::new(words.next()?)));
            } else if words.after("role").is_some() {
                stolen.push(Principal::Role(RoleName::new(words.next()?)));
            } else {
                break;
            }
        }
    }
    let mut cadence = Cadence::Every(Duration::from_secs(2));
    if words.after("every").is_some() {
        cadence = Cadence::Every(words.duration()?);
    } else if words.after("after-reads").is_some() {
        cadence = Cadence::AfterReads(words.owned()?);
    }
    let patience = words.after("waits").map_or(Ok(Duration::ZERO), |_| words.duration())?;
    let seed = words.after("seed").map_or(Ok(1), |_| words.number())?;
    words.end()?;
    Ok(Intent { strategies, stolen, cadence, patience, seed })
}

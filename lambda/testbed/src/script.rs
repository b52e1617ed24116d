//! The words of a scenario that are about the world: what is in an account, what goes wrong in it, who is at large in
//! it.
//!
//! A line is read at once, so that a slip of the pen is found before anything runs, and done later, when its time has
//! come.

mod words;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::identity::AccessKey;
use runawaytrain_core::ids::{AccountId, FleetId, GroupName, KeyId, Region, RoleName, SpotRequestId, UserName};
use runawaytrain_core::launchers::FleetKind;

use crate::account::{SimAccount, SimFleet, SimGroup, SimRegion, SimRole, SimSpotRequest, SimUser};
use crate::faults::{Fault, failure};
use crate::instance::{Life, Stubborn};
use crate::thief::{Cadence, Intent, Principal};
use crate::world::World;

pub use words::{Words, duration};

/// Something that changes the world when its time has come.
pub type Change = Box<dyn FnOnce(&Arc<World>, &AccountId) + Send>;

fn in_account(change: impl FnOnce(&mut SimAccount) + Send + 'static) -> Change {
    Box::new(move |world, account| world.with(account, change))
}

/// Reads a line about the world; `None` when its first word is not one of these. What is understood is used up to its
/// last word.
pub fn change(line: &str) -> Result<Option<Change>, String> {
    let mut words = Words::new(line);
    let change = match words.next()? {
        "run" => run(&mut words)?,
        "user" => user(&mut words)?,
        "role" => role(&mut words)?,
        "group" => group(&mut words)?,
        "fleet" => fleet(&mut words)?,
        "spot" => spot(&mut words)?,
        "region" => region(&mut words)?,
        "fault" => fault(&mut words)?,
        "heal" => Box::new(|world: &Arc<World>, _: &AccountId| world.heal()),
        "guarded" => in_account(|known| known.guarded = true),
        "enrolled" => in_account(|known| known.enrolled = true),
        "not-enrolled" => in_account(|known| known.enrolled = false),
        "no-quarantine" => Box::new(|world: &Arc<World>, _: &AccountId| world.without_quarantine()),
        "quotas" => Box::new(|world: &Arc<World>, _: &AccountId| world.with_quotas()),
        _ => return Ok(None),
    };
    words.end()?;
    Ok(Some(change))
}

/// `run REGION NUMBER TYPE [pending D] [stop-protected] [termination-protected] [unstoppable] [phantom] [managed]`
fn run(words: &mut Words<'_>) -> Result<Change, String> {
    let (region, number, instance_type) = (words.owned()?, words.number()?, words.owned()?);
    let pending = words.after("pending").map(|_| words.duration()).transpose()?;
    let [stop, termination, unstoppable, phantom, managed] =
        ["stop-protected", "termination-protected", "unstoppable", "phantom", "managed"]
            .map(|word| words.after(word).is_some());
    Ok(in_account(move |known| {
        for _ in 0..number {
            let life = pending.map_or(Life::Running, |pending| Life::Pending(tokio::time::Instant::now() + pending));
            let id = known.launch(&region, &instance_type, life);
            let instance = known.instance(&id).expect("just launched");
            (instance.stop_protected, instance.termination_protected) = (stop, termination);
            instance.stubborn =
                if unstoppable { Some(Stubborn::Unstoppable) } else { phantom.then_some(Stubborn::Phantom) };
            instance.managed_by = managed.then(|| "eks.amazonaws.com".to_owned());
        }
    }))
}

/// How old something is when a scenario begins, unless it says otherwise: above every suspicion.
const OLD: Duration = Duration::from_secs(400 * 86_400);

fn age(words: &mut Words<'_>) -> Result<Duration, String> {
    words.after("made").map_or(Ok(OLD), |_| words.duration())
}

fn made(known: &SimAccount, age: Duration) -> Timestamp {
    before(known.now(), age)
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    now.checked_sub(age).expect("a moment of this age")
}

/// `user NAME [keys N] [console] [made D]`: the keys are `AKIA<NAME>0`, `AKIA<NAME>1`.
fn user(words: &mut Words<'_>) -> Result<Change, String> {
    let name = words.owned()?;
    let keys = words.after("keys").map_or(Ok(0), |_| words.number())?;
    let console = words.after("console").is_some();
    let age = age(words)?;
    Ok(in_account(move |known| {
        let created = made(known, age);
        let key = |number| AccessKey {
            id: KeyId::new(format!("AKIA{}{number}", name.to_uppercase())),
            active: true,
            created: Some(created),
        };
        let user = SimUser { keys: (0..keys).map(key).collect(), console, ..SimUser::new(created) };
        known.users.insert(UserName::new(name.as_str()), user);
    }))
}

/// `role NAME [path P] [session] [foreign] [made D]`: `session` is one that a thief may hold, `foreign` a trust in
/// another account.
fn role(words: &mut Words<'_>) -> Result<Change, String> {
    let name = words.owned()?;
    let path = words.after("path").map_or(Ok("/".to_owned()), |_| words.owned())?;
    let [session, foreign] = ["session", "foreign"].map(|word| words.after(word).is_some());
    let age = age(words)?;
    Ok(in_account(move |known| {
        let (created, issued) = (made(known, age), session.then(|| made(known, Duration::from_secs(600))));
        known
            .roles
            .insert(RoleName::new(name.as_str()), SimRole { path, session: issued, foreign, ..SimRole::new(created) });
    }))
}

fn in_region(region: String, change: impl FnOnce(&mut SimRegion, Timestamp) + Send + 'static) -> Change {
    in_account(move |known| {
        let now = known.now();
        change(known.region(&region), now);
    })
}

/// `group NAME REGION DESIRED TYPE [made D]`
fn group(words: &mut Words<'_>) -> Result<Change, String> {
    let (name, region, desired, instance_type) = (words.owned()?, words.owned()?, words.number()?, words.owned()?);
    let age = age(words)?;
    Ok(in_region(region, move |of, now| {
        of.groups.insert(
            GroupName::new(name),
            SimGroup { desired, instance_type, suspended: false, created: before(now, age) },
        );
    }))
}

/// `fleet ID ec2|spot REGION TARGET TYPE [made D]`
fn fleet(words: &mut Words<'_>) -> Result<Change, String> {
    let id = words.owned()?;
    let kind = match words.next()? {
        "ec2" => FleetKind::Ec2,
        "spot" => FleetKind::Spot,
        other => return Err(format!("a fleet is ec2 or spot, not {other:?}")),
    };
    let (region, target, instance_type) = (words.owned()?, words.number::<u64>()?, words.owned()?);
    let age = age(words)?;
    Ok(in_region(region, move |of, now| {
        of.fleets.insert(FleetId::new(id), SimFleet { kind, target, instance_type, created: before(now, age) });
    }))
}

/// `spot ID REGION TYPE persistent|once [termination-protected]`: a request with its running instance.
fn spot(words: &mut Words<'_>) -> Result<Change, String> {
    let (id, region, instance_type) = (words.owned()?, words.owned()?, words.owned()?);
    let persistent = match words.next()? {
        "persistent" => true,
        "once" => false,
        other => return Err(format!("a Spot request is persistent or once, not {other:?}")),
    };
    let termination = words.after("termination-protected").is_some();
    Ok(in_account(move |known| {
        let instance = known.launch(&region, &instance_type, Life::Running);
        let found = known.instance(&instance).expect("just launched");
        found.spot_request = Some(SpotRequestId::new(id.as_str()));
        found.termination_protected = termination;
        found.stubborn = (!persistent).then_some(Stubborn::Unstoppable);
        known
            .region(&region)
            .spot_requests
            .insert(SpotRequestId::new(id), SimSpotRequest { persistent, open: false, instance_type });
    }))
}

/// `region NAME`: enables it.
fn region(words: &mut Words<'_>) -> Result<Change, String> {
    let name = words.owned()?;
    Ok(in_account(move |known| {
        known.regions.entry(Region::new(name)).or_default();
    }))
}

/// `fault OPERATION KIND|hang [times N] [in REGION] [anywhere]`: in the account, unless it is said to be anywhere.
fn fault(words: &mut Words<'_>) -> Result<Change, String> {
    let operation = words.owned()?;
    let kind = match words.next()? {
        "hang" => None,
        "denied" => Some(FailureKind::Denied),
        "throttled" => Some(FailureKind::Throttled),
        "unavailable" => Some(FailureKind::Unavailable),
        "conflict" => Some(FailureKind::Conflict),
        "other" => Some(FailureKind::Other),
        unknown => return Err(format!("no fault is called {unknown:?}")),
    };
    let times = words.after("times").map(|_| words.number()).transpose()?;
    let region = words.after("in").map(|_| words.owned()).transpose()?.map(Region::new);
    let anywhere = words.after("anywhere").is_some();
    Ok(Box::new(move |world, account| {
        let failure = kind.map(|kind| failure(&operation, kind));
        world.fault(Fault { operation, account: (!anywhere).then(|| account.clone()), region, times, failure });
    }))
}

/// `thief STRATEGY[,STRATEGY…] [as user NAME|role NAME …] [every D | after-reads OPERATION] [waits D] [seed N]`
pub fn thief(line: &str) -> Result<Intent, String> {
    let mut words = Words::new(line);
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

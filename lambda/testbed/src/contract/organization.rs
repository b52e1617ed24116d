//! The organization, and what an account of it is to us without our role in it.

use std::collections::{BTreeMap, BTreeSet};

use runawaytrain_core::resource::quarantine::Attachment;
use runawaytrain_core::resource::{Action, Caller, Depth, Kind, Scope, Sight, instances, quarantine, roles, users};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId, RoleName, UnitId, UserName};
use runawaytrain_engine::ports::{Freshness, Lifecycle, Look, Performed};

use super::case::{Case, cases};
use crate::world::ACCOUNTS_A_PAGE as UNITS_A_PAGE;

use super::stage::{Crowd, Machine, Stage, assert_all, home, now, perform};

pub(super) const CASES: &[Case] = cases![
    every_page_of_accounts_is_read,
    an_account_is_in_its_unit_and_in_those_around_it,
    every_page_of_units_and_of_their_accounts_is_read,
    an_account_without_our_role_denies_everything_but_the_payers_own_calls,
    a_role_that_is_made_later_is_picked_up,
    a_role_that_is_deleted_denies_from_then_on,
];

fn stop(instance: InstanceId) -> instances::Action {
    instances::Action::StopInstances { region: home(), instances: vec![instance], erases: Vec::new() }
}

/// What every look into an account comes to, each with its name.
async fn looks(stage: &dyn Stage, account: &AccountId) -> Vec<(&'static str, Option<FailureKind>)> {
    let observer = &stage.ports().observer;
    let regions = observer.regions(account, Freshness::Now).await;
    let mut looks = vec![("regions", regions.err().map(|failure| failure.kind))];
    for kind in Kind::ALL.iter().copied().filter(|kind| kind.caller() == Caller::Member) {
        let region = home();
        let region = (kind.scope() == Scope::Region).then_some(&region);
        let look = Look { depth: Depth::Whole, ..Look::at(kind, region) };
        let failure = match observer.look(account, &look).await {
            // Why it could not be looked at is a part of what was seen.
            Ok(Sight::Root(seen)) => seen.err(),
            Ok(Sight::Capacity(seen)) => seen.hosts.err().or(seen.reservations.err()),
            seen => seen.err(),
        };
        looks.push((kind.name(), failure.map(|failure| failure.kind)));
    }
    looks
}

async fn every_page_of_accounts_is_read(stage: &dyn Stage) {
    let mut made = stage.crowd(Crowd::Accounts).await;
    made.insert(stage.account().to_string());
    let members = stage.ports().directory.accounts(Freshness::Now).await.unwrap().accounts;
    assert!(
        members.iter().all(|member| member.lifecycle == Lifecycle::Active && !member.name.is_empty()),
        "{members:?}"
    );
    assert_all(&made, members.iter().map(|member| &member.account));
}

/// In which of these units accounts are now.
async fn units(stage: &dyn Stage, accounts: &[&AccountId], named: &[&UnitId]) -> BTreeMap<AccountId, Vec<UnitId>> {
    let accounts = accounts.iter().copied().cloned().collect();
    let named = named.iter().copied().cloned().collect();
    stage.ports().directory.units(&accounts, &named, stage.ports().clock.now()).await.unwrap()
}

async fn an_account_is_in_its_unit_and_in_those_around_it(stage: &dyn Stage) {
    let (lab, outside) = (stage.account(), stage.unenrolled().await);
    let outer = stage.unit(None).await;
    let between = stage.unit(Some(&outer)).await;
    let inner = stage.unit(Some(&between)).await;
    let other = stage.unit(None).await;
    let nowhere = UnitId::parse("ou-none-00000000").unwrap();
    stage.put_into(lab, &inner).await;
    // Whatever is between two that are named is looked through.
    let named = [&outer, &inner, &other, &nowhere];
    let found = units(stage, &[lab, &outside], &named).await;
    assert_eq!(found.get(lab), Some(&vec![outer.clone(), inner.clone()]));
    assert_eq!(found.get(&outside), Some(&Vec::new()), "it is known to be in none of them");
    stage.put_into(lab, &other).await;
    assert_eq!(units(stage, &[lab], &named).await.get(lab), Some(&vec![other]), "a move is seen");
}

async fn every_page_of_units_and_of_their_accounts_is_read(stage: &dyn Stage) {
    let outer = stage.unit(None).await;
    let mut inner = BTreeSet::new();
    for _ in 0..=UNITS_A_PAGE {
        inner.insert(stage.unit(Some(&outer)).await);
    }
    let made = stage.crowd(Crowd::Accounts).await;
    let accounts: Vec<AccountId> = made.iter().map(|id| AccountId::parse(id).unwrap()).collect();
    // Each in a unit of its own: whatever page that is on.
    for (account, unit) in accounts.iter().zip(&inner) {
        stage.put_into(account, unit).await;
    }
    let found = units(stage, &accounts.iter().collect::<Vec<_>>(), &[&outer]).await;
    assert!(accounts.iter().all(|account| found.get(account) == Some(&vec![outer.clone()])), "{found:?}");
    // All of them in one.
    for account in &accounts {
        stage.put_into(account, &outer).await;
    }
    let found = units(stage, &accounts.iter().collect::<Vec<_>>(), &[&outer]).await;
    assert!(accounts.iter().all(|account| found.get(account) == Some(&vec![outer.clone()])), "{found:?}");
}

async fn an_account_without_our_role_denies_everything_but_the_payers_own_calls(stage: &dyn Stage) {
    let member = stage.unenrolled().await;
    for (look, came_to) in looks(stage, &member).await {
        assert_eq!(came_to, Some(FailureKind::Denied), "{look}");
    }
    let actions: [Action; 3] = [
        stop(InstanceId::new("i-0123456789abcdef0")).into(),
        users::Action::DenyUser { user: UserName::new("ann") }.into(),
        roles::Action::DenyRole { role: RoleName::new("lab") }.into(),
    ];
    for action in actions {
        let failure = stage.ports().actuator.perform(&member, &action, now()).await.unwrap_err();
        assert_eq!((failure.operation.as_str(), failure.kind), ("sts:AssumeRole", FailureKind::Denied), "{action}");
    }
    let freeze = quarantine::Action::Freeze.into();
    assert_eq!(stage.ports().actuator.perform(&member, &freeze, now()).await, Ok(Performed::Done));
    let seen = stage.ports().observer.look(&member, &Look::at(Kind::Quarantine, None)).await;
    let Ok(Sight::Quarantine(seen)) = seen else { panic!("{seen:?}") };
    assert_eq!(seen.quarantine, Attachment::Attached);
}

async fn a_role_that_is_made_later_is_picked_up(stage: &dyn Stage) {
    let member = stage.unenrolled().await;
    assert_eq!(stage.ports().observer.regions(&member, Freshness::Cached).await.unwrap_err().kind, FailureKind::Denied);
    stage.enroll(&member).await;
    assert!(stage.ports().observer.regions(&member, Freshness::Cached).await.unwrap().contains(&home()));
}

async fn a_role_that_is_deleted_denies_from_then_on(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::Running).await;
    assert!(stage.ports().observer.regions(stage.account(), Freshness::Now).await.unwrap().contains(&home()));
    stage.expel(stage.account()).await;
    for (look, came_to) in looks(stage, stage.account()).await {
        assert_eq!(came_to, Some(FailureKind::Denied), "{look}");
    }
    assert_eq!(perform(stage, stop(instance)).await, Err(FailureKind::Denied));
    // What was asked for a moment ago is good enough where an old answer is.
    assert!(stage.ports().observer.regions(stage.account(), Freshness::Cached).await.unwrap().contains(&home()));
}

//! A list is the whole list, however many pages it has.

use std::collections::BTreeSet;

use runawaytrain_engine::ports::{Freshness, Lifecycle, UserDetail};

use super::stage::{home, launchers, users};
use super::{Case, Crowd, Stage, cases};

pub(super) const CASES: &[Case] = cases![
    every_page_of_accounts_is_read,
    every_page_of_instances_is_read,
    every_page_of_groups_is_read,
    every_page_of_users_is_read,
    every_page_of_roles_is_read,
];

/// Everything that was made is there, and nothing twice.
fn assert_all(made: &BTreeSet<String>, seen: Vec<String>) {
    let names: BTreeSet<&String> = seen.iter().collect();
    assert_eq!(names.len(), seen.len(), "something is listed twice");
    let missing: Vec<_> = made.iter().filter(|name| !names.contains(name)).collect();
    assert!(missing.is_empty(), "{} of {} are not listed, {} among them", missing.len(), made.len(), missing[0]);
}

async fn every_page_of_accounts_is_read(stage: &dyn Stage) {
    let mut made = stage.crowd(Crowd::Accounts).await;
    made.insert(stage.account().to_string());
    let members = stage.ports().directory.accounts(Freshness::Now).await.unwrap();
    assert!(
        members.iter().all(|member| member.lifecycle == Lifecycle::Active && !member.name.is_empty()),
        "{members:?}"
    );
    assert_all(&made, members.iter().map(|member| member.account.to_string()).collect());
}

async fn every_page_of_instances_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Instances).await;
    let seen = stage.ports().observer.instances(stage.account(), &home()).await.unwrap();
    assert_all(&made, seen.iter().map(|instance| instance.id.to_string()).collect());
}

async fn every_page_of_groups_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Groups).await;
    assert_all(&made, launchers(stage, &home()).await.groups.iter().map(|group| group.name.to_string()).collect());
}

async fn every_page_of_users_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Users).await;
    assert_all(&made, users(stage, UserDetail::Credentials).await.iter().map(|user| user.name.to_string()).collect());
}

async fn every_page_of_roles_is_read(stage: &dyn Stage) {
    let made = stage.crowd(Crowd::Roles).await;
    let roles = stage.ports().observer.roles(stage.account()).await.unwrap();
    assert_all(&made, roles.iter().map(|role| role.name.to_string()).collect());
}

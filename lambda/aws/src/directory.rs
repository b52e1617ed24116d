//! The organization's accounts, over AWS Organizations.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};
use tokio::sync::Mutex;
use tokio::time::Instant;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::AccountId;
use runawaytrain_engine::ports::{Directory, Freshness, Lifecycle, Member};

use crate::failure;

const LIST_ACCOUNTS: &str = "organizations:ListAccounts";
/// The most that Organizations gives at a time.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>
const PAGE: i32 = 20;
/// How long a list is good: a thousand accounts take six seconds of ListAccounts' quota. Shorter than the default tick,
/// so that an account that left or was suspended is not taken for one that shut us out.
const FRESH: Duration = Duration::from_secs(4 * 60);
/// How old a fresh list may be: a crowd of events about one new account asks once.
const JUST_NOW: Duration = Duration::from_secs(30);
/// How long an old list is better than none while Organizations fails: to sweep all but the newest accounts beats
/// sweeping none.
const USABLE: Duration = Duration::from_secs(60 * 60);

pub(crate) struct OrganizationsDirectory {
    client: aws_sdk_organizations::Client,
    known: Mutex<Option<(Instant, Vec<Member>)>>,
}

impl OrganizationsDirectory {
    pub(crate) fn new(client: aws_sdk_organizations::Client) -> Self {
        Self { client, known: Mutex::default() }
    }

    async fn list(&self) -> Result<Vec<Member>, Failure> {
        let mut members = Vec::new();
        let mut pages = self.client.list_accounts().max_results(PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure::of(LIST_ACCOUNTS, &error))?;
            for account in page.accounts() {
                members.push(member(account)?);
            }
        }
        Ok(members)
    }
}

#[async_trait]
impl Directory for OrganizationsDirectory {
    async fn accounts(&self, freshness: Freshness) -> Result<Vec<Member>, Failure> {
        let good_for = if freshness == Freshness::Now { JUST_NOW } else { FRESH };
        let mut known = self.known.lock().await;
        if let Some((since, members)) = known.as_ref().filter(|(since, _)| since.elapsed() < good_for) {
            tracing::trace!(age_seconds = since.elapsed().as_secs(), "the account list is fresh enough");
            return Ok(members.clone());
        }
        match self.list().await {
            Ok(members) => {
                *known = Some((Instant::now(), members.clone()));
                Ok(members)
            }
            Err(failure) => match known.as_ref().filter(|(since, _)| since.elapsed() < USABLE) {
                Some((since, members)) => {
                    tracing::warn!(%failure, age_seconds = since.elapsed().as_secs(), "the accounts could not be listed; an older list is used");
                    Ok(members.clone())
                }
                None => Err(failure),
            },
        }
    }
}

fn member(account: &Account) -> Result<Member, Failure> {
    let id = account.id().unwrap_or_default();
    let id =
        AccountId::parse(id).map_err(|error| failure::own(LIST_ACCOUNTS, FailureKind::Other, error.to_string()))?;
    Ok(Member { account: id, name: account.name().unwrap_or_default().to_owned(), lifecycle: lifecycle(account) })
}

/// `Status` gave way to `State` in 2025; where only the old one is answered, it tells enough.
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html>
fn lifecycle(account: &Account) -> Lifecycle {
    match (account.state(), account.status()) {
        (Some(AccountState::Active), _) | (None, Some(AccountStatus::Active)) => Lifecycle::Active,
        (Some(AccountState::PendingClosure), _) | (None, Some(AccountStatus::PendingClosure)) => {
            Lifecycle::PendingClosure
        }
        (Some(state), _) => Lifecycle::Inactive(state.as_str().to_owned()),
        (None, Some(status)) => Lifecycle::Inactive(status.as_str().to_owned()),
        // Neither was answered: looked at rather than skipped, for a thief's account must not hide in a gap of the
        // list.
        (None, None) => Lifecycle::Active,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_first_and_the_status_stands_in() {
        let account = Account::builder;
        assert_eq!(
            lifecycle(&account().state(AccountState::Suspended).status(AccountStatus::Active).build()),
            Lifecycle::Inactive("SUSPENDED".to_owned())
        );
        assert_eq!(lifecycle(&account().status(AccountStatus::Active).build()), Lifecycle::Active);
        assert_eq!(lifecycle(&account().state(AccountState::PendingClosure).build()), Lifecycle::PendingClosure);
        assert_eq!(lifecycle(&account().build()), Lifecycle::Active);
    }
}

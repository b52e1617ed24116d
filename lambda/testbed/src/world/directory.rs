//! Listing the organization's accounts.

use async_trait::async_trait;
use jiff::SignedDuration;
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Clock, Directory, Freshness, Member};

use super::{ACCOUNTS_A_PAGE, World};
use crate::account::SimAccount;
use crate::pages::Pages;

/// How long the adapter remembers the organization's accounts.
const ACCOUNTS_FRESH: SignedDuration = SignedDuration::from_mins(4);
/// How old a fresh list may be.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(30);

#[async_trait]
impl Directory for World {
    async fn accounts(&self, freshness: Freshness) -> Result<Vec<Member>, Failure> {
        let good_for = match freshness {
            Freshness::Now => JUST_NOW,
            Freshness::Cached => ACCOUNTS_FRESH,
        };
        let (remembered, now) = (self.lock().members.clone(), self.clock.now());
        if let Some((_, members)) = remembered.filter(|(since, _)| now.duration_since(*since) < good_for) {
            return Ok(members);
        }
        let member = |(account, known): (&AccountId, &SimAccount)| Member {
            account: account.clone(),
            name: known.name.clone(),
            lifecycle: known.lifecycle.clone(),
            path: Some(format!("o-exampleorg1/r-root/{}/{account}/", known.unit)),
        };
        let (mut found, mut pages) = (Vec::new(), Pages::new(ACCOUNTS_A_PAGE));
        loop {
            self.pass("organizations:ListAccounts", None, None).await?;
            let all = self.lock().accounts.iter().map(|each| (each.0.clone(), member(each))).collect();
            let (page, more) = pages.next(all);
            found.extend(page);
            if !more {
                self.lock().members = Some((self.clock.now(), found.clone()));
                return Ok(found);
            }
        }
    }
}

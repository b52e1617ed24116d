//! Looking into accounts, with sessions that can do nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::contract::HOME_REGION;
use runawaytrain_core::resource::{Caller, DESCRIBE_REGIONS, Sight};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::{Clock, Freshness, Look, Observer, Terms};

use crate::clients::{Clients, Payer};
use crate::failure;
use crate::member_clients::{MemberClients, Purpose};
use crate::resource;
use crate::sessions::Sessions;
use crate::time::is_younger;

/// How long a sweep trusts an account's list of regions. Enabling one takes a thief minutes; a halt asks anew.
const REGIONS_FRESH: SignedDuration = SignedDuration::from_mins(15);
/// How long the list of all regions that there are is good: AWS opens a few a year.
const EVERY_REGION_FRESH: SignedDuration = SignedDuration::from_hours(24);

pub(crate) struct SdkObserver {
    sessions: Arc<Sessions>,
    payer: Arc<Payer>,
    clock: Arc<dyn Clock>,
    /// Each account's regions, and when they were asked for.
    regions: Mutex<HashMap<AccountId, (Timestamp, Vec<Region>)>>,
    /// All that there are, and when that was asked for.
    every_region: Mutex<Option<(Timestamp, Vec<Region>)>>,
}

/// Which regions are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// Those that the account has enabled.
    Enabled,
    /// All that there are.
    All,
}

impl SdkObserver {
    pub(crate) fn new(sessions: Arc<Sessions>, payer: Arc<Payer>, clock: Arc<dyn Clock>) -> Self {
        Self { sessions, payer, clock, regions: Mutex::default(), every_region: Mutex::default() }
    }

    async fn list(&self, account: &AccountId, which: Listed) -> Result<Vec<Region>, Failure> {
        // Without AllRegions: those that the account has enabled.
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
        let all = (which == Listed::All).then_some(true);
        let ask = async |clients: &MemberClients| {
            let client = clients.ec2(&Region::new(HOME_REGION));
            let answer = client.describe_regions().set_all_regions(all).send().await;
            let answer = answer.map_err(|error| failure::of(DESCRIBE_REGIONS, &error))?;
            Ok(answer.regions().iter().filter_map(|region| region.region_name()).map(Region::new).collect())
        };
        self.sessions.calls(account, Purpose::Look, ask).await
    }

    fn known_regions(&self, account: &AccountId, now: Timestamp) -> Option<Vec<Region>> {
        let known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, regions) = known.get(account)?;
        is_younger(*since, now, REGIONS_FRESH).then(|| regions.clone())
    }
}

#[async_trait]
impl Observer for SdkObserver {
    async fn regions(&self, account: &AccountId, freshness: Freshness) -> Result<Vec<Region>, Failure> {
        let now = self.clock.now();
        if let Some(regions) = self.known_regions(account, now).filter(|_| freshness == Freshness::Cached) {
            return Ok(regions);
        }
        let regions = self.list(account, Listed::Enabled).await?;
        let mut known = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(account.clone(), (now, regions.clone()));
        Ok(regions)
    }

    async fn every_region(&self, account: &AccountId) -> Result<Vec<Region>, Failure> {
        let now = self.clock.now();
        let known = || self.every_region.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, regions)) = known().as_ref().filter(|(since, _)| is_younger(*since, now, EVERY_REGION_FRESH)) {
            return Ok(regions.clone());
        }
        let regions = self.list(account, Listed::All).await?;
        *known() = Some((now, regions.clone()));
        Ok(regions)
    }

    async fn look_on(&self, account: &AccountId, look: &Look, terms: Terms<'_>) -> Result<Sight, Failure> {
        match look.kind.caller() {
            Caller::Payer => resource::look(Clients::Payer(&self.payer), account, look, terms).await,
            Caller::Member => {
                let look = |clients| resource::look(Clients::Member(clients), account, look, terms);
                self.sessions.calls(account, Purpose::Look, look).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::{Kind, Scope};

    use super::*;
    use crate::clock::ManualClock;
    use crate::policies::Policies;
    use crate::sessions::Entry;
    use crate::wire::{Script, assumed};

    fn observer(script: &Script, clock: &Arc<ManualClock>) -> SdkObserver {
        let shared = script.config();
        let sessions = Sessions::new(&shared, Entry::responder("o-exampleorg"), Arc::clone(clock) as Arc<dyn Clock>);
        let payer = Payer::of(&shared, Policies { quarantine: Some("p-quarantine".to_owned()), ..Policies::default() });
        SdkObserver::new(Arc::new(sessions), Arc::new(payer), Arc::clone(clock) as Arc<dyn Clock>)
    }

    /// An account with one region and nothing in it.
    fn empty_account() -> Script {
        Script::new(|asked| match asked.split('&').find_map(|word| word.strip_prefix("Action=")) {
            Some("AssumeRole") => assumed("2026-11-22T04:00:00Z"),
            Some("DescribeRegions") => {
                let regions = "<item><regionName>us-east-1</regionName></item>";
                let regions = format!("<regionInfo>{regions}</regionInfo>");
                (200, format!("<DescribeRegionsResponse>{regions}</DescribeRegionsResponse>"))
            }
            Some(action @ ("GetAccountAuthorizationDetails" | "ListServiceSpecificCredentials")) => {
                (200, format!("<{action}Response><{action}Result/></{action}Response>"))
            }
            Some("DescribeAutoScalingGroups") => {
                let nothing = "<DescribeAutoScalingGroupsResult><AutoScalingGroups/></DescribeAutoScalingGroupsResult>";
                (200, format!("<DescribeAutoScalingGroupsResponse>{nothing}</DescribeAutoScalingGroupsResponse>"))
            }
            Some(action) => (200, format!("<{action}Response/>")),
            None => (200, "{}".to_owned()),
        })
    }

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    #[tokio::test]
    async fn the_age_of_a_list_of_regions_is_the_clocks() {
        let (script, clock) = (empty_account(), ManualClock::at("2026-11-22T03:00:00Z"));
        let observer = observer(&script, &clock);
        let asked = async |freshness| {
            observer.regions(&account(), freshness).await.unwrap();
            script.asked().iter().filter(|asked| asked.contains("Action=DescribeRegions")).count()
        };
        assert_eq!(asked(Freshness::Cached).await, 1);
        clock.set("2026-11-22T03:14:59Z");
        assert_eq!(asked(Freshness::Cached).await, 1, "it is young");
        assert_eq!(asked(Freshness::Now).await, 2, "a halt asks anew");
        clock.set("2026-11-22T03:29:59Z");
        assert_eq!(asked(Freshness::Cached).await, 3, "it is old, though no time passed for the machine");
        clock.set("2026-11-22T03:20:00Z");
        assert_eq!(asked(Freshness::Cached).await, 4, "what is of the future is old");
    }

    #[tokio::test]
    async fn every_region_is_asked_for_once_a_day() {
        let (script, clock) = (empty_account(), ManualClock::at("2026-11-22T03:00:00Z"));
        let observer = observer(&script, &clock);
        let asked = async || {
            observer.every_region(&account()).await.unwrap();
            script.asked().iter().filter(|asked| asked.contains("AllRegions=true")).count()
        };
        assert_eq!((asked().await, asked().await), (1, 1));
        clock.set("2026-11-23T03:00:00Z");
        assert_eq!(asked().await, 2);
        observer.regions(&account(), Freshness::Now).await.unwrap();
        assert_eq!(script.asked().iter().filter(|asked| asked.contains("AllRegions")).count(), 2);
    }

    #[tokio::test]
    async fn each_kind_is_looked_at_with_the_credentials_that_it_says() {
        for kind in Kind::ALL.iter().copied() {
            let script = empty_account();
            let observer = observer(&script, &ManualClock::at("2026-11-22T03:00:00Z"));
            let home = Region::new(HOME_REGION);
            let region = (kind.scope() == Scope::Region).then_some(&home);
            let sight = observer.look(&account(), &Look::at(kind, region)).await.unwrap();
            assert_eq!(sight.kind(), kind);
            let has_assumed = script.asked().iter().any(|asked| asked.contains("Action=AssumeRole"));
            assert_eq!(has_assumed, kind.caller() == Caller::Member, "{}", kind.name());
        }
    }
}

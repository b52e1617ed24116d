//! Changing accounts: one API call an action.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use runawaytrain_core::resource::{Act, Action, Caller};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::{Actuator, Performed};

use crate::clients::{Clients, Payer};
use crate::member_clients::Purpose;
use crate::resource;
use crate::sessions::Sessions;

pub(crate) struct SdkActuator {
    sessions: Arc<Sessions>,
    payer: Arc<Payer>,
}

impl SdkActuator {
    pub(crate) fn new(sessions: Arc<Sessions>, payer: Arc<Payer>) -> Self {
        Self { sessions, payer }
    }
}

#[async_trait]
impl Actuator for SdkActuator {
    async fn prepare(&self, account: &AccountId) {
        self.sessions.open(account, Purpose::Act).await;
    }

    async fn perform(&self, account: &AccountId, action: &Action, now: Timestamp) -> Result<Performed, Failure> {
        if action.names_nothing() {
            let detail = "an empty list would mean everything in the region";
            return Err(Failure::own(action.operation(), FailureKind::Invalid, detail));
        }
        match action.kind().actor() {
            Caller::Payer => resource::perform(Clients::Payer(&self.payer), account, action, now).await,
            Caller::Member => {
                let perform = |clients| resource::perform(Clients::Member(clients), account, action, now);
                self.sessions.calls(account, Purpose::Act, perform).await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runawaytrain_core::resource::{
        fleets, fleets::FleetKind, groups, instances, quarantine, roles, spot_requests, users,
    };
    use runawaytrain_core::vocabulary::ids::{
        FleetId, GroupName, InstanceId, Region, RoleName, SpotRequestId, UserName,
    };
    use runawaytrain_engine::ports::Clock;

    use super::*;
    use crate::clock::ManualClock;
    use crate::policies::Policies;
    use crate::sessions::Entry;
    use crate::wire::{Script, assumed};

    fn actuator(script: &Script) -> SdkActuator {
        let shared = script.config();
        let clock = ManualClock::at("2026-11-22T03:00:00Z") as Arc<dyn Clock>;
        let payer = Payer::of(&shared, Policies { quarantine: Some("p-quarantine".to_owned()), ..Policies::default() });
        SdkActuator::new(Arc::new(Sessions::new(&shared, Entry::responder("o-exampleorg"), clock)), Arc::new(payer))
    }

    /// What takes every call.
    fn willing() -> Script {
        Script::new(|asked| match asked.split('&').find_map(|word| word.strip_prefix("Action=")) {
            Some("AssumeRole") => assumed("2026-11-22T04:00:00Z"),
            Some(action) => (200, format!("<{action}Response/>")),
            None => (200, "{}".to_owned()),
        })
    }

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    fn region() -> Region {
        Region::new("us-east-1")
    }

    #[tokio::test]
    async fn each_kind_is_changed_with_the_credentials_that_it_says() {
        let actions: [Action; 7] = [
            quarantine::Action::Freeze.into(),
            groups::Action::SuspendGroup {
                region: region(),
                group: GroupName::new("web"),
                already: Default::default(),
            }
            .into(),
            fleets::Action::ZeroFleet {
                region: region(),
                fleet: FleetId::new("fleet-1"),
                kind: FleetKind::Ec2,
                target: 7,
                on_demand: 0,
            }
            .into(),
            spot_requests::Action::CancelSpotRequests { region: region(), requests: vec![SpotRequestId::new("sir-1")] }
                .into(),
            instances::Action::StopInstances {
                region: region(),
                instances: vec![InstanceId::new("i-1")],
                erases: Vec::new(),
            }
            .into(),
            users::Action::DenyUser { user: UserName::new("mallory") }.into(),
            roles::Action::DenyRole { role: RoleName::new("ci") }.into(),
        ];
        for action in &actions {
            let script = willing();
            let answer = actuator(&script).perform(&account(), action, Timestamp::UNIX_EPOCH).await;
            assert_eq!(answer, Ok(Performed::Done), "{action}");
            let has_assumed = script.asked().iter().any(|asked| asked.contains("Action=AssumeRole"));
            assert_eq!(has_assumed, action.kind().actor() == Caller::Member, "{action}");
        }
    }

    #[tokio::test]
    async fn what_was_prepared_is_what_acts_and_nothing_is_changed_by_it() {
        let script = willing();
        let actuator = actuator(&script);
        actuator.prepare(&account()).await;
        let prepared = script.asked();
        assert!(matches!(&prepared[..], [only] if only.contains("Action=AssumeRole")), "{prepared:?}");
        let deny = users::Action::DenyUser { user: UserName::new("mallory") }.into();
        assert_eq!(actuator.perform(&account(), &deny, Timestamp::UNIX_EPOCH).await, Ok(Performed::Done));
        let entered = script.asked().iter().filter(|asked| asked.contains("Action=AssumeRole")).count();
        assert_eq!(entered, 1);
    }

    #[tokio::test]
    async fn an_empty_list_is_refused_without_a_call() {
        let actions: [Action; 4] = [
            instances::Action::StopInstances { region: region(), instances: Vec::new(), erases: Vec::new() }.into(),
            instances::Action::TerminateInstances { region: region(), instances: Vec::new() }.into(),
            instances::Action::StartInstances { region: region(), instances: Vec::new() }.into(),
            spot_requests::Action::CancelSpotRequests { region: region(), requests: Vec::new() }.into(),
        ];
        for action in &actions {
            let script = willing();
            let answer = actuator(&script).perform(&account(), action, Timestamp::UNIX_EPOCH).await;
            let failure = answer.unwrap_err();
            assert_eq!((failure.kind, failure.operation.as_str()), (FailureKind::Invalid, action.operation()));
            assert_eq!(script.asked(), Vec::<String>::new(), "{action}");
        }
    }
}

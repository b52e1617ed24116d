//! Spot requests.

use std::collections::BTreeSet;

use runawaytrain_core::resource::spot_requests::Action;
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::ports::Performed;

use super::case::{Case, cases};
use super::stage::{Machine, Stage, home, instances, perform, running, spot_requests};

pub(super) const CASES: &[Case] = cases![
    a_spot_instance_names_its_request,
    an_empty_list_of_spot_requests_is_refused_and_nothing_happens,
    a_spot_request_is_cancelled_and_its_instance_runs_on,
];

async fn a_spot_instance_names_its_request(stage: &dyn Stage) {
    for (machine, persistent) in [(Machine::SpotPersistent, true), (Machine::SpotOnce, false)] {
        let id = stage.launch(&home(), machine).await;
        let seen = instances(stage, &home()).await;
        let request = seen.into_iter().find(|instance| instance.id == id).unwrap().spot_request.unwrap();
        let requests = spot_requests(stage, &home()).await;
        let request = requests.iter().find(|seen| seen.id == request).unwrap();
        assert_eq!((request.persistent, request.open), (persistent, false));
    }
}

async fn an_empty_list_of_spot_requests_is_refused_and_nothing_happens(stage: &dyn Stage) {
    stage.launch(&home(), Machine::SpotPersistent).await;
    assert_eq!(
        perform(stage, Action::CancelSpotRequests { region: home(), requests: Vec::new() }).await,
        Err(FailureKind::Invalid)
    );
    assert_eq!(spot_requests(stage, &home()).await.len(), 1);
}

async fn a_spot_request_is_cancelled_and_its_instance_runs_on(stage: &dyn Stage) {
    let instance = stage.launch(&home(), Machine::SpotPersistent).await;
    let requests = spot_requests(stage, &home()).await.into_iter().map(|request| request.id).collect();
    assert_eq!(perform(stage, Action::CancelSpotRequests { region: home(), requests }).await, Ok(Performed::Done));
    assert_eq!(spot_requests(stage, &home()).await, []);
    assert_eq!(running(stage, &home()).await, BTreeSet::from([instance]));
}

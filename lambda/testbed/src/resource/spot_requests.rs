//! Spot requests: a persistent one asks again when its instance was terminated.

use std::collections::BTreeMap;

use runawaytrain_core::resource::spot_requests::{Action, SpotRequest};
use runawaytrain_core::vocabulary::failure::Failure;
use runawaytrain_core::vocabulary::ids::SpotRequestId;
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::Answer;
use crate::resource::instances::{Launches, Life, SimInstance, Stubborn};
use crate::resource::view::View;
use crate::tokens::Tokens;

/// Spot requests a page.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>
pub const SPOT_REQUESTS_A_PAGE: usize = 1000;

/// The Spot requests of a region that were not cancelled.
pub type SimSpotRequests = BTreeMap<SpotRequestId, SimSpotRequest>;

/// A Spot request.
#[derive(Debug, Clone)]
pub struct SimSpotRequest {
    /// Whether it asks again when its instance ends.
    pub persistent: bool,
    /// Whether it waits for an instance.
    pub open: bool,
    /// What it launches.
    pub instance_type: String,
}

pub(crate) fn settle(requests: &mut SimSpotRequests, instances: &mut Vec<SimInstance>, launches: &mut Launches) {
    for (id, request) in requests {
        let mut lives = instances.iter().filter(|instance| instance.spot_request.as_ref() == Some(id)).peekable();
        let has_ended = lives.peek().is_some() && lives.all(|instance| instance.life == Life::Terminated);
        request.open |= request.persistent && has_ended;
        if std::mem::take(&mut request.open) {
            let instance = launches.launch(instances, &request.instance_type, Life::starting());
            instance.owner = Some(id.to_string());
            instance.spot_request = Some(id.clone());
        }
    }
}

pub(crate) async fn look(view: &impl View<SimSpotRequests>) -> Result<Vec<SpotRequest>, Failure> {
    let seen = |(id, request): (&SpotRequestId, &SimSpotRequest)| {
        (id.clone(), SpotRequest { id: id.clone(), open: request.open, persistent: request.persistent })
    };
    let all = |requests: &SimSpotRequests| requests.iter().map(seen).collect();
    view.list("ec2:DescribeSpotInstanceRequests", SPOT_REQUESTS_A_PAGE, all).await
}

pub(crate) fn perform(known: &mut SimSpotRequests, action: &Action) -> Answer {
    let Action::CancelSpotRequests { requests, .. } = action;
    known.retain(|id, _| !requests.contains(id));
    Ok(Performed::Done)
}

/// What it takes to make a request with its instance.
type Make = dyn FnOnce(&mut SimSpotRequests, &mut Vec<SimInstance>, &mut Launches) + Send;

/// `spot ID REGION TYPE persistent|once [termination-protected]`: a request with its running instance.
pub(crate) fn read(words: &mut Tokens<'_>) -> Result<(String, Box<Make>), String> {
    let (id, region, instance_type) = (words.owned()?, words.owned()?, words.owned()?);
    let persistent = match words.next()? {
        "persistent" => true,
        "once" => false,
        other => return Err(format!("a Spot request is persistent or once, not {other:?}")),
    };
    let termination_protected = words.after("termination-protected").is_some();
    let make = move |requests: &mut SimSpotRequests, instances: &mut Vec<SimInstance>, launches: &mut Launches| {
        let id = SpotRequestId::new(id);
        let instance = launches.launch(instances, &instance_type, Life::Running);
        instance.spot_request = Some(id.clone());
        instance.termination_protected = termination_protected;
        instance.stubborn = (!persistent).then_some(Stubborn::Unstoppable);
        requests.insert(id, SimSpotRequest { persistent, open: false, instance_type });
    };
    Ok((region, Box::new(make)))
}

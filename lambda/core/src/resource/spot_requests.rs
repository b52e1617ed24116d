//! Spot requests: a persistent one asks again for what was terminated.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::observation::{Need, Observation, Subject};
use crate::policy::AccountPolicy;
use crate::resource::act::{Act, Asked, Description, Part, Undo, write_batch};
use crate::resource::case::{Done, HaltCase, ReleaseCase, Touched};
use crate::resource::draft::{Draft, Lane, SkipReason};
use crate::resource::instances;
use crate::resource::room::{Resource, Scope};
use crate::resource::target::Target;
use crate::vocabulary::ids::{Region, SpotRequestId};
use crate::vocabulary::text::count;

/// Spot requests.
pub struct SpotRequests;

/// A Spot request that may still launch something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotRequest {
    /// Its id.
    pub id: SpotRequestId,
    /// Whether it is not fulfilled yet (`open`). An `active` one has its instance, a `disabled` one's instance is
    /// stopped: to cancel that would terminate it.
    /// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-request-status.html>
    pub open: bool,
    /// Whether it asks again when its instance ends.
    pub persistent: bool,
}

/// What changes Spot requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Action {
    /// Cancel requests that are not fulfilled, or whose instance is about to be terminated.
    CancelSpotRequests {
        /// Where.
        region: Region,
        /// Which; never empty.
        requests: Vec<SpotRequestId>,
    },
}

const CANCEL: &str = "ec2:CancelSpotInstanceRequests";

/// The most requests in one call. EC2 states no limit; one bad id or a refusal is looked for among so many.
const MOST_REQUESTS_A_CALL: usize = 500;

impl Act for Action {
    fn describe(&self) -> Description {
        Description::new(CANCEL, Part::Prepare, "Spot request", "cancelled")
    }

    fn undo(&self) -> Undo<Self> {
        Undo::Never
    }

    fn given_back_by(&self) -> Option<Asked<'_>> {
        None
    }

    fn region(&self) -> Option<&Region> {
        let Self::CancelSpotRequests { region, .. } = self;
        Some(region)
    }

    fn items(&self) -> Vec<&str> {
        let Self::CancelSpotRequests { requests, .. } = self;
        requests.iter().map(SpotRequestId::as_str).collect()
    }

    fn names_nothing(&self) -> bool {
        self.items().is_empty()
    }

    fn with_items(&self, some: &[&str]) -> Option<Self> {
        let Self::CancelSpotRequests { region, .. } = self;
        let requests = some.iter().copied().map(SpotRequestId::new).collect();
        Some(Self::CancelSpotRequests { region: region.clone(), requests })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::CancelSpotRequests { region, requests } = self;
        write_batch(f, "cancel", "Spot request", region, requests)
    }
}

impl Subject for SpotRequests {
    type Sight = Vec<SpotRequest>;
    const NAME: &'static str = "Spot requests";
    const NEED: Need = Need::Halt;
}

impl Resource for SpotRequests {
    type Action = Action;
    const SCOPE: Scope = Scope::Region;
    const READS: &'static [&'static str] = &["ec2:DescribeSpotInstanceRequests"];
    const CALLS: &'static [&'static str] = &[CANCEL];

    fn target(_: &str) -> Target {
        Target::SpotRequest
    }

    fn samples() -> Vec<Action> {
        vec![Action::CancelSpotRequests { region: Region::new("any"), requests: vec![SpotRequestId::new("any")] }]
    }

    fn plan(
        case: &HaltCase<'_>,
        region: Option<&Region>,
        requests: &Vec<SpotRequest>,
        seen: &Observation,
        draft: &mut Draft<Action>,
    ) {
        let open = requests.iter().filter(|request| request.open).map(|request| request.id.clone()).collect();
        cancel(open, case, region, seen, draft);
    }

    /// What is terminated names its request itself.
    fn plan_unseen(case: &HaltCase<'_>, region: Option<&Region>, seen: &Observation, draft: &mut Draft<Action>) {
        cancel(BTreeSet::new(), case, region, seen, draft);
    }

    fn undo(_: &ReleaseCase<'_>, touched: &Touched<'_, Action>, _: &Observation, draft: &mut Draft<Action>) {
        for Done { action: Action::CancelSpotRequests { region, requests }, .. } in &touched.standing {
            draft.skip(format!("{} in {region}", count(requests.len() as u64, "Spot request")), SkipReason::Gone);
        }
    }

    fn announce(_: &AccountPolicy) -> Option<&'static str> {
        Some("Open Spot requests are cancelled.")
    }
}

/// Cancels open requests, and those that would ask again for what is about to be terminated.
fn cancel(
    mut requests: BTreeSet<SpotRequestId>,
    case: &HaltCase<'_>,
    region: Option<&Region>,
    seen: &Observation,
    draft: &mut Draft<Action>,
) {
    let Some(region) = region else { return };
    requests.extend(instances::requests_of_terminated(case, region, seen));
    let requests: Vec<SpotRequestId> = requests.into_iter().collect();
    for batch in batches(&requests) {
        let requests = batch.to_vec();
        draft.add(Lane::Region(region.clone()), Action::CancelSpotRequests { region: region.clone(), requests });
    }
}

fn batches(requests: &[SpotRequestId]) -> impl Iterator<Item = &[SpotRequestId]> {
    requests.chunks(MOST_REQUESTS_A_CALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_cancelled_some_hundred_at_a_time() {
        let requests: Vec<SpotRequestId> =
            (0..1201).map(|number| SpotRequestId::new(format!("sir-{number:04}"))).collect();
        assert_eq!(batches(&requests).map(<[_]>::len).collect::<Vec<_>>(), [500, 500, 201]);
        assert_eq!(batches(&requests).flatten().collect::<Vec<_>>(), requests.iter().collect::<Vec<_>>());
        assert_eq!(batches(&[]).count(), 0);
    }
}

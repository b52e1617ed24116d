//! The account that is contained, as small as may be: two instances in one region, and the quarantine.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use runawaytrain_core::measure::price::Tenancy;
use runawaytrain_core::measure::vcpus::Vcpus;
use runawaytrain_core::observation::Observation;
use runawaytrain_core::plan::ActionResult;
use runawaytrain_core::policy::{AccountPolicy, Policy, PolicyError};
use runawaytrain_core::resource::fleets::Fleets;
use runawaytrain_core::resource::groups::Groups;
use runawaytrain_core::resource::instances::{self, Instance, Instances, Phase};
use runawaytrain_core::resource::quarantine::{self, Attachment, Attachments, Quarantine};
use runawaytrain_core::resource::spot_requests::SpotRequests;
use runawaytrain_core::resource::{Action, ReleaseRequest, Start};
use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId, Region};
use serde_json::json;

/// One more than the limit.
const INSTANCES: usize = 2;

/// What of an account changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct World {
    /// Whether its instances run, all of them or none.
    pub runs: bool,
    /// Whether the quarantine is attached.
    pub attached: bool,
}

impl World {
    /// Past its limit, and nothing done about it.
    pub const TRIPPED: Self = Self { runs: true, attached: false };

    /// All that a close look sees.
    pub fn seen(self, account: &AccountId) -> Observation {
        let region = Region::new("us-east-1");
        let mut seen = Observation::new(account.clone());
        seen.listed = Some(Ok(BTreeSet::from([region.clone()])));
        let phase = if self.runs { Phase::Running } else { Phase::Stopped };
        seen.see::<Instances>(Some(&region), Ok((0..INSTANCES).map(|number| instance(number, phase)).collect()));
        seen.see::<Groups>(Some(&region), Ok(Vec::new()));
        seen.see::<Fleets>(Some(&region), Ok(Vec::new()));
        seen.see::<SpotRequests>(Some(&region), Ok(Vec::new()));
        let quarantine = if self.attached { Attachment::Attached } else { Attachment::Detached };
        let attachments = Attachments { quarantine, ..Attachments::all(Attachment::Undeployed) };
        seen.see::<Quarantine>(None, Ok(attachments));
        seen
    }

    /// What a call comes to when it lands.
    pub fn take(&mut self, action: &Action) -> ActionResult {
        let (part, wanted) = match action {
            Action::Quarantine(action) => (&mut self.attached, action.attaches()),
            Action::Instances(action) => (&mut self.runs, matches!(action, instances::Action::StartInstances { .. })),
            _ => return ActionResult::Done,
        };
        let is_change = std::mem::replace(part, wanted) != wanted;
        let is_policy = matches!(action, Action::Quarantine(quarantine::Action::Freeze | quarantine::Action::Thaw));
        if is_policy && !is_change { ActionResult::AlreadyDone } else { ActionResult::Done }
    }
}

fn instance(number: usize, phase: Phase) -> Instance {
    Instance {
        id: InstanceId::new(format!("i-{number}")),
        instance_type: "t3.micro".to_owned(),
        vcpus: Vcpus { count: 2, estimated: false },
        phase,
        spot_request: None,
        launcher: None,
        managed_by: None,
        operation: "RunInstances".to_owned(),
        tenancy: Tenancy::Shared,
        launched: Some(time(-90 * 86_400)),
    }
}

/// So many seconds after the beginning.
pub fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_316_400).map_or(Timestamp::MIN, |begin| begin + SignedDuration::from_secs(seconds))
}

/// What holds for each of the accounts: no more than one instance, and so many halts in an hour.
pub fn policies(accounts: usize, halts_per_hour: u32) -> Result<Vec<AccountPolicy>, PolicyError> {
    let document = json!({
        "payer": "100000000000",
        "organization": { "id": "o-exampleorg1" },
        "defaults": {
            "limits": { "instances": INSTANCES - 1 },
            "notify": ["cloud@example.edu"],
            "contain": { "users": "leave", "roles": "leave", "models": false },
        },
        "brake": { "haltsPerHour": halts_per_hour },
    });
    let policy = Policy::from_json(&document.to_string())?;
    let account = |number: usize| AccountId::parse(&format!("{:012}", 200_000_000_000 + number));
    Ok((1..=accounts).filter_map(|number| account(number).ok()).map(|id| policy.for_account(&id, None)).collect())
}

/// What the operator asks to have back: all of it.
pub fn request() -> ReleaseRequest {
    ReleaseRequest { start: Start::All, ..ReleaseRequest::default() }
}

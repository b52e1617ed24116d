use std::time::Duration;

use runawaytrain_core::failure::FailureKind;
use runawaytrain_core::ids::{InstanceId, SpotRequestId};
use tokio::time::Instant;

/// From a launch to running.
const LAUNCH: Duration = Duration::from_secs(8);

/// Why an instance refuses to stop, apart from its protections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stubborn {
    /// A one-time Spot instance, or one with an instance-store root: it can only be terminated.
    Unstoppable,
    /// It is listed, but EC2 does not know it when it is named: eventual consistency at its worst.
    Phantom,
}

/// Where an instance is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Pending until it runs; it cannot be stopped before.
    Pending(Instant),
    /// Running.
    Running,
    /// Stopping or stopped: it costs nothing and is not seen.
    Stopped,
    /// Terminated: its evidence is gone.
    Terminated,
}

impl Life {
    /// Launched at this moment.
    pub fn starting() -> Self {
        Self::Pending(Instant::now() + LAUNCH)
    }
}

/// An instance.
#[derive(Debug, Clone)]
pub struct SimInstance {
    /// Its id.
    pub id: InstanceId,
    /// Its type.
    pub instance_type: String,
    /// Its life.
    pub life: Life,
    /// Why it refuses to stop.
    pub stubborn: Option<Stubborn>,
    /// `disableApiStop`.
    pub stop_protected: bool,
    /// `disableApiTermination`.
    pub termination_protected: bool,
    /// The Spot request that it came from.
    pub spot_request: Option<SpotRequestId>,
    /// The group, fleet or request that launched it and launches another when it ends.
    pub owner: Option<String>,
    /// The service that manages it.
    pub managed_by: Option<String>,
}

impl SimInstance {
    pub(crate) fn new(id: InstanceId, instance_type: &str, life: Life) -> Self {
        Self {
            id,
            instance_type: instance_type.to_owned(),
            life,
            stubborn: None,
            stop_protected: false,
            termination_protected: false,
            spot_request: None,
            owner: None,
            managed_by: None,
        }
    }

    pub(crate) fn settle(&mut self) {
        if let Life::Pending(until) = self.life
            && Instant::now() >= until
        {
            self.life = Life::Running;
        }
    }

    /// Whether it costs money.
    pub fn is_billable(&self) -> bool {
        matches!(self.life, Life::Pending(_) | Life::Running)
    }

    /// What StopInstances says of it alone.
    pub(crate) fn refuses_stop(&self) -> Option<FailureKind> {
        match self.stubborn {
            Some(Stubborn::Unstoppable) => Some(FailureKind::Unsupported),
            Some(Stubborn::Phantom) => Some(FailureKind::NotFound),
            None if self.managed_by.is_some() || self.stop_protected => Some(FailureKind::Protected),
            None if matches!(self.life, Life::Pending(_)) => Some(FailureKind::WrongState),
            None if self.life == Life::Terminated => Some(FailureKind::WrongState),
            None => None,
        }
    }

    /// What TerminateInstances says of it alone. Stop protection hinders a termination too.
    pub(crate) fn refuses_termination(&self) -> Option<FailureKind> {
        match self.stubborn {
            Some(Stubborn::Phantom) => Some(FailureKind::NotFound),
            _ if self.managed_by.is_some() || self.stop_protected || self.termination_protected => {
                Some(FailureKind::Protected)
            }
            _ => None,
        }
    }
}

//! How the word of a launch comes from EC2 to the queue: over the bus of the account and the bus of the payer. EC2 tells
//! EventBridge as well as it can, and EventBridge delivers at least once; so a word may be lost, late, or come twice.
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-delivery-level.html>

use std::time::Duration;

use tokio::time::sleep;

use crate::launch_queue::LaunchQueue;

/// How long EC2 takes at the most to tell of an instance that has come to a state. AWS says "near real time"; this is
/// ours.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-instance-state-changes.html>
pub const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// How long a bus takes at the most to hand an event on: AWS speaks of half a second.
/// <https://aws.amazon.com/eventbridge/faqs/>
pub const BUS_WITHIN: Duration = Duration::from_millis(500);

/// How long CloudTrail takes at the most to tell of a call: about five minutes, AWS says.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
pub const TRAIL_WITHIN: Duration = Duration::from_secs(5 * 60);

/// What becomes of one event.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    /// How long its service takes to tell of it.
    pub told: Duration,
    /// How long the bus of the account takes, and the bus of the payer.
    pub buses: [Duration; 2],
    /// How often it arrives; never, where it is lost.
    pub copies: u32,
}

impl Delivery {
    /// Once, and each part of its way takes as long as it may.
    pub fn slowest() -> Self {
        Self { told: TOLD_WITHIN, buses: [BUS_WITHIN; 2], copies: 1 }
    }

    /// Puts the event into the queue, once it has come there.
    pub async fn deliver(self, event: &str, queue: &LaunchQueue) {
        sleep(self.told + self.buses.iter().sum::<Duration>()).await;
        for _ in 0..self.copies {
            queue.send(event);
        }
    }
}

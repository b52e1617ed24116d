//! Who looks on from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runawaytrain_core::vocabulary::ids::{AccountId, InstanceId};
use tokio::task::JoinHandle;

use crate::account::SimAccount;
use crate::testbed::Testbed;
use crate::thief::Thief;
use crate::world::World;

/// How often the world is looked at from outside.
const SAMPLE: Duration = Duration::from_millis(250);

/// What is seen from outside over the whole time, whatever the guard says of it: when the last billable instance ran
/// and when a thief last held something that opened anything.
#[derive(Default)]
pub struct Watched {
    /// Who is at large.
    pub thief: Option<Thief>,
    /// Instances that do not count.
    pub exempt: BTreeSet<InstanceId>,
    /// When something billable last ran, by account.
    pub ran: BTreeMap<AccountId, Duration>,
    /// When the thief last could have acted.
    pub usable: Option<Duration>,
}

/// Looks on until the task is aborted.
pub fn watch(testbed: Testbed, watched: Arc<Mutex<Watched>>) -> JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            watched.lock().expect("not poisoned").sample(&testbed);
            tokio::time::sleep(SAMPLE).await;
        }
    })
}

impl Watched {
    /// Takes a look now.
    pub fn sample(&mut self, testbed: &Testbed) {
        let now = testbed.clock.elapsed();
        for account in testbed.world.accounts() {
            if testbed.world.with(&account, |known| self.billable(known)) > 0 {
                self.ran.insert(account, now);
            }
        }
        if !self.usable(&testbed.world).is_empty() {
            self.usable = Some(now);
        }
    }

    /// Forgets what was seen, but not who is at large.
    pub fn forget(&mut self) {
        (self.ran, self.usable) = (BTreeMap::new(), None);
    }

    /// How many instances cost money that are not exempt.
    pub fn billable(&self, known: &SimAccount) -> usize {
        known.billable().filter(|(_, instance)| !self.exempt.contains(&instance.id)).count()
    }

    /// What the thief could act by now, such as `user:alice`.
    pub fn usable(&self, world: &World) -> Vec<String> {
        let usable = self.thief.as_ref().map(|thief| world.with(thief.account(), |known| thief.usable(known)));
        usable.unwrap_or_default().iter().map(ToString::to_string).collect()
    }
}

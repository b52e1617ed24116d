//! What connections cost, though all requests come in at one address.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use crate::settings::Connections;

/// An API in a region: on AWS an address of its own.
pub(crate) type Host = (String, String);

/// The connections that a client with one pool would have, by host.
///
/// A request takes an idle one, else it opens one and goes on with whichever is free first, the new one or one that
/// became idle meanwhile: so do the pools of HTTP clients.
#[derive(Debug, Default)]
pub(crate) struct Pools(Mutex<HashMap<Host, Arc<Semaphore>>>);

/// One connection to the double, and to which hosts it was one so far.
#[derive(Debug, Default)]
pub(crate) struct Line(Mutex<HashSet<Host>>);

/// A connection in use; idle again when dropped.
pub(crate) struct Taken {
    _permit: Option<OwnedSemaphorePermit>,
    /// Whether one had to be opened for it.
    pub opened: bool,
}

impl Pools {
    /// Waits for a connection.
    pub async fn take(&self, how: Connections, line: &Line, host: Host, setup: Duration) -> Taken {
        match how {
            Connections::Own => {
                let opened = line.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host);
                if opened {
                    sleep(setup).await;
                }
                Taken { _permit: None, opened }
            }
            Connections::Pooled => {
                let pool = {
                    let mut pools = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                    Arc::clone(pools.entry(host).or_insert_with(|| Arc::new(Semaphore::new(0))))
                };
                if let Ok(permit) = Arc::clone(&pool).try_acquire_owned() {
                    return Taken { _permit: Some(permit), opened: false };
                }
                let opening = Arc::clone(&pool);
                tokio::spawn(async move {
                    sleep(setup).await;
                    opening.add_permits(1);
                });
                // It is never closed.
                Taken { _permit: pool.acquire_owned().await.ok(), opened: true }
            }
        }
    }
}

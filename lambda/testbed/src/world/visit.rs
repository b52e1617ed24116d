//! One look into an account, at the things of one kind.

use std::time::Duration;

use runawaytrain_core::resource::Kind;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::{AccountId, Region};
use runawaytrain_engine::ports::Look;
use tokio::time::sleep;

use super::World;
use crate::account::{SimAccount, SimRegion};
use crate::pages::Pages;
use crate::resource::view::View;

/// Where the things of a kind are in an account; `None` in a region that is not enabled.
type Place<T> = for<'a> fn(&'a SimAccount) -> &'a T;
type RegionPlace<T> = for<'a> fn(&'a SimRegion) -> &'a T;

/// A look at the things of one kind.
pub(crate) struct Visit<'a, T> {
    world: &'a World,
    account: &'a AccountId,
    look: &'a Look,
    of: Of<T>,
}

enum Of<T> {
    Account(Place<T>),
    Region(RegionPlace<T>),
}

impl<T> Visit<'_, T> {
    /// Makes a call, and again after each of these waits while it is throttled.
    async fn ask_patiently(&self, operation: &'static str, waits: &[Duration]) -> Result<(), Failure> {
        let mut waits = waits.iter();
        loop {
            match (self.ask(operation).await, waits.next()) {
                (Err(failure), Some(wait)) if failure.kind == FailureKind::Throttled => sleep(*wait).await,
                (answer, _) => return answer,
            }
        }
    }

    fn kind(&self) -> Kind {
        self.look.kind
    }

    fn region(&self) -> Option<&Region> {
        self.look.region.as_ref()
    }

    fn things<'k>(&self, known: &'k SimAccount) -> Option<&'k T> {
        match self.of {
            Of::Account(of) => Some(of(known)),
            Of::Region(of) => known.regions.get(self.region()?).map(of),
        }
    }
}

impl World {
    /// A look at what an account has once.
    pub(crate) fn visit<'a, T>(&'a self, account: &'a AccountId, look: &'a Look, of: Place<T>) -> Visit<'a, T> {
        Visit { world: self, account, look, of: Of::Account(of) }
    }

    /// A look at what is in one of its regions.
    pub(crate) fn visit_region<'a, T>(
        &'a self,
        account: &'a AccountId,
        look: &'a Look,
        of: RegionPlace<T>,
    ) -> Visit<'a, T> {
        Visit { world: self, account, look, of: Of::Region(of) }
    }
}

impl<T> View<T> for Visit<'_, T> {
    async fn pages<K: Ord + Send, S: Send>(
        &self,
        operation: &'static str,
        size: usize,
        all: impl Fn(&T) -> Vec<(K, S)> + Send + Sync,
        waits: &[Duration],
        so_far: impl Fn(&[S]) + Send + Sync,
    ) -> Result<Vec<S>, Failure> {
        let (mut found, mut pages) = (Vec::new(), Pages::new(size));
        loop {
            self.ask_patiently(operation, waits).await?;
            let (page, more) = self.show(operation, |things| pages.next(all(things))).unwrap_or_default();
            found.extend(page);
            so_far(&found);
            if !more {
                return Ok(found);
            }
        }
    }

    async fn ask(&self, operation: &'static str) -> Result<(), Failure> {
        let kind = self.kind();
        assert!(kind.reads().contains(&operation), "{} says nothing of {operation}", kind.name());
        self.world.call(kind.caller(), operation, self.account, self.region()).await
    }

    fn show<S>(&self, operation: &'static str, read: impl FnOnce(&T) -> S) -> Option<S> {
        self.world.show(operation, self.account, |known| self.things(known).map(read)).flatten()
    }
}

//! Which of the instances that a halt stopped a release starts, and why it leaves the others.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::resource::case::{ReleaseCase, Standing, Suspicion};
use crate::resource::draft::SkipReason;
use crate::vocabulary::failure::Failure;
use crate::vocabulary::ids::{InstanceId, Region};
use crate::vocabulary::text::count;

/// What becomes of the stopped instances of a region.
#[derive(Default)]
pub(super) struct Restart {
    /// What is started.
    pub start: Vec<InstanceId>,
    /// What stays as it is, in words, and why.
    pub left: Vec<(String, SkipReason)>,
}

/// Those that stay as they are.
#[derive(Default)]
struct Left<'a> {
    gone: Vec<&'a InstanceId>,
    unasked: Vec<&'a InstanceId>,
    lately: Vec<&'a InstanceId>,
    unseen: Vec<&'a InstanceId>,
    failure: Option<Failure>,
}

impl Restart {
    /// Sorts what a halt stopped. `stands` says how one stands, and nothing of one that runs again.
    pub fn of(
        case: &ReleaseCase<'_>,
        region: &Region,
        stopped: BTreeMap<&InstanceId, Suspicion>,
        stands: impl Fn(&InstanceId) -> Option<Standing>,
    ) -> Self {
        let (mut restart, mut left, wish) = (Self::default(), Left::default(), &case.request.start);
        for (id, suspicion) in stopped {
            let Some(standing) = stands(id) else { continue };
            match case.withheld(standing, wish.wants(id.as_str()), suspicion, id.as_str()) {
                None => restart.start.push(id.clone()),
                Some(SkipReason::Suspicious { .. }) if wish.names(id.as_str()) => restart.start.push(id.clone()),
                Some(SkipReason::Suspicious { .. }) => left.lately.push(id),
                Some(SkipReason::Gone) => left.gone.push(id),
                Some(SkipReason::Unseen { failure }) => {
                    left.unseen.push(id);
                    left.failure = Some(failure);
                }
                Some(_) => left.unasked.push(id),
            }
        }
        let unseen = left.failure.map(|failure| SkipReason::Unseen { failure }).unwrap_or(SkipReason::NotStarted);
        for (ids, what, reason) in [
            (left.gone, "instance", SkipReason::Gone),
            (left.unasked, "stopped instance", SkipReason::NotStarted),
            (left.lately, "stopped instance", SkipReason::LaunchedLately),
            (left.unseen, "stopped instance", unseen),
        ] {
            if !ids.is_empty() {
                let item = format!("{} in {region} ({})", count(ids.len() as u64, what), some(&ids));
                restart.left.push((item, reason));
            }
        }
        restart
    }
}

/// The first of them, and how many more there are.
pub(super) fn some<T: Display>(ids: &[T]) -> String {
    const SHOWN: usize = 50;
    let shown: Vec<String> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if ids.len() > SHOWN { format!(" and {} more", ids.len() - SHOWN) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

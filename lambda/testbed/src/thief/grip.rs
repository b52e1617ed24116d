//! What a thief holds, and what it may do with it.

use std::collections::BTreeSet;
use std::fmt;

use runawaytrain_core::vocabulary::ids::{RoleName, UserName};

use crate::account::SimAccount;
use crate::dice::Dice;
use crate::resource::roles::SimRole;
use crate::resource::users::SimUser;

/// Somebody in whose name a thief acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A user, by one of its keys, its password, or a session made from them.
    User(UserName),
    /// A role, by a session of it.
    Role(RoleName),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Role(name) => write!(f, "role:{name}"),
        }
    }
}

/// What a deed needs besides a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    /// The quarantine leaves it alone: it adds nothing to the bill.
    Plain,
    /// The quarantine denies it: launches, starts, capacity, regions, principals, credentials, and changes of policies.
    Growth,
    /// The policy on models denies it: it is paid by the token.
    Models,
    /// The quarantine denies it, and the protect policy does even in quiet times: what carries our names or StackSets'.
    Guarded,
}

/// A thief's hand.
#[derive(Debug)]
pub(super) struct Hand {
    holds: BTreeSet<Principal>,
    pub dice: Dice,
    pub made: u32,
    pub deeds: u32,
    pub refusals: u32,
}

impl Hand {
    pub fn new(stolen: Vec<Principal>, seed: u64) -> Self {
        Self { holds: stolen.into_iter().collect(), dice: Dice::new(seed), made: 0, deeds: 0, refusals: 0 }
    }

    /// Whoever holds a user's key makes a session of it first: it outlives the key.
    pub fn take_sessions(&mut self, known: &mut SimAccount) {
        let now = known.now();
        for held in &self.holds {
            if let Principal::User(name) = held
                && let Some(user) = known.users.get_mut(name)
                && user.holds_credential()
                && user.can_act()
            {
                user.session = Some(now);
            }
        }
    }

    pub fn hold(&mut self, principal: Principal) {
        self.holds.insert(principal);
    }

    pub fn holds(&self) -> impl Iterator<Item = &Principal> {
        self.holds.iter()
    }

    /// Whatever it holds opens nothing in an account that is locked down.
    pub fn usable(&self, known: &SimAccount) -> Vec<Principal> {
        if *known.lockdown.in_force() {
            return Vec::new();
        }
        let opens = |held: &&Principal| match held {
            Principal::User(name) => known.users.get(name).is_some_and(SimUser::can_act),
            Principal::Role(name) => known.roles.get(name).is_some_and(SimRole::can_act),
        };
        self.holds.iter().filter(opens).cloned().collect()
    }

    /// Whether something it holds may do such a deed now.
    pub fn may(&self, power: Power, known: &SimAccount) -> bool {
        let denied = match power {
            Power::Plain => false,
            Power::Growth => known.is_frozen(),
            Power::Models => *known.models.in_force(),
            Power::Guarded => known.guarded || known.is_frozen(),
        };
        !denied && !self.usable(known).is_empty()
    }

    /// Does something if it may. What happens tells whether there was anything to do.
    pub fn try_to(
        &mut self,
        power: Power,
        known: &mut SimAccount,
        deed: impl FnOnce(&mut Self, &mut SimAccount) -> bool,
    ) {
        if !self.may(power, known) {
            self.refusals += 1;
        } else if deed(self, known) {
            self.deeds += 1;
        }
    }

    /// A name that nobody has yet.
    pub fn name(&mut self, beginning: &str) -> String {
        self.made += 1;
        format!("{beginning}-{}", self.made)
    }
}

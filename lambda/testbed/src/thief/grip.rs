//! What a thief holds, and what it may do with it.

use std::collections::BTreeSet;
use std::fmt;

use runawaytrain_core::vocabulary::ids::{RoleName, UserName};

use crate::account::SimAccount;
use crate::dice::Dice;
use crate::resource::roles::SimRole;
use crate::resource::users::SimUser;
use crate::service_control_policies::{LOCKDOWN, MODELS, PROTECT, QUARANTINE};

/// Somebody in whose name a thief acts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A user, by one of its keys, its password, or a session made from them.
    User(UserName),
    /// A role, by a session of it.
    Role(RoleName),
}

impl Principal {
    /// As policies name it.
    fn arn(&self, known: &SimAccount) -> String {
        let own = known.own();
        match self {
            Self::User(name) => format!("arn:aws:iam::{own}:user/{name}"),
            Self::Role(name) => {
                let path = known.roles.get(name).map_or("/", |role| role.path.as_str());
                format!("arn:aws:iam::{own}:role{path}{name}")
            }
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "user:{name}"),
            Self::Role(name) => write!(f, "role:{name}"),
        }
    }
}

/// What a deed takes: one of these calls, on this.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// Any of them will do.
    pub any_of: &'static [&'static str],
    /// An ARN, or `*` for what has none.
    pub on: String,
}

impl Request {
    /// On nothing in particular.
    pub fn anywhere(calls: &'static [&'static str]) -> Self {
        Self { any_of: calls, on: "*".to_owned() }
    }
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

    /// Whatever it holds that opens anything at all at this moment.
    pub fn usable(&self, known: &SimAccount) -> Vec<Principal> {
        let locked_down = *known.lockdown.in_force();
        let opens = |held: &&Principal| match held {
            Principal::User(name) => known.users.get(name).is_some_and(SimUser::can_act),
            Principal::Role(name) => known.roles.get(name).is_some_and(SimRole::can_act),
        };
        let is_let_in =
            |held: &&Principal| !locked_down || !LOCKDOWN.denies(&held.arn(known), "ec2:DescribeRegions", "*");
        self.holds.iter().filter(opens).filter(is_let_in).cloned().collect()
    }

    /// Whether something it holds may make such a request now: the policies in force are asked, each as it is deployed.
    pub fn may(&self, request: &Request, known: &SimAccount) -> bool {
        let policies = [
            (*known.quarantine.in_force(), &QUARANTINE),
            (*known.models.in_force(), &MODELS),
            (*known.lockdown.in_force(), &LOCKDOWN),
            (known.guarded, &PROTECT),
        ];
        let usable = self.usable(known);
        usable.iter().map(|held| held.arn(known)).any(|held| {
            let is_denied =
                |call| policies.iter().any(|(binds, policy)| *binds && policy.denies(&held, call, &request.on));
            request.any_of.iter().any(|call| !is_denied(call))
        })
    }

    /// Does something if it may. What happens tells whether there was anything to do.
    pub fn try_to(
        &mut self,
        request: &Request,
        known: &mut SimAccount,
        deed: impl FnOnce(&mut Self, &mut SimAccount) -> bool,
    ) {
        if !self.may(request, known) {
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

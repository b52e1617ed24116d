//! The policies of a user or a role besides ours, AWS's deny of everything among them, and how many of them there may
//! be.

use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::deny_all::{DENY_ALL, DenyAll};
use runawaytrain_core::vocabulary::failure::FailureKind;
use runawaytrain_engine::ports::Performed;

use crate::resource::answer::{Answer, done_if, refused};
use crate::time::Lagged;

/// Managed policies that a user or a role may have attached. A boundary is none of them.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const MOST_ATTACHED: usize = 10;
/// Characters of our inline policies without white space, as IAM counts them: of everything, and of older sessions.
pub(crate) const WHOLE_DENY: usize = 113;
pub(crate) const DATED_DENY: usize = 190;

/// The boundary of whoever has one in a scenario.
pub(crate) const A_BOUNDARY: &str = "arn:aws:iam::111111111111:policy/students";

/// What AWS's policy `AWSDenyAll` is to a user or a role, and its permissions boundary. Each bites some seconds after
/// it was written.
#[derive(Debug, Clone)]
pub struct Managed {
    /// Whether AWS's policy is attached.
    pub deny_all: Lagged<bool>,
    /// The permissions boundary, by its ARN. Only AWS's deny of everything takes anything from a thief here.
    pub boundary: Lagged<Option<String>>,
}

impl Default for Managed {
    fn default() -> Self {
        Self { deny_all: Lagged::new(false), boundary: Lagged::new(None) }
    }
}

impl Managed {
    /// Whether everything is denied at this moment. An explicit deny in a boundary binds whatever allows the call, and
    /// the sessions of a role too.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html>
    pub fn denies(&self) -> bool {
        *self.deny_all.in_force() || self.boundary.in_force().as_deref() == Some(DENY_ALL)
    }

    /// As a reader sees it.
    pub fn seen(&self) -> DenyAll {
        DenyAll {
            attached: *self.deny_all.written(),
            is_boundary: self.boundary.written().as_deref() == Some(DENY_ALL),
        }
    }

    /// Attaches AWS's policy beside so many others. One that is attached already may be attached again.
    pub(crate) fn attach(&mut self, action: &impl Act, others: usize) -> Answer {
        if !*self.deny_all.written() && others >= MOST_ATTACHED {
            return Err(refused(action, FailureKind::QuotaFull));
        }
        self.deny_all.write(true);
        Ok(Performed::Done)
    }

    pub(crate) fn detach(&mut self) -> Answer {
        done_if(self.deny_all.write(false))
    }

    pub(crate) fn bound(&mut self, boundary: Option<&str>) -> Answer {
        let before = self.boundary.write(boundary.map(str::to_owned));
        done_if(boundary.is_some() || before.is_some())
    }

    /// Takes AWS's policy off, in either place, as a thief would; whether there was anything to take off.
    pub(crate) fn strip(&mut self) -> bool {
        let DenyAll { attached, is_boundary } = self.seen();
        if attached {
            self.deny_all.write(false);
        }
        if is_boundary {
            self.boundary.write(None);
        }
        attached || is_boundary
    }
}

//! Whose clients the calls about a kind of resource are made with.

use aws_config::SdkConfig;
use aws_sdk_organizations::Client as Organizations;

use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

use crate::member_clients::MemberClients;
use crate::policies::Policies;
use crate::retry::ConnectionLost;

/// The payer's own clients, and what is deployed there.
pub(crate) struct Payer {
    /// With the payer's own credentials: what is attached to a member is the payer's to see and to change.
    pub(crate) organizations: Organizations,
    /// The service control policies that a halt attaches.
    pub(crate) policies: Policies,
    /// Takes sessions as a member's root user.
    pub(crate) sts: aws_sdk_sts::Client,
    /// What the clients of such a session are made of.
    pub(crate) shared: SdkConfig,
}

impl Payer {
    /// The payer's clients of a configuration.
    pub(crate) fn of(shared: &SdkConfig, policies: Policies) -> Self {
        let organizations =
            aws_sdk_organizations::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        let sts = aws_sdk_sts::config::Builder::from(shared).retry_classifier(ConnectionLost).build();
        Self {
            organizations: Organizations::from_conf(organizations),
            policies,
            sts: aws_sdk_sts::Client::from_conf(sts),
            shared: shared.clone(),
        }
    }
}

/// The clients of one of the two callers that a kind may name.
#[derive(Clone, Copy)]
pub(crate) enum Clients<'a> {
    /// The payer's own.
    Payer(&'a Payer),
    /// Those of the session that is around the call, in the member account.
    Member(&'a MemberClients),
}

impl<'a> Clients<'a> {
    /// The payer's, for a call that is made in the payer account.
    pub(crate) fn payer(self, operation: &str) -> Result<&'a Payer, Failure> {
        match self {
            Self::Payer(payer) => Ok(payer),
            Self::Member(_) => Err(misplaced(operation, "this is no call in the member account")),
        }
    }

    /// The session's, for a call that is made in the member account.
    pub(crate) fn member(self, operation: &str) -> Result<&'a MemberClients, Failure> {
        match self {
            Self::Member(session) => Ok(session),
            Self::Payer(_) => Err(misplaced(operation, "this is no call in the payer account")),
        }
    }
}

fn misplaced(operation: &str, why: &str) -> Failure {
    Failure::own(operation, FailureKind::Invalid, why)
}

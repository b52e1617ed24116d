//! The quarantine policy, attached and detached by the payer. Organizations allows two of these a second over the whole
//! organization: the SDK's retries and the engine's patience take care of that.

use aws_sdk_organizations::Client;

use runawaytrain_core::failure::{Failure, FailureKind};
use runawaytrain_core::ids::AccountId;
use runawaytrain_engine::ports::Performed;

use super::done;
use crate::failure;

pub(super) const ATTACH: &str = "organizations:AttachPolicy";
const DETACH: &str = "organizations:DetachPolicy";

pub(super) struct Quarantine {
    client: Client,
    policy: Option<String>,
}

impl Quarantine {
    pub(super) fn new(client: Client, policy: Option<String>) -> Self {
        Self { client, policy }
    }

    pub(super) async fn attach(&self, account: &AccountId) -> Result<Performed, Failure> {
        let call = self.client.attach_policy().policy_id(self.policy(ATTACH)?).target_id(account.as_str());
        already(done!(ATTACH, call), "DuplicatePolicyAttachmentException")
    }

    pub(super) async fn detach(&self, account: &AccountId) -> Result<Performed, Failure> {
        let call = self.client.detach_policy().policy_id(self.policy(DETACH)?).target_id(account.as_str());
        already(done!(DETACH, call), "PolicyNotAttachedException")
    }

    fn policy(&self, operation: &str) -> Result<&str, Failure> {
        self.policy
            .as_deref()
            .ok_or_else(|| failure::own(operation, FailureKind::Invalid, "no quarantine policy is deployed"))
    }
}

/// The refusal that says that it is so already.
fn already(answer: Result<Performed, Failure>, code: &str) -> Result<Performed, Failure> {
    match answer {
        Err(failure) if failure.code.as_deref() == Some(code) => Ok(Performed::AlreadySo),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Script;

    fn quarantine(script: &Script) -> Quarantine {
        Quarantine::new(Client::new(&script.config()), Some("p-quarantine".to_owned()))
    }

    #[tokio::test]
    async fn the_policy_goes_on_the_account_and_nowhere_else() {
        let script = Script::new(|_| (200, "{}".to_owned()));
        let account = AccountId::parse("210987654321").unwrap();
        assert_eq!(quarantine(&script).attach(&account).await, Ok(Performed::Done));
        assert_eq!(quarantine(&script).detach(&account).await, Ok(Performed::Done));
        let asked: Vec<serde_json::Value> =
            script.asked().iter().map(|body| serde_json::from_str(body).unwrap()).collect();
        let expected = serde_json::json!({ "PolicyId": "p-quarantine", "TargetId": "210987654321" });
        assert_eq!(asked, [expected.clone(), expected]);
    }

    #[tokio::test]
    async fn what_is_so_already_is_no_failure() {
        let account = AccountId::parse("210987654321").unwrap();
        let attached = Script::new(|_| (400, r#"{"__type":"DuplicatePolicyAttachmentException"}"#.to_owned()));
        assert_eq!(quarantine(&attached).attach(&account).await, Ok(Performed::AlreadySo));
        let detached = Script::new(|_| (400, r#"{"__type":"PolicyNotAttachedException"}"#.to_owned()));
        assert_eq!(quarantine(&detached).detach(&account).await, Ok(Performed::AlreadySo));
        // The reverse is a failure: nothing was detached.
        assert!(quarantine(&attached).detach(&account).await.is_err());
    }

    #[tokio::test]
    async fn a_full_account_and_a_missing_policy_are_told_apart() {
        let account = AccountId::parse("210987654321").unwrap();
        let kind_of = async |script: Script| quarantine(&script).attach(&account).await.unwrap_err().kind;
        let full = |_: &str| {
            (
                400,
                r#"{"__type":"ConstraintViolationException","Reason":"MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"}"#
                    .to_owned(),
            )
        };
        assert_eq!(kind_of(Script::new(full)).await, FailureKind::Other);
        assert_eq!(
            kind_of(Script::new(|_| (400, r#"{"__type":"PolicyNotFoundException"}"#.to_owned()))).await,
            FailureKind::NotFound
        );
        assert_eq!(
            kind_of(Script::new(|_| (400, r#"{"__type":"PolicyTypeNotEnabledException"}"#.to_owned()))).await,
            FailureKind::Unsupported
        );
    }

    #[tokio::test]
    async fn without_a_policy_nothing_is_called() {
        let script = Script::new(|_| (200, "{}".to_owned()));
        let nothing = Quarantine::new(Client::new(&script.config()), None);
        let failure = nothing.attach(&AccountId::parse("210987654321").unwrap()).await.unwrap_err();
        assert_eq!((failure.kind, failure.operation.as_str(), script.asked().len()), (FailureKind::Invalid, ATTACH, 0));
    }
}

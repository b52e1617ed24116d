//! The root user: what IAM sums up of its credentials, and what takes them away.

use aws_credential_types::Credentials;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::SummaryKeyType;
use aws_sdk_sts::types::PolicyDescriptorType;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::Act;
use runawaytrain_core::resource::root::{Action, LIST_KEYS, RootCredentials};
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};
use runawaytrain_core::vocabulary::ids::AccountId;
use runawaytrain_engine::ports::Performed;

use crate::clients::Payer;
use crate::config;
use crate::failure;
use crate::resource::call::{done, gone_is_fine};
use crate::retry::ConnectionLost;

/// What a session as root may do: list and delete root's credentials, and nothing else.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/security-iam-awsmanpol.html#security-iam-awsmanpol-IAMDeleteRootUserCredentials>
const TASK: &str = "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials";
/// The most that such a session may last; it is used at once, and once.
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html>
const SESSION_SECONDS: i32 = 900;

/// Each of these is 1 or 0; one that is missing says nothing.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html>
pub(super) async fn look(client: &Client) -> Seen<RootCredentials> {
    let answer = client.get_account_summary().send().await;
    let answer = answer.map_err(|error| failure::of("iam:GetAccountSummary", &error))?;
    let says = |key: SummaryKeyType| Some(*answer.summary_map()?.get(&key)? > 0);
    Ok(RootCredentials {
        keys: says(SummaryKeyType::AccountAccessKeysPresent),
        password: says(SummaryKeyType::AccountPasswordPresent),
        mfa: says(SummaryKeyType::AccountMfaEnabled),
    })
}

/// Takes a session as root of the account, and deletes in it what the action says.
pub(super) async fn perform(payer: &Payer, account: &AccountId, action: Action) -> Result<Performed, Failure> {
    let (client, call) = (as_root(payer, account, action.operation()).await?, action.deletion());
    match action {
        Action::DeleteRootPassword => gone_is_fine(done!(call, client.delete_login_profile())),
        Action::DeleteRootKeys => {
            let mut performed = Performed::AlreadyDone;
            for key in keys(&client).await? {
                if gone_is_fine(done!(call, client.delete_access_key().access_key_id(key)))? == Performed::Done {
                    performed = Performed::Done;
                }
            }
            Ok(performed)
        }
    }
}

/// The keys of whoever asks.
async fn keys(client: &Client) -> Result<Vec<String>, Failure> {
    let mut pages = client.list_access_keys().into_paginator().send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failure::of(LIST_KEYS, &error))?;
        keys.extend(page.access_key_metadata().iter().filter_map(|key| key.access_key_id()).map(str::to_owned));
    }
    Ok(keys)
}

/// Only a regional endpoint of STS takes this call, and ours is one.
async fn as_root(payer: &Payer, account: &AccountId, operation: &str) -> Result<Client, Failure> {
    let invalid = |detail: &str| Failure::own(operation, FailureKind::Other, detail);
    let client = &payer.sts;
    let task = PolicyDescriptorType::builder().arn(TASK).build();
    let call = client.assume_root().target_principal(account.as_str()).task_policy_arn(task);
    let answer = call.duration_seconds(SESSION_SECONDS).send().await;
    let answer = answer.map_err(|error| failure::of(operation, &error))?;
    let given = answer.credentials().ok_or_else(|| invalid("the answer holds no credentials"))?;
    let token = Some(given.session_token().to_owned());
    let credentials = Credentials::new(given.access_key_id(), given.secret_access_key(), token, None, "root");
    let settings = aws_sdk_iam::config::Builder::from(&config::under(&payer.shared, credentials));
    Ok(Client::from_conf(settings.retry_classifier(ConnectionLost).build()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::Policies;
    use crate::wire::Script;

    fn summary(entries: &str) -> String {
        let map = format!("<SummaryMap>{entries}</SummaryMap>");
        let result = format!("<GetAccountSummaryResult>{map}</GetAccountSummaryResult>");
        format!("<GetAccountSummaryResponse>{result}</GetAccountSummaryResponse>")
    }

    fn entry(key: &str, value: i32) -> String {
        format!("<entry><key>{key}</key><value>{value}</value></entry>")
    }

    #[tokio::test]
    async fn what_is_missing_in_the_summary_is_unknown_and_not_absent() {
        let whole = entry("AccountAccessKeysPresent", 1) + &entry("AccountPasswordPresent", 0) + &entry("Users", 7);
        let script = Script::new(move |_| (200, summary(&whole)));
        let seen = look(&Client::new(&script.config())).await;
        assert_eq!(seen, Ok(RootCredentials { keys: Some(true), password: Some(false), mfa: None }));
        assert!(script.asked().iter().all(|asked| asked.contains("Action=GetAccountSummary")));
    }

    #[tokio::test]
    async fn a_refusal_is_told() {
        let error = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        let script = Script::new(move |_| (403, error.to_owned()));
        assert_eq!(look(&Client::new(&script.config())).await.unwrap_err().kind, FailureKind::Denied);
    }

    fn account() -> AccountId {
        AccountId::parse("111111111111").unwrap()
    }

    /// A member with two keys of root, one of which is gone by the time that it is to be deleted.
    fn member(asked: &str) -> (u16, String) {
        let action = asked.split('&').find_map(|word| word.strip_prefix("Action=")).unwrap().to_owned();
        let of = |inner: &str| format!("<{action}Response><{action}Result>{inner}</{action}Result></{action}Response>");
        let gone = "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no</Message></Error></ErrorResponse>";
        match action.as_str() {
            "AssumeRoot" => {
                let of_session = [
                    "<AccessKeyId>ASIAROOT</AccessKeyId>",
                    "<SecretAccessKey>secret</SecretAccessKey>",
                    "<SessionToken>token</SessionToken>",
                    "<Expiration>2026-11-22T03:15:00Z</Expiration>",
                ];
                (200, of(&format!("<Credentials>{}</Credentials>", of_session.concat())))
            }
            "ListAccessKeys" => {
                let key = |id: &str| format!("<member><AccessKeyId>{id}</AccessKeyId></member>");
                let keys = key("AKIAONE") + &key("AKIATWO");
                (200, of(&format!("<AccessKeyMetadata>{keys}</AccessKeyMetadata><IsTruncated>false</IsTruncated>")))
            }
            "DeleteAccessKey" if asked.contains("AKIAONE") => (404, gone.to_owned()),
            _ => (200, of("")),
        }
    }

    #[tokio::test]
    async fn roots_credentials_are_deleted_in_a_session_that_can_do_nothing_else() {
        let actions = [
            (Action::DeleteRootKeys, vec!["AssumeRoot", "ListAccessKeys", "DeleteAccessKey", "DeleteAccessKey"]),
            (Action::DeleteRootPassword, vec!["AssumeRoot", "DeleteLoginProfile"]),
        ];
        for (action, calls) in actions {
            let script = Script::new(member);
            let payer = Payer::of(&script.config(), Policies::default());
            assert_eq!(perform(&payer, &account(), action).await, Ok(Performed::Done), "{action}");
            let asked = script.asked();
            let made: Vec<&str> = asked
                .iter()
                .filter_map(|asked| asked.split('&').find_map(|word| word.strip_prefix("Action=")))
                .collect();
            assert_eq!(made, calls, "{action}");
            let assumed = &asked[0];
            assert!(assumed.contains("TargetPrincipal=111111111111") && assumed.contains("DurationSeconds=900"));
            assert!(assumed.contains("root-task%2FIAMDeleteRootUserCredentials"), "{assumed}");
            assert!(asked.iter().all(|asked| !asked.contains("UserName=")), "it is about whoever asks: {asked:?}");
        }
    }

    #[tokio::test]
    async fn without_centralized_root_access_nothing_is_deleted() {
        let error = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
        let script = Script::new(move |_| (403, error.to_owned()));
        let payer = Payer::of(&script.config(), Policies::default());
        let failure = perform(&payer, &account(), Action::DeleteRootKeys).await.unwrap_err();
        assert_eq!((failure.kind, failure.operation.as_str()), (FailureKind::Denied, "sts:AssumeRoot"));
        assert_eq!(script.asked().len(), 1);
    }
}

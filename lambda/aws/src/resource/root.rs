//! The root user: what IAM sums up of its credentials.

use aws_sdk_iam::Client;
use aws_sdk_iam::types::SummaryKeyType;

use runawaytrain_core::observation::Seen;
use runawaytrain_core::resource::root::RootCredentials;

use crate::failure;

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

#[cfg(test)]
mod tests {
    use runawaytrain_core::vocabulary::failure::FailureKind;

    use super::*;
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
}

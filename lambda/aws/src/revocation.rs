//! The inline deny that ends a role's sessions.

use jiff::Timestamp;
use serde_json::{Value, json};

use runawaytrain_core::identity::RoleLock;

use crate::lockout;

/// What ends the sessions that were issued before a time, as IAM's console does it; later ones live.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_revoke-sessions.html>
pub(crate) fn of_sessions_before(time: Timestamp) -> String {
    before(whole_second(time)).to_string()
}

/// What ends all sessions, those to come included.
pub(crate) fn of_everything() -> String {
    everything().to_string()
}

/// What a policy of our name on a role says, if it still says what we wrote.
pub(crate) fn judge(answered: &str) -> RoleLock {
    match lockout::read(answered) {
        Some(found) if found == everything() => RoleLock::Denied,
        // Whatever time it names: the whole must be what we would have written for it.
        Some(found) => match time(&found) {
            Some(time) if found == before(time) => RoleLock::RevokedBefore(time),
            _ => RoleLock::Altered,
        },
        None => RoleLock::Altered,
    }
}

fn time(document: &Value) -> Option<Timestamp> {
    document.pointer("/Statement/0/Condition/DateLessThan/aws:TokenIssueTime")?.as_str()?.parse().ok()
}

/// Tokens are dated by the second, so the second that has begun is covered to its end.
fn whole_second(time: Timestamp) -> Timestamp {
    let second = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(time)
}

fn before(time: Timestamp) -> Value {
    let mut document = everything();
    if let Some(statement) = document.pointer_mut("/Statement/0").and_then(Value::as_object_mut) {
        statement.insert("Condition".to_owned(), json!({ "DateLessThan": { "aws:TokenIssueTime": time.to_string() } }));
    }
    document
}

fn everything() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "RunawayTrainRevoke", "Effect": "Deny", "Action": "*", "Resource": "*" }],
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_revocation_is_what_iam_documents() {
        let expected = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "RunawayTrainRevoke", "Effect": "Deny", "Action": "*", "Resource": "*",
                "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2026-11-22T12:00:00Z" } },
            }],
        });
        assert_eq!(serde_json::from_str::<Value>(&of_sessions_before(noon())).unwrap(), expected);
    }

    #[test]
    fn our_own_words_are_recognized_encoded_or_not() {
        assert_eq!(judge(&of_everything()), RoleLock::Denied);
        assert_eq!(judge(&of_sessions_before(noon())), RoleLock::RevokedBefore(noon()));
        assert_eq!(judge(&utf8_percent_encode(&of_sessions_before(noon()), NON_ALPHANUMERIC).to_string()), RoleLock::RevokedBefore(noon()));
    }

    #[test]
    fn a_second_that_has_begun_is_revoked_whole() {
        let written = of_sessions_before("2026-11-22T11:59:59.000000001Z".parse().unwrap());
        assert_eq!(judge(&written), RoleLock::RevokedBefore(noon()));
    }

    #[test]
    fn other_words_under_its_name_are_altered() {
        let ours = of_sessions_before(noon());
        let others = [
            ours.replace("Deny", "Allow"),
            ours.replace("DateLessThan", "DateGreaterThan"),
            ours.replace("aws:TokenIssueTime", "aws:CurrentTime"),
            ours.replace("12:00:00Z", "12:00:00+00:00"),
            ours.replace("2026-11-22T12:00:00Z", "some day"),
            ours.replace(r#""Action":"*""#, r#""Action":"ec2:*""#),
            ours.replace(r#""Condition":{"#, r#""Condition":{"Bool":{"aws:SecureTransport":"false"},"#),
            String::new(),
            "%FF".to_owned(),
        ];
        for other in others {
            assert_ne!(other, ours);
            assert_eq!(judge(&other), RoleLock::Altered, "{other}");
        }
    }
}

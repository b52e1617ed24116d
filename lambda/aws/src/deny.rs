//! The inline denies of a halt: one document for users and roles, of everything or of the sessions that were issued
//! before a time.

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// What a policy of our name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// Exactly our deny of everything.
    Everything,
    /// Exactly our deny of the sessions issued before this time.
    SessionsBefore(Timestamp),
    /// Something else: somebody changed it.
    Other,
}

/// Denies everything. It ends running sessions too, for each of their calls is judged anew.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html>
pub(crate) fn everything(sid: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": sid, "Effect": "Deny", "Action": "*", "Resource": "*" }],
    })
}

/// Denies everything to the sessions that were issued before a time, as IAM's console does it; later ones live. A call
/// that is signed with a long-term key carries no `aws:TokenIssueTime`, so the condition does not hold for it and the
/// key works.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-tokenissuetime>
pub(crate) fn sessions_before(sid: &str, time: Timestamp) -> Value {
    exactly_before(sid, whole_second(time))
}

/// Denies everything to the sessions that were issued until now, and to those of a while ahead.
pub(crate) fn sessions_so_far(sid: &str, now: Timestamp, ahead: SignedDuration) -> Value {
    sessions_before(sid, now.checked_add(ahead).unwrap_or(Timestamp::MAX))
}

/// What a policy says, as IAM answers it: URL-encoded. Compared as JSON, for order and white space mean nothing.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html>
pub(crate) fn judge(sid: &str, answered: &str) -> Found {
    match read(answered) {
        Some(found) if found == everything(sid) => Found::Everything,
        // Whatever time it names: the whole must be what we would have written for it.
        Some(found) => match time(&found) {
            Some(time) if found == exactly_before(sid, time) => Found::SessionsBefore(time),
            _ => Found::Other,
        },
        None => Found::Other,
    }
}

/// A policy document as IAM answers it, in plain words.
pub(crate) fn decode(answered: &str) -> String {
    percent_decode_str(answered).decode_utf8_lossy().into_owned()
}

fn read(answered: &str) -> Option<Value> {
    serde_json::from_str(&decode(answered)).ok()
}

fn time(document: &Value) -> Option<Timestamp> {
    document.pointer("/Statement/0/Condition/DateLessThan/aws:TokenIssueTime")?.as_str()?.parse().ok()
}

/// Tokens are dated by the second, so the second that has begun is covered to its end.
fn whole_second(time: Timestamp) -> Timestamp {
    let second = time.as_second() + i64::from(time.subsec_nanosecond() > 0);
    Timestamp::from_second(second).unwrap_or(time)
}

fn exactly_before(sid: &str, time: Timestamp) -> Value {
    let mut document = everything(sid);
    if let Some(statement) = document.pointer_mut("/Statement/0").and_then(Value::as_object_mut) {
        statement.insert("Condition".to_owned(), json!({ "DateLessThan": { "aws:TokenIssueTime": time.to_string() } }));
    }
    document
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    const SID: &str = "RunawayTrainRevoke";

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
        assert_eq!(sessions_before(SID, noon()), expected);
    }

    #[test]
    fn our_own_words_are_recognized_encoded_or_not() {
        for (ours, found) in
            [(everything(SID), Found::Everything), (sessions_before(SID, noon()), Found::SessionsBefore(noon()))]
        {
            assert_eq!(judge(SID, &ours.to_string()), found);
            assert_eq!(judge(SID, &utf8_percent_encode(&ours.to_string(), NON_ALPHANUMERIC).to_string()), found);
        }
        let statement = r#"{"Resource":"*","Action":"*","Effect":"Deny","Sid":"RunawayTrainRevoke"}"#;
        let reordered = format!(r#"{{ "Statement": [ {statement} ], "Version": "2012-10-17" }}"#);
        assert_eq!(judge(SID, &reordered), Found::Everything);
    }

    #[test]
    fn a_revocation_reaches_so_far_ahead_of_its_call() {
        let half_a_minute = SignedDuration::from_secs(30);
        let written = sessions_so_far(SID, "2026-11-22T11:59:30Z".parse().unwrap(), half_a_minute);
        assert_eq!(judge(SID, &written.to_string()), Found::SessionsBefore(noon()));
        assert_eq!(
            judge(SID, &sessions_so_far(SID, Timestamp::MAX, half_a_minute).to_string()),
            Found::SessionsBefore(Timestamp::MAX)
        );
    }

    #[test]
    fn a_second_that_has_begun_is_revoked_whole() {
        let written = sessions_before(SID, "2026-11-22T11:59:59.000000001Z".parse().unwrap());
        assert_eq!(judge(SID, &written.to_string()), Found::SessionsBefore(noon()));
    }

    #[test]
    fn other_words_under_its_name_are_altered() {
        let ours = sessions_before(SID, noon()).to_string();
        let others = [
            ours.replace("Deny", "Allow"),
            ours.replace("DateLessThan", "DateGreaterThan"),
            ours.replace("aws:TokenIssueTime", "aws:CurrentTime"),
            ours.replace("12:00:00Z", "12:00:00+00:00"),
            ours.replace("2026-11-22T12:00:00Z", "some day"),
            ours.replace(r#""Action":"*""#, r#""Action":"ec2:*""#),
            ours.replace(r#""Condition":{"#, r#""Condition":{"Bool":{"aws:SecureTransport":"false"},"#),
            everything(SID).to_string().replace(
                r#""Resource":"*""#,
                r#""Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#,
            ),
            everything("AnotherSid").to_string(),
            String::new(),
            "not json".to_owned(),
            "%FF".to_owned(),
        ];
        for other in others {
            assert_ne!(other, ours);
            assert_eq!(judge(SID, &other), Found::Other, "{other}");
        }
    }
}

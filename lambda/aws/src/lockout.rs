//! The inline deny that locks a user out.

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use runawaytrain_core::identity::Lockout;

/// The document as it is put on a user: it ends running sessions too, for each of their calls is judged anew.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html>
pub(crate) fn document() -> String {
    value().to_string()
}

/// Whether a policy of the lockout's name still says what we wrote.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html>
pub(crate) fn judge(answered: &str) -> Lockout {
    // Compared as JSON: order and white space mean nothing.
    if read(answered) == Some(value()) { Lockout::InForce } else { Lockout::Altered }
}

/// A policy document as IAM answers it, URL-encoded; nothing where it is no JSON.
pub(crate) fn read(answered: &str) -> Option<Value> {
    serde_json::from_str(&percent_decode_str(answered).decode_utf8_lossy()).ok()
}

fn value() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "RunawayTrainLockout", "Effect": "Deny", "Action": "*", "Resource": "*" }],
    })
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

    use super::*;

    #[test]
    fn our_own_words_are_recognized_encoded_or_not() {
        assert_eq!(judge(&document()), Lockout::InForce);
        assert_eq!(judge(&utf8_percent_encode(&document(), NON_ALPHANUMERIC).to_string()), Lockout::InForce);
        let reordered = r#"{ "Statement": [ {"Resource":"*","Action":"*","Effect":"Deny","Sid":"RunawayTrainLockout"} ], "Version": "2012-10-17" }"#;
        assert_eq!(judge(reordered), Lockout::InForce);
    }

    #[test]
    fn other_words_under_its_name_are_altered() {
        let softened = document().replace("Deny", "Allow");
        let conditional = document().replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}"#);
        assert_ne!(conditional, document());
        for other in [softened.as_str(), conditional.as_str(), "", "not json", "%FF"] {
            assert_eq!(judge(other), Lockout::Altered, "{other}");
        }
    }
}

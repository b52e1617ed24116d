//! Why AWS did not answer, in words for the person who runs the command, and what to do about it.

use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};
use runawaytrain_core::vocabulary::text::clean;

use crate::finding::Cure;

const EXPIRED: [&str; 3] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// One sentence, without its end.
pub fn sentence(failure: &Failure) -> String {
    let operation = &failure.operation;
    let code = failure.code.as_deref().map(clean);
    let in_brackets = code.as_ref().map_or_else(|| clean(&failure.detail), Clone::clone);
    match failure.kind {
        FailureKind::Denied => match failure.denied_by {
            Some(DeniedBy::Organization) => {
                format!("needs permission {operation}, which a policy of the organization denies")
            }
            Some(DeniedBy::Boundary) => format!("needs permission {operation}, which a permissions boundary denies"),
            Some(DeniedBy::Role) | None => format!("needs permission {operation}"),
        },
        FailureKind::Credentials if has_expired(failure) => "the credentials have expired".to_owned(),
        FailureKind::Credentials => format!("there are no working credentials ({in_brackets})"),
        FailureKind::Throttled => format!("AWS asks for patience at {operation} ({in_brackets})"),
        FailureKind::Unavailable if code.is_none() => {
            format!("AWS could not be reached for {operation} ({in_brackets})")
        }
        FailureKind::Unavailable => format!("AWS itself failed at {operation} ({in_brackets})"),
        FailureKind::Contended
        | FailureKind::QuotaFull
        | FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::NotBegun
        | FailureKind::Other => match code {
            Some(code) => format!("{operation} was refused with {code}: {}", clean(&failure.detail)),
            None => format!("{operation}: {}", clean(&failure.detail)),
        },
    }
}

/// What to do, where something can be done.
pub fn cure(failure: &Failure) -> Option<Cure> {
    let operation = &failure.operation;
    Some(match failure.kind {
        FailureKind::Denied => Cure::new(format!("allow {operation} to whoever runs this, then run it again")),
        FailureKind::Credentials if has_expired(failure) => {
            Cure::new("aws sso login").remarked("or renew the session in the way that you began it")
        }
        FailureKind::Credentials => {
            let remark = "renews a profile's session; `aws configure sso` makes a profile, --profile NAME takes it; \
                          one with mfa_serial needs a session made beforehand";
            Cure::new("aws sso login").remarked(remark)
        }
        FailureKind::Throttled => Cure::new("run it again in a minute"),
        FailureKind::Unavailable if failure.code.is_none() => {
            Cure::new("look at the network and at HTTPS_PROXY, then run it again")
        }
        FailureKind::Unavailable => Cure::new("run it again in a minute"),
        FailureKind::Contended => Cure::new("run it again in a few minutes"),
        FailureKind::QuotaFull
        | FailureKind::NotFound
        | FailureKind::WrongState
        | FailureKind::Unsupported
        | FailureKind::Protected
        | FailureKind::Invalid
        | FailureKind::NotBegun
        | FailureKind::Other => return None,
    })
}

fn has_expired(failure: &Failure) -> bool {
    failure.code.as_deref().is_some_and(|code| EXPIRED.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(kind: FailureKind, code: Option<&str>) -> Failure {
        Failure { code: code.map(str::to_owned), ..Failure::own("organizations:ListRoots", kind, "words") }
    }

    #[test]
    fn each_kind_is_a_sentence_and_what_to_do() {
        let cases = [
            (
                FailureKind::Denied,
                Some("AccessDenied"),
                "needs permission organizations:ListRoots",
                "allow organizations",
            ),
            (FailureKind::Credentials, Some("ExpiredToken"), "the credentials have expired", "aws sso login"),
            (FailureKind::Credentials, Some("InvalidClientTokenId"), "no working credentials (Inv", "aws sso login"),
            (FailureKind::Credentials, None, "there are no working credentials (words)", "aws sso login"),
            (FailureKind::Unavailable, None, "could not be reached for organizations:ListRoots", "look at the network"),
            (FailureKind::Unavailable, Some("InternalError"), "AWS itself failed at", "run it again"),
            (FailureKind::Throttled, Some("Throttling"), "AWS asks for patience", "run it again"),
        ];
        for (kind, code, said, todo) in cases {
            let failure = refused(kind, code);
            assert!(sentence(&failure).contains(said), "{}", sentence(&failure));
            assert!(cure(&failure).unwrap().exact.starts_with(todo), "{kind:?}");
        }
        let odd = refused(FailureKind::Other, Some("NeverHeardOf"));
        assert_eq!(sentence(&odd), "organizations:ListRoots was refused with NeverHeardOf: words");
        assert_eq!(cure(&odd), None);
    }

    #[test]
    fn what_aws_quotes_forges_no_line() {
        let failure = Failure { detail: "a\nb\u{1b}[31m".into(), ..refused(FailureKind::Other, Some("X")) };
        assert_eq!(sentence(&failure), "organizations:ListRoots was refused with X: a b[31m");
    }
}

//! The one place that turns the SDK's errors into the project's own. It judges by error code ([`answer`]) and by the
//! kind of the error, never by words: those only choose words.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use runawaytrain_core::vocabulary::answer;
use runawaytrain_core::vocabulary::failure::{Failure, FailureKind};

/// What a failed call comes to. The operation is written as IAM spells it, such as `ec2:DescribeInstances`.
pub(crate) fn of<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let own = |kind, detail| Failure::own(operation, kind, detail);
    match error {
        SdkError::ServiceError(answer) => {
            let (status, said) = (answer.raw().status().as_u16(), answer.err());
            answer::refused(operation, status, said.code(), said.message())
        }
        // An answer that cannot be read is no answer: a proxy's page, a body cut short.
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            let kind = answer::kind_of_status(status).unwrap_or(FailureKind::Unavailable);
            own(kind, format!("HTTP status {status}: {}", Chain(error)))
        }
        SdkError::TimeoutError(_) => own(FailureKind::Unavailable, "no answer in time".to_owned()),
        SdkError::ConstructionFailure(_) => own(FailureKind::Invalid, Chain(error).to_string()),
        _ => own(FailureKind::Unavailable, Chain(error).to_string()),
    }
}

/// An error and what caused it, in the words meant for people: the SDK's own printer adds a dump of its types.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Notes which members of a batch the answer names. Only a hint for whom to take out first: nothing is decided by it.
pub(crate) fn naming(mut failure: Failure, batch: &[&str]) -> Failure {
    let mentioned: Vec<&str> =
        failure.detail.split(|character: char| !(character.is_ascii_alphanumeric() || character == '-')).collect();
    failure.named = batch.iter().filter(|id| mentioned.contains(id)).map(|id| (*id).to_owned()).collect();
    failure
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::stop_instances::StopInstancesError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;
    use runawaytrain_core::vocabulary::failure::DeniedBy;

    fn answer(status: u16, code: &str, message: &str) -> Failure {
        let error = StopInstancesError::generic(ErrorMetadata::builder().code(code).message(message).build());
        of(
            "ec2:StopInstances",
            &SdkError::service_error(error, HttpResponse::new(status.try_into().unwrap(), SdkBody::empty())),
        )
    }

    #[test]
    fn codes_decide() {
        let cases = [
            ("RequestLimitExceeded", FailureKind::Throttled),
            ("Throttling", FailureKind::Throttled),
            ("UnauthorizedOperation", FailureKind::Denied),
            ("ExpiredToken", FailureKind::Credentials),
            ("RequestExpired", FailureKind::Credentials),
            ("UnrecognizedClientException", FailureKind::Credentials),
            ("AuthFailure", FailureKind::Credentials),
            ("InvalidClientTokenId", FailureKind::Credentials),
            ("SignatureDoesNotMatch", FailureKind::Credentials),
            ("IncompleteSignature", FailureKind::Credentials),
            // STS is not active in the region for the account that asks: the payer.
            ("RegionDisabledException", FailureKind::Credentials),
            ("LimitExceeded", FailureKind::QuotaFull),
            ("LimitExceededException", FailureKind::QuotaFull),
            ("TooManyRequestsException", FailureKind::Throttled),
            ("ProvisionedThroughputExceededException", FailureKind::Throttled),
            ("ConcurrentModificationException", FailureKind::Contended),
            ("OptInRequired", FailureKind::Denied),
            ("InvalidInstanceID.NotFound", FailureKind::NotFound),
            ("InvalidInstanceID.Malformed", FailureKind::Invalid),
            ("NoSuchEntity", FailureKind::NotFound),
            ("IncorrectInstanceState", FailureKind::WrongState),
            ("UnsupportedOperation", FailureKind::Unsupported),
            ("OperationNotPermitted", FailureKind::Protected),
            ("DeleteConflict", FailureKind::Contended),
            ("ScalingActivityInProgress", FailureKind::Contended),
            ("FleetNotInModifiableState", FailureKind::WrongState),
            ("InvalidSpotInstanceRequestID.NotFound", FailureKind::NotFound),
            ("PolicyTypeNotEnabledException", FailureKind::Unsupported),
            // All sorts of limits and rules of Organizations: the code does not say which.
            ("ConstraintViolationException", FailureKind::Other),
            ("NeverHeardOf", FailureKind::Other),
        ];
        for (code, kind) in cases {
            let failure = answer(400, code, "whatever");
            assert_eq!((failure.kind, failure.code.as_deref()), (kind, Some(code)), "{code}");
        }
    }

    #[test]
    fn who_denied_is_said_where_aws_says_it() {
        let user =
            "User: arn:aws:sts::111111111111:assumed-role/RunawayTrainResponder/s is not authorized to perform: ";
        let cases = [
            (
                "iam:PutUserPolicy on resource: user bob with an explicit deny in a service control policy",
                Some(DeniedBy::Organization),
            ),
            (
                "iam:PutUserPolicy on resource: user bob with an explicit deny in a service control policy: \
                 arn:aws:organizations::1:policy/o-a/service_control_policy/p-b",
                Some(DeniedBy::Organization),
            ),
            (
                "ec2:StopInstances because no service control policy allows the ec2:StopInstances action",
                Some(DeniedBy::Organization),
            ),
            (
                "iam:PutUserPolicy because no permissions boundary allows the iam:PutUserPolicy action",
                Some(DeniedBy::Boundary),
            ),
            ("iam:PutUserPolicy with an explicit deny in an identity-based policy", Some(DeniedBy::Role)),
            (
                "iam:PutUserPolicy because no identity-based policy allows the iam:PutUserPolicy action",
                Some(DeniedBy::Role),
            ),
            ("iam:PutUserPolicy on resource: user service control policy", None),
            ("Encoded authorization failure message: abc", None),
        ];
        for (message, denied_by) in cases {
            let failure = answer(403, "AccessDenied", &format!("{user}{message}"));
            assert_eq!((failure.kind, failure.denied_by), (FailureKind::Denied, denied_by), "{message}");
        }
        let other = answer(400, "NeverHeardOf", "with an explicit deny in a service control policy");
        assert_eq!((other.kind, other.denied_by), (FailureKind::Other, None));
    }

    #[test]
    fn words_do_not_decide() {
        assert_eq!(
            answer(400, "NeverHeardOf", "Request limit exceeded. Access denied. Not found.").kind,
            FailureKind::Other
        );
    }

    #[test]
    fn an_unknown_code_leaves_it_to_the_status() {
        assert_eq!(answer(503, "NeverHeardOf", "").kind, FailureKind::Unavailable);
        assert_eq!(answer(403, "NeverHeardOf", "").kind, FailureKind::Denied);
    }

    #[test]
    fn no_answer_is_unavailable() {
        let timeout: SdkError<StopInstancesError, HttpResponse> = SdkError::timeout_error("slow");
        assert_eq!(of("ec2:StopInstances", &timeout).kind, FailureKind::Unavailable);
        let reset: SdkError<StopInstancesError, HttpResponse> =
            SdkError::dispatch_failure(ConnectorError::io("reset".into()));
        assert_eq!(of("ec2:StopInstances", &reset).kind, FailureKind::Unavailable);
    }

    #[test]
    fn only_members_of_the_batch_are_named() {
        let batch = ["i-0aaa", "i-0bbb", "i-0bb"];
        let failure = answer(400, "InvalidInstanceID.NotFound", "The instance IDs 'i-0bbb, i-0ccc' do not exist");
        assert_eq!(naming(failure, &batch).named, ["i-0bbb"]);
    }
}

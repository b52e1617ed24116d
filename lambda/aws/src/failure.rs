//! The one place that turns the SDK's errors into the project's own. It judges by error code and by the kind of the
//! error, never by words: those only choose words.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use runawaytrain_core::vocabulary::failure::{DeniedBy, Failure, FailureKind};

/// What a failed call comes to. The operation is written as IAM spells it, such as `ec2:DescribeInstances`.
pub(crate) fn of<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let (kind, code, detail) = match error {
        SdkError::ServiceError(answer) => {
            let (code, message) = (answer.err().code(), answer.err().message());
            let status = answer.raw().status().as_u16();
            (
                kind_of(code, status),
                code.map(str::to_owned),
                message.map_or_else(|| format!("HTTP status {status}"), str::to_owned),
            )
        }
        // An answer that cannot be read is no answer: a proxy's page, a body cut short.
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            (
                kind_of_status(status).unwrap_or(FailureKind::Unavailable),
                None,
                format!("HTTP status {status}: {}", Chain(error)),
            )
        }
        SdkError::TimeoutError(_) => (FailureKind::Unavailable, None, "no answer in time".to_owned()),
        SdkError::ConstructionFailure(_) => (FailureKind::Invalid, None, Chain(error).to_string()),
        _ => (FailureKind::Unavailable, None, Chain(error).to_string()),
    };
    let denied_by = if kind == FailureKind::Denied { denied_by(&detail) } else { None };
    Failure { operation: operation.to_owned(), kind, code, detail, named: Vec::new(), denied_by }
}

/// Whose policy denied a call, by the type of policy that AWS's message names: as what denies the call, or as what does
/// not allow it. The one place that reads a message, and nothing is done by it: it chooses words for people.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>
fn denied_by(message: &str) -> Option<DeniedBy> {
    let names = |policy: &str| {
        ["with an explicit deny in a ", "with an explicit deny in an ", "because no "]
            .iter()
            .any(|words| message.split(words).skip(1).any(|rest| rest.trim_start().starts_with(policy)))
    };
    if names("service control policy") || names("resource control policy") {
        Some(DeniedBy::Organization)
    } else if names("permissions boundary") {
        Some(DeniedBy::Boundary)
    } else if names("identity-based policy") {
        Some(DeniedBy::Role)
    } else {
        None
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

fn kind_of(code: Option<&str>, status: u16) -> FailureKind {
    code.and_then(kind_of_code).or_else(|| kind_of_status(status)).unwrap_or(FailureKind::Other)
}

/// What a code means, whichever service says it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_SuspendProcesses.html>,
/// <https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html>,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
fn kind_of_code(code: &str) -> Option<FailureKind> {
    Some(match code {
        "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "Throttled"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => FailureKind::Throttled,

        // EC2 says AuthFailure of credentials that "could not be validated".
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        | "InvalidSecurityException"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RegionDisabledException"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => FailureKind::Credentials,

        "AccessDenied"
        | "AccessDeniedException"
        | "AccessDeniedForDependencyException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "Blocked"
        | "NotAuthorized"
        | "OptInRequired"
        | "PendingVerification"
        | "SubscriptionRequired"
        | "UnauthorizedOperation" => FailureKind::Denied,

        // Of things, not of calls; what AWS has none left of as well. DynamoDB says LimitExceededException of tables
        // that are made and changed, which nothing here does; calls that are too many it calls throttled.
        "InstanceLimitExceeded"
        | "InsufficientHostCapacity"
        | "InsufficientInstanceCapacity"
        | "InsufficientReservedInstanceCapacity"
        | "LimitExceeded"
        | "LimitExceededException"
        | "MaxSpotInstanceCountExceeded"
        | "VcpuLimitExceeded" => FailureKind::QuotaFull,

        "AccountNotFoundException"
        | "NoSuchEntity"
        | "NoSuchEntityException"
        | "NotFound"
        | "NotFoundException"
        | "PolicyNotFoundException"
        | "ResourceNotFound"
        | "ResourceNotFoundException"
        | "TargetNotFoundException" => FailureKind::NotFound,

        "InternalError"
        | "InternalErrorException"
        | "InternalFailure"
        | "InternalServerError"
        | "InternalServiceError"
        | "InternalServiceFault"
        | "RequestTimeout"
        | "RequestTimeoutException"
        | "ServiceException"
        | "ServiceFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable" => FailureKind::Unavailable,

        "EntityTemporarilyUnmodifiable"
        | "EntityTemporarilyUnmodifiableException"
        | "FleetNotInModifiableState"
        | "IncorrectInstanceState"
        | "IncorrectSpotRequestState"
        | "IncorrectState" => FailureKind::WrongState,

        "AWSOrganizationsNotInUseException"
        | "PolicyTypeNotEnabledException"
        | "UnmodifiableEntity"
        | "UnmodifiableEntityException"
        | "Unsupported"
        | "UnsupportedAPIEndpointException"
        | "UnsupportedHibernationConfiguration"
        | "UnsupportedInstanceAttribute"
        | "UnsupportedOperation" => FailureKind::Unsupported,

        "OperationNotPermitted" => FailureKind::Protected,

        "ConcurrentModification"
        | "ConcurrentModificationException"
        | "ConditionalCheckFailedException"
        | "DeleteConflict"
        | "DeleteConflictException"
        | "EntityAlreadyExists"
        | "FinalizingOrganizationException"
        | "IdempotentParameterMismatchException"
        | "PolicyChangesInProgressException"
        | "ResourceContention"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "ScalingActivityInProgress"
        | "TransactionCanceledException"
        | "TransactionConflictException"
        | "TransactionInProgressException" => FailureKind::Contended,

        "InvalidAction"
        | "InvalidInput"
        | "InvalidInputException"
        | "InvalidParameter"
        | "InvalidParameterCombination"
        | "InvalidParameterException"
        | "InvalidParameterValue"
        | "InvalidRequest"
        | "InvalidTargetCapacitySpecification"
        | "InvalidUserType"
        | "MalformedPolicyDocument"
        | "MalformedQueryString"
        | "MissingParameter"
        | "MissingParameterException"
        | "ParameterValueInvalid"
        | "SerializationException"
        | "UnknownOperationException"
        | "UnknownParameter"
        | "ValidationError"
        | "ValidationException" => FailureKind::Invalid,

        // EC2 forms codes by the thing's name: InvalidInstanceID.NotFound, InvalidUserID.Malformed.
        code if code.starts_with("Invalid") && code.ends_with(".NotFound") => FailureKind::NotFound,
        code if code.starts_with("Invalid") && code.ends_with(".Malformed") => FailureKind::Invalid,
        _ => return None,
    })
}

/// Where the code says nothing, the status still does.
fn kind_of_status(status: u16) -> Option<FailureKind> {
    match status {
        401 | 403 => Some(FailureKind::Denied),
        429 => Some(FailureKind::Throttled),
        500.. => Some(FailureKind::Unavailable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::operation::stop_instances::StopInstancesError;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

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

//! What an answer of AWS that refuses a call means: by its error code, and where there is none by its HTTP status.

use super::failure::{DeniedBy, Failure, FailureKind};

/// What a refusal comes to. The operation is written as IAM spells it, such as `ec2:DescribeInstances`.
pub fn refused(operation: &str, status: u16, code: Option<&str>, message: Option<&str>) -> Failure {
    let kind = kind_of(code, status);
    let detail = message.map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    let denied_by = if kind == FailureKind::Denied { denied_by(&detail) } else { None };
    Failure { code: code.map(str::to_owned), denied_by, ..Failure::own(operation, kind, detail) }
}

/// What kind of failure an answer with this code and HTTP status is.
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
        | "OperationInProgressException"
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
pub fn kind_of_status(status: u16) -> Option<FailureKind> {
    match status {
        401 | 403 => Some(FailureKind::Denied),
        429 => Some(FailureKind::Throttled),
        500.. => Some(FailureKind::Unavailable),
        _ => None,
    }
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

"""Why AWS did not answer, told by the error's code or type and never by its words."""

from dataclasses import dataclass
from enum import Enum

from botocore import exceptions as boto

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_CREDENTIALS = {
    "AuthFailure", "IncompleteSignature", "InvalidAccessKeyId", "InvalidClientTokenId", "MissingAuthenticationToken",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
}
_THROTTLED = {"RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException"}
_FAULT = {"InternalError", "InternalFailure", "InternalServerError", "InternalServerException", "ServiceException", "ServiceUnavailable"}

# Where IAM calls the permission otherwise than the API calls the operation.
_PERMISSIONS = {"lambda:Invoke": "lambda:InvokeFunction"}


class Kind(Enum):
    DENIED = "denied"
    EXPIRED = "expired"
    CREDENTIALS = "credentials"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    FAULT = "fault"
    OTHER = "other"


@dataclass(eq=False)  # not frozen: Python writes the traceback into what is raised
class Refusal(Exception):
    """One call that brought no answer. `operation` is written as IAM writes permissions, `organizations:ListRoots`."""

    operation: str
    code: str
    kind: Kind
    words: str = ""

    @property
    def permission(self) -> str:
        return _PERMISSIONS.get(self.operation, self.operation)

    def __str__(self) -> str:
        match self.kind:
            case Kind.DENIED:
                return f"needs permission {self.permission}"
            case Kind.EXPIRED:
                return "the credentials have expired"
            case Kind.CREDENTIALS:
                return f"there are no working credentials ({self.code})"
            case Kind.THROTTLED:
                return f"AWS asks for patience at {self.operation} ({self.code})"
            case Kind.UNREACHABLE:
                return f"AWS could not be reached for {self.operation} ({self.code})"
            case Kind.FAULT:
                return f"AWS itself failed at {self.operation} ({self.code})"
            case _:
                return f"{self.operation} was refused with {self.code}" + (f": {self.words}" if self.words else "")

    @property
    def mend(self) -> str:
        match self.kind:
            case Kind.DENIED:
                return f"allow {self.permission} to whoever runs this, then run it again"
            case Kind.EXPIRED:
                return "aws sso login   (or renew the session in the way that you began it)"
            case Kind.CREDENTIALS:
                return "aws configure sso   (or `aws configure`; then scripts/deploy --profile NAME)"
            case Kind.UNREACHABLE:
                return "look at the network and at HTTPS_PROXY, then run it again"
            case Kind.THROTTLED | Kind.FAULT:
                return "run it again in a minute"
            case _:
                return ""


# Most special first: several of them are kinds of each other.
_TYPES = (
    (boto.UnauthorizedSSOTokenError, Kind.EXPIRED),
    (boto.SSOTokenLoadError, Kind.EXPIRED),
    (boto.TokenRetrievalError, Kind.EXPIRED),
    (boto.NoCredentialsError, Kind.CREDENTIALS),
    (boto.PartialCredentialsError, Kind.CREDENTIALS),
    (boto.CredentialRetrievalError, Kind.CREDENTIALS),
    (boto.ProfileNotFound, Kind.CREDENTIALS),
    (boto.SSOError, Kind.CREDENTIALS),
    (boto.HTTPClientError, Kind.UNREACHABLE),
    (boto.ConnectionError, Kind.UNREACHABLE),
)


def refusal(operation: str, error: Exception) -> Refusal:
    """`error` is what botocore raised for a call of `operation`."""
    if isinstance(error, boto.ClientError):
        said = error.response.get("Error", {})
        code = str(said.get("Code", "Unknown"))
        return Refusal(operation, code, _kind_of(code), _one_line(said.get("Message")))
    kind = next((kind for type_, kind in _TYPES if isinstance(error, type_)), Kind.OTHER)
    words = _one_line(error) if kind is Kind.OTHER else ""
    return Refusal(operation, type(error).__name__, kind, words)


def _kind_of(code: str) -> Kind:
    groups = ((_DENIED, Kind.DENIED), (_EXPIRED, Kind.EXPIRED), (_CREDENTIALS, Kind.CREDENTIALS), (_THROTTLED, Kind.THROTTLED), (_FAULT, Kind.FAULT))
    return next((kind for codes, kind in groups if code in codes), Kind.OTHER)


def _one_line(words: object, most: int = 200) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in str(words or "")).split())
    return text if len(text) <= most else text[: most - 1] + "…"

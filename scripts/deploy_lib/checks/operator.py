"""Whether a halt of the payer could lock out the very person who deploys. The payer is where admins work, and no SCP
binds it."""

from dataclasses import dataclass

from ..contract import CONTRACT
from ..finding import Finding, missing, ok
from ..ground import Identity
from ..policy import PayerRule, may_contain

# The ARN of a session does not show the path of its role. Identity Center's roles are told by the prefix that only it
# may use; with a role of the other paths no person signs in.
# https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
PREFIX_OF_PATH = {"/aws-reserved/": "AWSReservedSSO_"}


@dataclass(frozen=True)
class Principal:
    kind: str  # root, user, role or other
    name: str


def principal(arn: str) -> Principal:
    """`arn:aws:iam::1:user/path/name`, `arn:aws:sts::1:assumed-role/role/session`, `arn:aws:iam::1:root`."""
    kind, _, rest = arn.split(":", 5)[5].partition("/")
    match kind:
        case "root":
            return Principal("root", "root")
        case "user":
            return Principal("user", rest.rsplit("/", 1)[-1])
        case "assumed-role":
            return Principal("role", rest.split("/", 1)[0])
        case _:
            return Principal("other", rest)


def operator(identity: Identity, rule: PayerRule) -> Finding:
    what = "your own access"
    you = principal(identity.arn)
    if not may_contain(rule.mode):
        return ok(what, f"the payer itself is in {rule.mode}: no halt touches anybody in it")
    if you.kind == "root":
        return ok(what, "you are the root user, whom no halt can touch; better deploy as somebody else")
    if you.kind == "role" and never_touched(you.name):
        return ok(what, f"role {you.name} is never kept from new sessions, unless it was made lately or admits outsiders")
    if you.kind == "user":
        return _verdict(what, you, rule.users, rule.exempt_users)
    if you.kind == "role":
        return _verdict(what, you, rule.roles, rule.exempt_roles)
    return missing(
        what,
        f"the payer may be halted, and whether you, {identity.arn}, would be locked out cannot be told from the ARN",
        "deploy as a role or a user of the payer that defaults.exempt names",
    )


def never_touched(role: str) -> bool:
    """A role of another path is not recognized: better to warn of a danger that is none than to miss one."""
    never = CONTRACT.never_touched
    reserved = tuple(PREFIX_OF_PATH[path] for path in never.paths if path in PREFIX_OF_PATH)
    return never.by_name(role) or role.startswith(reserved)


def _verdict(what: str, you: Principal, response: str, exempt: frozenset[str]) -> Finding:
    if response == "leave":
        return ok(what, f"a halt of the payer leaves its {you.kind}s alone")
    if you.name in exempt:
        return ok(what, f"{you.kind} {you.name} is exempt")
    return missing(
        what,
        f"the payer may be halted with {you.kind}s: {response}, which would lock out you, the {you.kind} {you.name}",
        f"in the policy file: defaults.exempt.{you.kind}s: [{you.name}]   (or leave the payer's entry in drill)",
    )

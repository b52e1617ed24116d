"""Whether service control policies are on, and whether there is room for ours."""

from dataclasses import dataclass, field

from ..cloud import Cloud
from ..contract import names
from ..finding import Finding, Remedy, missing, ok
from ..ground import Ground
from . import organization

TYPE = "SERVICE_CONTROL_POLICY"
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html, policies attached to one root, unit or account
SLOTS = 10


@dataclass(frozen=True)
class Facts:
    enabled: bool
    root: str
    attached: dict[str, tuple[str, ...]] = field(default_factory=dict)  # the names of the policies on each root or unit


def read(ground: Ground, found: organization.Facts) -> Facts:
    root, enabled = _root(ground.cloud)
    targets = [target for target in ground.policy.enrolled if target in found.roots or target.startswith("ou-") and target not in found.unknown_units]
    attached = {target: _names(ground, target) for target in targets} if enabled else {}
    return Facts(enabled, root, attached)


def is_enabled(cloud: Cloud) -> bool:
    return _root(cloud)[1]


def _root(cloud: Cloud) -> tuple[str, bool]:
    """The root, of which an organization has one, and whether the policies are enabled on it; while they are being enabled they are not."""
    root = next(iter(cloud.pages("organizations", "ListRoots", "Roots")))
    return root["Id"], any(kind["Type"] == TYPE and kind["Status"] == "ENABLED" for kind in root.get("PolicyTypes", []))


def _names(ground: Ground, target: str) -> tuple[str, ...]:
    return tuple(policy["Name"] for policy in ground.cloud.pages("organizations", "ListPoliciesForTarget", "Policies", TargetId=target, Filter=TYPE))


def enabled(facts: Facts) -> Finding:
    what = "SCPs"
    if facts.enabled:
        return ok(what, f"service control policies are enabled on {facts.root}")
    return missing(
        what, "service control policies are not enabled: no account could be frozen, and members could remove the guard",
        f"aws organizations enable-policy-type --root-id {facts.root} --policy-type {TYPE}   (or scripts/deploy --enable-scps)", remedy=Remedy.SCPS,
    )


def slots(facts: Facts) -> list[Finding]:
    """One for each root or unit that the protect policy goes to."""
    return [_slot(target, policies) for target, policies in facts.attached.items()]


def _slot(target: str, policies: tuple[str, ...]) -> Finding:
    what = f"SCP slot on {target}"
    if names.protectPolicy in policies:
        return ok(what, f"{names.protectPolicy} is attached already")
    free = SLOTS - len(policies)
    if free > 0:
        return ok(what, f"{free} of {SLOTS} are free, and one is needed")
    return missing(
        what, f"all {SLOTS} are taken, by {', '.join(policies)}",
        f"merge two of them, then: aws organizations detach-policy --target-id {target} --policy-id p-…",
    )

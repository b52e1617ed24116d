"""Whether the account leads an organization that can be guarded, and whether the policy names that very organization."""

from dataclasses import dataclass

from ..finding import Finding, Remedy, missing, ok
from ..ground import Ground
from ..policy import SAMPLE_ORGANIZATION, SAMPLE_ROOT, Policy
from ..refusal import Refusal

NONE = "AWSOrganizationsNotInUseException"


@dataclass(frozen=True)
class Facts:
    id: str
    payer: str
    features: str
    roots: tuple[str, ...]
    unknown_units: tuple[str, ...] = ()


def read(ground: Ground) -> Facts | None:
    """None where the account is in no organization."""
    try:
        found = ground.cloud.ask("organizations", "DescribeOrganization")["Organization"]
    except Refusal as refusal:
        if refusal.code == NONE:
            return None
        raise
    roots: tuple[str, ...] = ()
    absent = []
    if found["MasterAccountId"] == ground.identity.account:  # a member may not ask further
        roots = tuple(root["Id"] for root in ground.cloud.pages("organizations", "ListRoots", "Roots"))
        absent = [unit for unit in ground.policy.ous if not _exists(ground, unit)]
    return Facts(found["Id"], found["MasterAccountId"], found["FeatureSet"], roots, tuple(absent))


def _exists(ground: Ground, unit: str) -> bool:
    try:
        ground.cloud.ask("organizations", "DescribeOrganizationalUnit", OrganizationalUnitId=unit)
    except Refusal as refusal:
        if refusal.code in ("OrganizationalUnitNotFoundException", "InvalidInputException"):
            return False
        raise
    return True


def organization(facts: Facts | None, account: str) -> Finding:
    what = "organization"
    if facts is None:
        return missing(what, f"account {account} is in no organization; there is nothing to guard", "aws organizations create-organization --feature-set ALL")
    if facts.payer != account:
        return missing(
            what, f"account {account} is a member of {facts.id}; its management account is {facts.payer}",
            f"use credentials of account {facts.payer}: scripts/deploy --profile NAME",
        )
    if facts.features != "ALL":
        return missing(
            what, f"{facts.id} only shares its bill ({facts.features}): there are no service control policies and no StackSets in it",
            "aws organizations enable-all-features   (invited accounts must agree first; Organizations console, Settings)",
        )
    return ok(what, f"{facts.id}, all features, led by this account")


def ids(facts: Facts, policy: Policy) -> Finding:
    """The ids in the policy are part of the trust of every account's role: one letter amiss and nothing can be entered."""
    what = "policy's ids"
    root = facts.roots[0] if facts.roots else "r-…"
    if policy.organization != facts.id:
        if policy.organization == SAMPLE_ORGANIZATION:
            said = f"organization.id still is the sample's {SAMPLE_ORGANIZATION}; yours is {facts.id}, its root {root}"
            return missing(what, said, f"in the policy file: organization: {{id: {facts.id}, root: {root}}}   (or scripts/deploy --fill-policy)", remedy=Remedy.FILL_POLICY)
        return missing(what, f"organization.id is {policy.organization or 'not there'}, and this organization is {facts.id}", f"in the policy file: organization.id: {facts.id}")
    if not policy.enrolled:
        return missing(what, "neither organization.root nor organization.ous is named: nobody would be enrolled and nothing protected", f"in the policy file: organization.root: {root}")
    if policy.ous:
        if facts.unknown_units:
            return missing(
                what, f"there is no unit {', '.join(facts.unknown_units)} in {facts.id}",
                f"take the ids from: aws organizations list-organizational-units-for-parent --parent-id {root}",
            )
        return ok(what, f"{facts.id} with {_units(len(policy.ous))} are those of this organization")
    if policy.root not in facts.roots:
        remedy = Remedy.FILL_POLICY if policy.root == SAMPLE_ROOT else None
        return missing(what, f"organization.root is {policy.root}, and the root of {facts.id} is {root}", f"in the policy file: organization.root: {root}", remedy=remedy)
    return ok(what, f"{facts.id} and root {policy.root} are those of this organization")


def _units(count: int) -> str:
    return "1 unit" if count == 1 else f"{count} units"

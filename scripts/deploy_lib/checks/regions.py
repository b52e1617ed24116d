"""Whether the regions of the policy are enabled in the payer: StackSets deploy into an opt-in region only where both sides have it.
And whether the roles of the accounts stay where they are."""

from ..contract import names
from ..finding import Finding, missing, ok
from ..ground import Ground
from ..refusal import Refusal


def read(ground: Ground) -> dict[str, str]:
    """The opt-in status of every region that there is."""
    found = ground.cloud.ask("ec2", "DescribeRegions", AllRegions=True)["Regions"]
    return {region["RegionName"]: region["OptInStatus"] for region in found}


def regions(wanted: tuple[str, ...], status: dict[str, str], roles: str = names.homeRegion) -> list[Finding]:
    """Where the launch rules go, and where the roles of each account do."""
    what = "regions"
    named = {roles: "organization.memberRegion"} | dict.fromkeys(wanted, "organization.regions")
    bad = [_bad(region, status.get(region), key) for region, key in named.items() if status.get(region) not in ("opt-in-not-required", "opted-in")]
    if bad:
        return bad
    if not wanted:
        return [missing(what, "the policy names no regions for launch-event rules; launches are seen by polling alone", "in the policy file: organization.regions: [us-east-1, …]", needed=False)]
    return [ok(what, f"all {len(wanted)} of the policy are enabled here" if len(wanted) > 1 else f"{wanted[0]} is enabled here")]


def _bad(region: str, status: str | None, key: str) -> Finding:
    what = f"region {region}"
    if status is None:
        return missing(what, f"there is no region of the name {region}", f"correct it in the policy file: {key}")
    return missing(
        what, f"{region} must be opted into, and the payer has not",
        f"aws account enable-region --region-name {region}   (takes minutes to hours; or take it out of {key})",
    )


def standing(ground: Ground) -> frozenset[str]:
    """Where stacks with the roles of accounts stand; one that failed may never have been made."""
    try:
        found = list(ground.cloud.pages("cloudformation", "ListStackInstances", "Summaries", StackSetName=names.memberStackSet))
    except Refusal as refusal:
        if refusal.code == "StackSetNotFoundException":
            return frozenset()
        raise
    return frozenset(one["Region"] for one in found if one["Status"] == "CURRENT" or one.get("StackId"))


def roles(found: frozenset[str], wanted: str) -> list[Finding]:
    """The names of roles are the account's: made in another region they would be refused, and those that stand be removed."""
    what = "region of the roles"
    if others := sorted(found - {wanted}):
        return [missing(
            what, f"the policy has the roles of the accounts in {wanted}, and they stand in {', '.join(others)}: moved, they would be gone for a while, or for good",
            f"in the policy file: organization.memberRegion: {others[0]}   (or take them away first: scripts/deploy --destroy)",
        )]
    return [ok(what, f"the roles of the accounts stand in {wanted}")] if found else []

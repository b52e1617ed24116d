"""Whether the regions of the policy are enabled in the payer: StackSets deploy into an opt-in region only where both sides have it."""

from ..finding import Finding, missing, ok
from ..ground import Ground


def read(ground: Ground) -> dict[str, str]:
    """The opt-in status of every region that there is."""
    found = ground.cloud.ask("ec2", "DescribeRegions", AllRegions=True)["Regions"]
    return {region["RegionName"]: region["OptInStatus"] for region in found}


def regions(wanted: tuple[str, ...], status: dict[str, str]) -> list[Finding]:
    what = "regions"
    bad = [_bad(region, status.get(region)) for region in wanted if status.get(region) not in ("opt-in-not-required", "opted-in")]
    if bad:
        return bad
    if not wanted:
        return [missing(what, "the policy names no regions for launch-event rules; launches are seen by polling alone", "in the policy file: organization.regions: [us-east-1, …]", needed=False)]
    return [ok(what, f"all {len(wanted)} of the policy are enabled here" if len(wanted) > 1 else f"{wanted[0]} is enabled here")]


def _bad(region: str, status: str | None) -> Finding:
    what = f"region {region}"
    if status is None:
        return missing(what, f"there is no region of the name {region}", "correct it in the policy file: organization.regions")
    return missing(
        what, f"{region} must be opted into, and the payer has not",
        f"aws account enable-region --region-name {region}   (takes minutes to hours; or take it out of organization.regions)",
    )

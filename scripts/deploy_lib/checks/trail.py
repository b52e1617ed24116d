"""Whether launches are told by CloudTrail. EventBridge has `RunInstances` only where a trail records management events."""

from dataclasses import dataclass

from ..finding import Finding, missing, ok
from ..ground import Ground

WITHOUT = "RunInstances events are off; launches are still seen by state-change events and by polling"
CONSOLE = "CloudTrail console, Trails, Create trail: Enable for all accounts in my organization, Management events, Write"


@dataclass(frozen=True)
class Trail:
    name: str
    multi_region: bool
    organization: bool
    logging: bool
    writes: bool


def read(ground: Ground) -> list[Trail]:
    return [_trail(ground, found) for found in ground.cloud.ask("cloudtrail", "DescribeTrails", includeShadowTrails=True)["trailList"]]


def _trail(ground: Ground, found: dict) -> Trail:
    arn = found["TrailARN"]
    many, shared = bool(found.get("IsMultiRegionTrail")), bool(found.get("IsOrganizationTrail"))
    if not many:  # it would not do whatever else it is
        return Trail(found["Name"], many, shared, False, False)
    logging = bool(ground.cloud.ask("cloudtrail", "GetTrailStatus", Name=arn).get("IsLogging"))
    selectors = ground.cloud.ask("cloudtrail", "GetEventSelectors", TrailName=arn)
    return Trail(found["Name"], many, shared, logging, records_writes(selectors))


def records_writes(selectors: dict) -> bool:
    """Whether calls that change something are among the management events that are recorded.
    https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html"""
    basic = any(
        one.get("IncludeManagementEvents", True) and one.get("ReadWriteType", "All") in ("All", "WriteOnly") for one in selectors.get("EventSelectors") or ()
    )
    return basic or any(_advanced(one["FieldSelectors"]) for one in selectors.get("AdvancedEventSelectors") or ())


def _advanced(fields: list[dict]) -> bool:
    by_name = {field["Field"]: field for field in fields}
    if "Management" not in by_name.get("eventCategory", {}).get("Equals", ()):
        return False
    only_reads = "true" in by_name.get("readOnly", {}).get("Equals", ())
    return not only_reads and _lets_pass(by_name.get("eventSource"), "ec2.amazonaws.com") and _lets_pass(by_name.get("eventName"), "RunInstances")


def _lets_pass(field: dict | None, value: str) -> bool:
    if field is None:
        return True
    wanted = [field.get(key) for key in ("Equals", "StartsWith", "EndsWith")]
    if any(wanted):
        equals, starts, ends = (list(one or ()) for one in wanted)
        if not (value in equals or any(map(value.startswith, starts)) or any(map(value.endswith, ends))):
            return False
    refused = value in (field.get("NotEquals") or ()) or any(map(value.startswith, field.get("NotStartsWith") or ())) or any(map(value.endswith, field.get("NotEndsWith") or ()))
    return not refused


def trail(trails: list[Trail]) -> Finding:
    what = "trail"
    whole = [one for one in trails if one.multi_region and one.logging and one.writes]
    shared = next((one for one in whole if one.organization), None)
    if shared:
        return ok(what, f"{shared.name} records management events of every account in all regions")
    if whole:
        said, mend = f"{whole[0].name} records this account only: in the sub-accounts {WITHOUT}", f"aws cloudtrail update-trail --name {whole[0].name} --is-organization-trail"
        return missing(what, said, mend, needed=False)
    quiet = next((one for one in trails if one.multi_region and not one.logging), None)
    if quiet:
        return missing(what, f"{quiet.name} is not recording: {WITHOUT}", f"aws cloudtrail start-logging --name {quiet.name}", needed=False)
    deaf = next((one for one in trails if one.multi_region), None)
    if deaf:
        mend = f"CloudTrail console, Trails, {deaf.name}, Management events, Edit: Write"
        return missing(what, f"{deaf.name} records no management events that write: {WITHOUT}", mend, needed=False)
    return missing(what, f"no trail covers all regions: {WITHOUT}", CONSOLE, needed=False)

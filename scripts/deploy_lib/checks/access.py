"""Whether CloudFormation StackSets may work in the organization: they bring the guard's roles into every account."""

from ..finding import Finding, Remedy, missing, ok
from ..ground import Ground

SERVICE = "member.org.stacksets.cloudformation.amazonaws.com"


def read(ground: Ground) -> str:
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeOrganizationsAccess.html
    return ground.cloud.ask("cloudformation", "DescribeOrganizationsAccess").get("Status", "DISABLED")


def access(status: str) -> Finding:
    what = "StackSets access"
    if status == "ENABLED":
        return ok(what, "StackSets may work in the organization")
    # Not Organizations' own EnableAWSServiceAccess: only this call also makes the roles that StackSets work with.
    mend = "aws cloudformation activate-organizations-access --region us-east-1   (or scripts/deploy --activate-trusted-access)"
    said = "StackSets may not work in the organization, so no sub-account would be enrolled"
    if status == "DISABLED_PERMANENTLY":
        said += "; AWS calls it disabled permanently, so the call may be refused and AWS Support must help"
    return missing(what, said, mend, remedy=Remedy.TRUSTED_ACCESS)

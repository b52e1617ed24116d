"""Whose credentials these are, and whether they belong to the payer that the policy names."""

from ..contract import names
from ..finding import Finding, Remedy, missing, ok
from ..ground import Identity
from ..cloud import Cloud
from ..policy import SAMPLE_PAYER, Policy


def who(cloud: Cloud) -> Identity:
    # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: it needs no permission
    answer = cloud.ask("sts", "GetCallerIdentity")
    return Identity(answer["Account"], answer["Arn"])


def credentials(identity: Identity) -> Finding:
    return ok("credentials", f"they work; AWS takes you for {identity.arn}")


def account(identity: Identity, policy: Policy) -> Finding:
    if identity.account == policy.payer:
        return ok("account", f"{identity.account}, the payer of the policy")
    if policy.is_sample and policy.payer == SAMPLE_PAYER:
        return missing(
            "account", f"the policy still names the sample's payer {policy.payer}; you are in account {identity.account}",
            f'in the policy file: payer: "{identity.account}", if this is your payer   (or scripts/deploy --fill-policy)', remedy=Remedy.FILL_POLICY,
        )
    return missing(
        "account", f"you are in account {identity.account}, and the policy's payer is {policy.payer}",
        f"use credentials of account {policy.payer}: scripts/deploy --profile NAME",
    )


def region(identity: Identity, own: str | None) -> Finding:
    """`own` is what the profile says; the guard lives in us-east-1 whatever that is."""
    home = names.homeRegion
    if identity.partition != "aws":
        return missing("region", f"the credentials are of the partition {identity.partition}, which has no {home}", "use credentials of a commercial AWS account")
    if own and own != home:
        return ok("region", f"{home}, where the billing metrics are; your own setting {own} plays no part")
    return ok("region", f"{home}, where the billing metrics are")

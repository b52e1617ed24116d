"""A thief who never needs a key again: an old role that now admits his own account. What is claimed of it, and how it
is checked."""

import json

from botocore.exceptions import ClientError

from . import stage
from .cast import Account
from .claims import Claims, unless
from .cloud import Cloud, code_of
from .look import refused
from .mail import Mail

# No member of the organization.
THIEF = "666666666666"
ROLE = "notebook"


def open_up(cloud: Cloud, account: Account) -> None:
    """The role of a notebook service, whose trust somebody widened."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{THIEF}:root"}, "Action": "sts:AssumeRole"},
        ],
    }
    iam = cloud.admin("iam", account.id)
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=ROLE, PolicyName="everything", PolicyDocument=json.dumps(stage.EVERYTHING))


def works(claims: Claims, cloud: Cloud, account: Account) -> None:
    """Without this a refusal later would prove nothing."""
    code = _tried(cloud, account)
    claims.claim(
        f"a thief of account {THIEF} enters {account.name} by its role {ROLE}, until now",
        unless(code is None, f"the thief is refused: {code}"),
    )


def is_shut(claims: Claims, cloud: Cloud, account: Account, mails: list[Mail]) -> None:
    code = _tried(cloud, account)
    claims.claim(
        f"the thief takes a new session of {ROLE}, and the emulator refuses whatever is tried with it ({code})",
        unless(code is not None, "it is let in"),
    )
    told = [one for one in mails if one.about(account) and one.kind == "outcome"]
    claims.claim(
        f"the outcome mail names the role {ROLE} and whom it admits",
        unless(any(ROLE in one.text and THIEF in one.text for one in told), "it does not"),
    )


def _tried(cloud: Cloud, account: Account) -> str | None:
    """The code of what refuses the thief, with a session that is new; None when he is let in."""
    try:
        role = f"arn:aws:iam::{account.id}:role/{ROLE}"
        made = cloud.admin("sts", THIEF).assume_role(RoleArn=role, RoleSessionName="thief")["Credentials"]
    except ClientError as error:
        return code_of(error)
    return refused(cloud, (made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]))

"""Who may become what `stacksets/member.yaml` makes: the template as it is, deployed on ministack, which evaluates
trust.

Run by `scripts/test templates`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from demo_lib.cloud import Client

from .ministack import Ministack

TEMPLATE = Path(__file__).resolve().parents[2] / "stacksets" / "member.yaml"
PAYER, MEMBER, STRANGER = "100000000001", "200000000002", "300000000003"
FUNCTION, RESPONDER, FORWARDER = "RunawayTrainFunction", "RunawayTrainResponder", "RunawayTrainForwarder"
ENTER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}


class Trust:
    """An organization with a member, and a stranger that has the template of another one."""

    def __init__(self, ministack: Ministack):
        self.ministack, self.client = ministack, ministack.client
        self.organization = self.client("organizations", PAYER).describe_organization()["Organization"]["Id"]
        self.enroll(MEMBER, self.organization)
        self.enroll(STRANGER, "o-anotherorganization")
        for name in (FUNCTION, "Curious"):
            self.role(PAYER, name)

    def enroll(self, account: str, organization: str) -> None:
        self.ministack.deploy(
            account,
            "runawaytrain-member",
            TEMPLATE.read_text(),
            {"PayerAccount": PAYER, "OrganizationId": organization},
        )

    def role(self, account: str, name: str) -> None:
        """A role that its account may take, and that may try to enter any role."""
        self.ministack.role(account, name)
        iam = self.client("iam", account)
        iam.put_role_policy(RoleName=name, PolicyName="enter", PolicyDocument=json.dumps(ENTER))

    def session(self, role: str, account: str = PAYER) -> Client:
        taken = self.client("sts", account).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="session"
        )
        keys = taken["Credentials"]
        return self.client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def enter(self, sts: Client, role: str = RESPONDER, account: str = MEMBER, **how: str | None) -> str:
        """The ARN of whom one becomes."""
        asked = {
            "RoleArn": f"arn:aws:iam::{account}:role/{role}",
            "RoleSessionName": "sweep",
            "ExternalId": f"runawaytrain-{self.organization}",
        } | how
        taken = sts.assume_role(**{key: value for key, value in asked.items() if value is not None})
        return str(taken["AssumedRoleUser"]["Arn"])

    def refuses(self, sts: Client, **how: Any) -> None:
        with pytest.raises(ClientError) as refusal:
            self.enter(sts, **how)
        assert refusal.value.response["Error"]["Code"] == "AccessDenied"


@pytest.fixture(scope="module")
def trust(ministack: Ministack) -> Trust:
    return Trust(ministack)


def test_the_function_of_the_payer_becomes_the_responder(trust: Trust) -> None:
    assert trust.enter(trust.session(FUNCTION)) == f"arn:aws:sts::{MEMBER}:assumed-role/{RESPONDER}/sweep"


def test_another_role_of_the_payer_is_refused(trust: Trust) -> None:
    trust.refuses(trust.session("Curious"))


def test_the_administrator_of_the_payer_is_refused(trust: Trust) -> None:
    trust.refuses(trust.client("sts", PAYER))


def test_a_wrong_external_id_is_refused_and_so_is_none(trust: Trust) -> None:
    trust.refuses(trust.session(FUNCTION), ExternalId="runawaytrain-o-anotherorganization")
    trust.refuses(trust.session(FUNCTION), ExternalId=None)


def test_a_member_of_another_organization_refuses_the_function(trust: Trust) -> None:
    # Whichever organization it claims to be of.
    for organization in (trust.organization, "o-anotherorganization"):
        trust.refuses(trust.session(FUNCTION), account=STRANGER, ExternalId=f"runawaytrain-{organization}")


def test_a_role_of_that_name_in_another_account_is_refused(trust: Trust) -> None:
    trust.role(STRANGER, FUNCTION)
    trust.refuses(trust.session(FUNCTION, STRANGER))


def test_nobody_but_a_service_becomes_the_forwarder(trust: Trust) -> None:
    for sts in (trust.client("sts", MEMBER), trust.client("sts", PAYER), trust.session(FUNCTION)):
        trust.refuses(sts, role=FORWARDER, ExternalId=None)

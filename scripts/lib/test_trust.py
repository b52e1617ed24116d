"""Who may become what `stacksets/member.yaml` makes: the template as it is, deployed on ministack, which evaluates trust.

Run by `scripts/test templates`.
"""

import json
import unittest
from pathlib import Path

from botocore.exceptions import ClientError

from .on_ministack import OnMinistack

TEMPLATE = Path(__file__).resolve().parents[2] / "stacksets" / "member.yaml"
PAYER, MEMBER, STRANGER = "100000000001", "200000000002", "300000000003"
FUNCTION, RESPONDER, FORWARDER = "RunawayTrainFunction", "RunawayTrainResponder", "RunawayTrainForwarder"
ENTER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}


class Trust(OnMinistack):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.organization = cls.client("organizations", PAYER).describe_organization()["Organization"]["Id"]
        cls.enroll(MEMBER, cls.organization)
        cls.enroll(STRANGER, "o-anotherorganization")
        iam = cls.client("iam", PAYER)
        for name in (FUNCTION, "Curious"):
            cls.role(iam, PAYER, name)

    @classmethod
    def enroll(cls, account: str, organization: str) -> None:
        cls.deploy(
            account,
            "runawaytrain-member",
            TEMPLATE.read_text(),
            {"PayerAccount": PAYER, "OrganizationId": organization},
        )

    @staticmethod
    def role(iam, account: str, name: str) -> None:
        """A role that its account may take, and that may try to enter any role."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        )
        iam.put_role_policy(RoleName=name, PolicyName="enter", PolicyDocument=json.dumps(ENTER))

    def session(self, role: str, account: str = PAYER):
        taken = self.client("sts", account).assume_role(
            RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="session"
        )
        keys = taken["Credentials"]
        return self.client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def enter(self, sts, role: str = RESPONDER, account: str = MEMBER, **how) -> str:
        """The ARN of whom one becomes."""
        asked = {
            "RoleArn": f"arn:aws:iam::{account}:role/{role}",
            "RoleSessionName": "sweep",
            "ExternalId": f"runawaytrain-{self.organization}",
        } | how
        return sts.assume_role(**{key: value for key, value in asked.items() if value is not None})["AssumedRoleUser"][
            "Arn"
        ]

    def assertRefused(self, sts, **how) -> None:
        with self.assertRaises(ClientError) as refusal:
            self.enter(sts, **how)
        self.assertEqual(refusal.exception.response["Error"]["Code"], "AccessDenied")

    def test_the_function_of_the_payer_becomes_the_responder(self):
        self.assertEqual(self.enter(self.session(FUNCTION)), f"arn:aws:sts::{MEMBER}:assumed-role/{RESPONDER}/sweep")

    def test_another_role_of_the_payer_is_refused(self):
        self.assertRefused(self.session("Curious"))

    def test_the_administrator_of_the_payer_is_refused(self):
        self.assertRefused(self.client("sts", PAYER))

    def test_a_wrong_external_id_is_refused_and_so_is_none(self):
        self.assertRefused(self.session(FUNCTION), ExternalId="runawaytrain-o-anotherorganization")
        self.assertRefused(self.session(FUNCTION), ExternalId=None)

    def test_a_member_of_another_organization_refuses_the_function(self):
        # Whichever organization it claims to be of.
        for organization in (self.organization, "o-anotherorganization"):
            self.assertRefused(self.session(FUNCTION), account=STRANGER, ExternalId=f"runawaytrain-{organization}")

    def test_a_role_of_that_name_in_another_account_is_refused(self):
        self.role(self.client("iam", STRANGER), STRANGER, FUNCTION)
        self.assertRefused(self.session(FUNCTION, STRANGER))

    def test_nobody_but_a_service_becomes_the_forwarder(self):
        for sts in (self.client("sts", MEMBER), self.client("sts", PAYER), self.session(FUNCTION)):
            self.assertRefused(sts, role=FORWARDER, ExternalId=None)


if __name__ == "__main__":
    unittest.main()

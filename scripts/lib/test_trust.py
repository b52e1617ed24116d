"""Who may become what `stacksets/member.yaml` makes: the template as it is, deployed on ministack, which evaluates trust.

Run by `scripts/test templates`. ministack runs as a process of its own, with its authentication on, and ends with the tests.
"""

import json
import os
import socket
import subprocess
import time
import unittest
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

TEMPLATE = Path(__file__).resolve().parents[2] / "stacksets" / "member.yaml"
ADMIN_SECRET = "test"  # with an account's id as the key: that account's administrator
PAYER, MEMBER, STRANGER = "100000000001", "200000000002", "300000000003"
FUNCTION, RESPONDER, FORWARDER = "RunawayTrainFunction", "RunawayTrainResponder", "RunawayTrainForwarder"
START_SECONDS = 60
ENTER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}


class Trust(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        cls.endpoint = f"http://127.0.0.1:{port}"
        # Its MQTT and SFTP servers want fixed ports, where a second emulator would clash with the first.
        settings = {
            "AUTH": "true", "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(port),
            "AWS_ENDPOINT_URL": cls.endpoint, "IOT_MTLS_ENABLED": "0", "SFTP_ENABLED": "0",
        }
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        emulator = subprocess.Popen(["ministack"], env=os.environ | settings, **quiet)
        cls.addClassCleanup(cls.end, emulator)
        cls.wait(emulator)

        cls.organization = cls.client("organizations", PAYER).describe_organization()["Organization"]["Id"]
        cls.enroll(MEMBER, cls.organization)
        cls.enroll(STRANGER, "o-anotherorganization")
        iam = cls.client("iam", PAYER)
        for name in (FUNCTION, "Curious"):
            cls.role(iam, PAYER, name)

    @classmethod
    def wait(cls, emulator: subprocess.Popen) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and emulator.poll() is None:
            try:
                urllib.request.urlopen(f"{cls.endpoint}/_ministack/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"ministack did not answer within {START_SECONDS} s")

    @staticmethod
    def end(emulator: subprocess.Popen) -> None:
        emulator.terminate()
        try:
            emulator.wait(10)
        except subprocess.TimeoutExpired:
            emulator.kill()

    @classmethod
    def client(cls, service: str, key: str, secret: str = ADMIN_SECRET, token: str | None = None):
        return boto3.client(
            service, region_name="us-east-1", endpoint_url=cls.endpoint,
            aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
        )

    @classmethod
    def enroll(cls, account: str, organization: str) -> None:
        cloudformation = cls.client("cloudformation", account)
        given = {"PayerAccount": PAYER, "OrganizationId": organization}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        body, may = TEMPLATE.read_text(), ["CAPABILITY_NAMED_IAM"]
        cloudformation.create_stack(StackName="runawaytrain-member", TemplateBody=body, Parameters=parameters, Capabilities=may)
        cloudformation.get_waiter("stack_create_complete").wait(StackName="runawaytrain-member", WaiterConfig={"Delay": 1, "MaxAttempts": 30})

    @staticmethod
    def role(iam, account: str, name: str) -> None:
        """A role that its account may take, and that may try to enter any role."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
        iam.put_role_policy(RoleName=name, PolicyName="enter", PolicyDocument=json.dumps(ENTER))

    def session(self, role: str, account: str = PAYER):
        taken = self.client("sts", account).assume_role(RoleArn=f"arn:aws:iam::{account}:role/{role}", RoleSessionName="session")
        keys = taken["Credentials"]
        return self.client("sts", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])

    def enter(self, sts, role: str = RESPONDER, account: str = MEMBER, **how) -> str:
        """The ARN of whom one becomes."""
        asked = {"RoleArn": f"arn:aws:iam::{account}:role/{role}", "RoleSessionName": "sweep", "ExternalId": f"runawaytrain-{self.organization}"} | how
        return sts.assume_role(**{key: value for key, value in asked.items() if value is not None})["AssumedRoleUser"]["Arn"]

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

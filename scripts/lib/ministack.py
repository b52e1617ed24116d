"""For tests: a ministack with its authentication on, which evaluates trust."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
from botocore.config import Config

from demo_lib.cloud import ADMIN_SECRET, HOME_REGION, Client

from .emulated import emulator, free_port

STACK_SECONDS = 30


@dataclass(frozen=True)
class Ministack:
    endpoint: str

    def client(self, service: str, key: str, secret: str = ADMIN_SECRET, token: str | None = None) -> Client:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}
        # One attempt: a refusal is an answer here.
        once = Config(retries={"total_max_attempts": 1}, read_timeout=120)
        return boto3.client(service, region_name=HOME_REGION, endpoint_url=self.endpoint, config=once, **keys)

    def role(self, account: str, name: str, principal: dict[str, str] | None = None) -> str:
        """A role without rights that the principal may assume, or else its account; its ARN."""
        who = principal or {"AWS": f"arn:aws:iam::{account}:root"}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": who}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        made = self.client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=document)
        return str(made["Role"]["Arn"])

    def deploy(self, account: str, name: str, template: str, parameters: dict[str, str]) -> None:
        client = self.client("cloudformation", account)
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        asked = {"StackName": name, "TemplateBody": template, "Parameters": given}
        client.create_stack(Capabilities=["CAPABILITY_NAMED_IAM"], **asked)
        how = {"Delay": 1, "MaxAttempts": STACK_SECONDS}
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=how)


@contextmanager
def running() -> Iterator[Ministack]:
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    settings = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": endpoint,
        # Its MQTT and SFTP servers want fixed ports, where a second emulator would clash with the first.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with emulator("ministack", f"{endpoint}/_ministack/health", [], settings):
        yield Ministack(endpoint)

"""For tests: a ministack with its authentication on, which evaluates trust."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3

from demo_lib.cloud import ADMIN_SECRET, Client

from .emulated import emulator, free_port

STACK_SECONDS = 30


@dataclass(frozen=True)
class Ministack:
    endpoint: str

    def client(self, service: str, key: str, secret: str = ADMIN_SECRET, token: str | None = None) -> Client:
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token}
        return boto3.client(service, region_name="us-east-1", endpoint_url=self.endpoint, **keys)

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

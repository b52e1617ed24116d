"""Tests on a ministack of their own: a process with its authentication on, which evaluates trust and ends with the tests."""

import os
import socket
import subprocess
import time
import unittest
import urllib.request

import boto3

ADMIN_SECRET = "test"  # with an account's id as the key: that account's administrator
START_SECONDS = 60
STACK_SECONDS = 30


class OnMinistack(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        cls.endpoint = f"http://127.0.0.1:{port}"
        # Its MQTT and SFTP servers want fixed ports, where a second emulator would clash with the first.
        settings = {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "AWS_ENDPOINT_URL": cls.endpoint,
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        emulator = subprocess.Popen(["ministack"], env=os.environ | settings, **quiet)
        cls.addClassCleanup(cls.end, emulator)
        cls.wait(emulator)

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
            service,
            region_name="us-east-1",
            endpoint_url=cls.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
        )

    @classmethod
    def deploy(cls, account: str, name: str, template: str, parameters: dict[str, str]) -> None:
        cloudformation = cls.client("cloudformation", account)
        given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        cloudformation.create_stack(
            StackName=name, TemplateBody=template, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"]
        )
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": STACK_SECONDS}
        )

"""The emulator that scripts/test starts for this stage: ministack with AUTH, where keys, roles and their policies
count."""

import json
import os
from typing import Any

import boto3
import pytest
from botocore.config import Config

ENDPOINT = os.environ.get("RUNAWAYTRAIN_MINISTACK")
NEEDED = pytest.mark.skipif(not ENDPOINT, reason="needs the emulator: scripts/test release starts it")
REGION = "us-east-1"


def keys_of_admin(account: str) -> dict[str, str]:
    """Under AUTH the account's number is its administrator's key."""
    return {"AWS_ACCESS_KEY_ID": account, "AWS_SECRET_ACCESS_KEY": "test"}


def client(service: str, keys: dict[str, str]) -> Any:
    # One attempt: a refusal is an answer here.
    return boto3.client(
        service,
        region_name=REGION,
        endpoint_url=ENDPOINT,
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        **{name.lower(): value for name, value in keys.items()},
    )


def make_role(name: str, principal: dict[str, str], keys: dict[str, str]) -> str:
    """A role without rights that the principal may assume; its ARN."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}],
    }
    return client("iam", keys).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

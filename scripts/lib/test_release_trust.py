"""Which of GitHub's tokens become the roles of the release stack: as it is synthesized for either form of `sub`, on
ministack.

`RUNAWAYTRAIN_RELEASES` is the folder with `ids.json` and `names.json`, which `scripts/test templates` synthesizes.
ministack reads the claims of a token and does not check who signed it: whether AWS's thumbprints do is not told here.
"""

import base64
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from demo_lib.cloud import code_of

from .ministack import Ministack

TEMPLATES = Path(os.environ["RUNAWAYTRAIN_RELEASES"])
PAYER = "123456789012"
ISSUER, AUDIENCE = "https://token.actions.githubusercontent.com", "sts.amazonaws.com"
# What GitHub puts into `sub`: with ids for repositories since 15 July 2026, by names for those before.
IDS, NAMES = "example-university@1234/guard@5678", "example-university/guard"
DEPLOY, DIFF = "RunawayTrainRelease", "RunawayTrainReleaseDiff"


def token(**claims: str) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part({'iss': ISSUER, 'aud': AUDIENCE} | claims)}.c2lnbmVk"


class GitHub:
    """What a job at GitHub becomes."""

    def __init__(self, ministack: Ministack):
        self.ministack = ministack

    def become(self, role: str, sub: str, **claims: str) -> str:
        """The ARN of whom a job becomes, or the code of the refusal."""
        sts = boto3.client(
            "sts",
            region_name="us-east-1",
            endpoint_url=self.ministack.endpoint,
            config=Config(signature_version=UNSIGNED),
        )
        try:
            taken = sts.assume_role_with_web_identity(
                RoleArn=f"arn:aws:iam::{PAYER}:role/{role}",
                RoleSessionName="release",
                WebIdentityToken=token(sub=sub, **claims),
            )
        except ClientError as refusal:
            return code_of(refusal)
        return str(taken["AssumedRoleUser"]["Arn"])

    @contextmanager
    def deployed(self, form: str) -> Iterator[None]:
        name, client = f"RunawayTrainRelease-{form}", self.ministack.client
        client("ssm", PAYER).put_parameter(
            Name="/cdk-bootstrap/hnb659fds/version", Value="21", Type="String", Overwrite=True
        )
        self.ministack.deploy(PAYER, name, (TEMPLATES / f"{form}.json").read_text(), {})
        yield
        client("cloudformation", PAYER).delete_stack(StackName=name)

    def check(self, form: str, own: str, other: str) -> None:
        for role, environment in ((DEPLOY, "production"), (DIFF, "production-diff")):
            became = f"arn:aws:sts::{PAYER}:assumed-role/{role}/release"
            assert self.become(role, f"repo:{own}:environment:{environment}") == became
            refused = {
                "the other form": f"repo:{other}:environment:{environment}",
                "another repository": f"repo:example-university@1234/guard@9999:environment:{environment}",
                "another owner": f"repo:somebody/guard:environment:{environment}",
                "another environment": f"repo:{own}:environment:staging",
                "a branch": f"repo:{own}:ref:refs/heads/main",
                "a pull request": f"repo:{own}:pull_request",
            }
            for what, sub in refused.items():
                assert self.become(role, sub) == "AccessDenied", f"{what} in the form {form}"
            own_sub = f"repo:{own}:environment:{environment}"
            assert self.become(role, own_sub, aud="https://github.com/example-university") == "AccessDenied", (
                "a token for another service"
            )
            assert self.become(role, own_sub, iss="https://gitlab.example.edu") == "AccessDenied", "another issuer"
        assert self.become(DEPLOY, f"repo:{own}:environment:production-diff") == "AccessDenied", (
            "what nobody approves deploys nothing"
        )


@pytest.fixture
def github(ministack: Ministack) -> GitHub:
    return GitHub(ministack)


def test_a_repository_is_believed_by_its_ids(github: GitHub) -> None:
    with github.deployed("ids"):
        github.check("ids", IDS, NAMES)


def test_an_older_one_is_believed_by_its_names_where_somebody_chose_so(github: GitHub) -> None:
    with github.deployed("names"):
        github.check("names", NAMES, IDS)

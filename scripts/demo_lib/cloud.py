"""Clients of the emulator. Under its AUTH a 12-digit access key with the secret `test` is that account's
administrator."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from .cast import PAYER

# A client of boto3, whose operations are made at run time.
Client = Any
ADMIN_SECRET = "test"
HOME_REGION = "us-east-1"
INVOKE_SECONDS = 900  # as long as a Lambda may run: a shorter patience would make the client ask again


@dataclass
class Cloud:
    endpoint: str
    certificate: Path
    _clients: dict[tuple[str, str, str], Client] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: boto3.session.Session = field(default_factory=boto3.session.Session)

    def admin(self, service: str, account: str, region: str = HOME_REGION) -> Client:
        return self.client(service, account, ADMIN_SECRET, region=region)

    def client(
        self, service: str, key: str, secret: str, token: str | None = None, region: str = HOME_REGION
    ) -> Client:
        name = (service, key, region)
        # boto3 makes clients safely only one at a time; once made, threads may share them.
        with self._lock:
            if name not in self._clients:
                # No retries: a repeated invoke would be a second sweep, and a refusal is an answer here.
                config = Config(
                    retries={"total_max_attempts": 1},
                    read_timeout=INVOKE_SECONDS,
                    connect_timeout=10,
                    max_pool_connections=20,
                )
                self._clients[name] = self._session.client(
                    service,
                    region_name=region,
                    endpoint_url=self.endpoint,
                    verify=str(self.certificate),
                    aws_access_key_id=key,
                    aws_secret_access_key=secret,
                    aws_session_token=token,
                    config=config,
                )
            return self._clients[name]

    def environment(self) -> dict[str, str]:
        """For whatever program is to find the emulator, as the payer's administrator."""
        return dict(os.environ) | {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_CA_BUNDLE": str(self.certificate),
            "AWS_ACCESS_KEY_ID": PAYER,
            "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
            "AWS_REGION": HOME_REGION,
            "AWS_DEFAULT_REGION": HOME_REGION,
        }

    def regions(self, account: str) -> list[str]:
        return [region["RegionName"] for region in self.admin("ec2", account).describe_regions()["Regions"]]


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def forget_this_machine() -> None:
    """Drops the machine's own AWS settings: a profile or a proxy of the person's must not lead the demo to a real
    account."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }

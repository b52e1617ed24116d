"""What every check stands on."""

import argparse
from dataclasses import dataclass

from .cloud import Cloud
from .policy import Policy


@dataclass(frozen=True)
class Identity:
    """Whom AWS takes us for."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]


@dataclass(frozen=True)
class Ground:
    cloud: Cloud
    policy: Policy
    options: argparse.Namespace
    identity: Identity

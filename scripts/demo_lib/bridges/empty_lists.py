"""Answers for the lists that ministack does not know.

A halt looks at credentials, launchers and reserved capacity that ministack cannot hold, and takes "unknown action" for
what it is: something that it could not see. Here nobody has any of them, so the honest answer is an empty list."""

from collections.abc import Callable
from typing import Any

from ministack.services import ec2, iam

# IAM's list, and the element that holds its members.
EMPTY_LISTS = {
    "ListSigningCertificates": "Certificates",
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
}


def _empty_list(action: str, element: str) -> Callable[..., Any]:
    body = f"<{action}Result><{element}/><IsTruncated>false</IsTruncated></{action}Result>"
    return lambda _parameters: iam._xml(200, f"{action}Response", body)


# EC2's list, and the element that holds its members.
EMPTY_SETS = {"DescribeSpotFleetRequests": "spotFleetRequestConfigSet", "DescribeHosts": "hostSet"}


def _empty_set(action: str, element: str) -> Callable[..., Any]:
    return lambda _parameters: ec2._xml(200, f"{action}Response", f"<{element}/>")


def install() -> None:
    for action, element in EMPTY_LISTS.items():
        iam._IAM_HANDLERS.setdefault(action, _empty_list(action, element))
    for action, element in EMPTY_SETS.items():
        ec2._ACTION_MAP.setdefault(action, _empty_set(action, element))

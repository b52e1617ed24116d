"""The emulator as the demo runs it: ministack, with answers for the calls that it does not know.

In the demo only. A halt looks at credentials and launchers that ministack cannot hold, and takes "unknown action" for what it is:
something that it could not see. Here nobody has any of them, so the honest answer is an empty list.
"""

from hypercorn.config import Config

# HTTP/1.1 only: on HTTP/2 its server drops a connection at the thousandth request, with whatever is under way on it.
Config.alpn_protocols = ["http/1.1"]

from ministack.app import main  # noqa: E402 (the line above must come first)
from ministack.services import ec2, iam  # noqa: E402

# IAM's list, and the element that holds its members.
EMPTY_LISTS = {
    "ListSigningCertificates": "Certificates",
    "ListSSHPublicKeys": "SSHPublicKeys",
    "ListServiceSpecificCredentials": "ServiceSpecificCredentials",
}


def empty_list(action: str, element: str):
    body = f"<{action}Result><{element}/><IsTruncated>false</IsTruncated></{action}Result>"
    return lambda _parameters: iam._xml(200, f"{action}Response", body)


def no_spot_fleets(_parameters):
    return ec2._xml(200, "DescribeSpotFleetRequestsResponse", "<spotFleetRequestConfigSet/>")


if __name__ == "__main__":
    for action, element in EMPTY_LISTS.items():
        iam._IAM_HANDLERS.setdefault(action, empty_list(action, element))
    ec2._ACTION_MAP.setdefault("DescribeSpotFleetRequests", no_spot_fleets)
    main()

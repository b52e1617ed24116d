"""EC2 tells EventBridge of every launch. ministack emits no events of EC2, and nobody but itself may send any.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-state-changes.html
"""

import json
import re
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, eventbridge

STATES = ("pending", "running")
ENTRIES = 10  # the most that PutEvents takes
OK = 200


def install() -> None:
    run_instances = ec2._ACTION_MAP["RunInstances"]

    def telling(parameters: dict[str, Any]) -> Any:
        answer = run_instances(parameters)
        status, _, body = answer
        if status == OK:
            text = body.decode() if isinstance(body, bytes) else body
            tell(re.findall(r"<instanceId>(i-[0-9a-f]+)</instanceId>", text))
        return answer

    ec2._ACTION_MAP["RunInstances"] = telling


def tell(instances: list[str]) -> None:
    """On the default bus of the account and region that launched them."""
    entries = [_entry(instance, state) for state in STATES for instance in instances]
    for first in range(0, len(entries), ENTRIES):
        eventbridge._put_events({"Entries": entries[first : first + ENTRIES]}, allow_aws_source=True)


def _entry(instance: str, state: str) -> dict[str, Any]:
    return {
        "Source": "aws.ec2",
        "DetailType": "EC2 Instance State-change Notification",
        "Resources": [f"arn:aws:ec2:{get_region()}:{get_account_id()}:instance/{instance}"],
        "Detail": json.dumps({"instance-id": instance, "state": state}),
    }

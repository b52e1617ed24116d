"""What the demo adds to the emulator, each by name; nothing of it is in a template or in the Lambda.

The real stacks send along real targets with real policies. Where the emulator drops what AWS would carry, a bridge
carries it, and asks the deployed policies first as AWS does."""

from importlib import import_module
from pathlib import Path

BRIDGES = {
    "empty_lists": "lists of credentials and launchers that it does not know are answered empty",
    "launch_events": "EC2 tells EventBridge of every instance that is launched",
    "bus_to_bus": "EventBridge carries an event to the bus of another account, asking role and bus for leave",
    "queue_to_function": (
        "a queue gathers messages for as long, and hands over as many, as its mapping to the Lambda says"
    ),
    "distributed_map": (
        "a Distributed Map of Step Functions gathers its items into batches, and writes to S3 what came of them"
    ),
    "policy_simulator": "IAM's policy simulator hears what the calls that it judges would come with",
    "price_list": (
        "a double named price_list stands in for the AWS Price List, with answers in its shape for a few types"
    ),
    "embedded_metrics": "CloudWatch makes metrics of the Lambda's log lines in its embedded metric format",
    "alarm_to_topic": (
        "CloudWatch tells topics of an alarm in its own words, of another account too, asking the topic for leave"
    ),
}

# How a bridge begins the line of the emulator's log that tells what a deployed policy refused.
REFUSED = "refused by what is deployed: "


def install() -> None:
    """In the emulator's own process, before it serves."""
    for name in BRIDGES:
        import_module(f".{name}", __name__).install()


class Refusals:
    """In the demo's process: what the bridges refuse from now on, read in the emulator's log."""

    def __init__(self, log: Path):
        self.log, self.read = log, log.stat().st_size

    def fresh(self) -> list[str]:
        with self.log.open("rb") as file:
            file.seek(self.read)
            lines = file.read().decode("utf-8", "replace").splitlines()
            self.read = file.tell()
        return [line.split(REFUSED, 1)[1] for line in lines if REFUSED in line]

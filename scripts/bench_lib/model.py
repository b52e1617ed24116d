"""What calls take at the least, by the double's own model: round trips, service times, connections, quotas."""

from dataclasses import dataclass
from typing import Any

HOME = "us-east-1"
# What AWS documents of StopInstances and ModifyInstanceAttribute; the double holds itself to the same.
# https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
STOPS_AT_ONCE, STOPS_A_SECOND = 1000, 20
CHANGES_AT_ONCE, CHANGES_A_SECOND = 50, 5
PAGE = 100  # instances that the function asks for at a time


@dataclass(frozen=True)
class Model:
    """Times in seconds."""

    round_trips: dict[str, float]
    setup_round_trips: float
    service_times: list[tuple[str, str, float]]
    per_instance: float

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Model":
        times = [(one["service"], one["operation"], one["milliseconds"] / 1000) for one in told["serviceTimes"]]
        round_trips = {region: time / 1000 for region, time in told["roundTrips"].items()}
        return cls(round_trips, told["setupRoundTrips"], times, told["perInstance"] / 1000)

    def service(self, service: str, operation: str) -> float:
        for of, name, time in self.service_times:
            if of in ("", service) and name in ("", operation):
                return time
        return 0.0

    def call(self, service: str, operation: str, region: str = HOME, instances: int = 0) -> float:
        """A call on a connection that is open."""
        return self.round_trips[region] + self.service(service, operation) + self.per_instance * instances

    def first(self, service: str, operation: str, region: str = HOME, instances: int = 0) -> float:
        """A call on a connection that has to be opened for it."""
        setup = self.setup_round_trips * self.round_trips[region]
        return setup + self.call(service, operation, region, instances)

    def look(self, region: str, instances: int) -> float:
        """All pages of a region, one after the other: EC2 says where the next one begins. The connection to EC2 in the
        home region is open, for the account's regions were listed there."""
        pages = [min(PAGE, instances - begun) for begun in range(0, instances, PAGE)] or [0]
        whole = sum(self.call("ec2", "DescribeInstances", region, page) for page in pages)
        return whole + (0 if region == HOME else self.setup_round_trips * self.round_trips[region])

    def entry(self) -> float:
        """Until an account's regions are known: the accounts and, beside them, the records; a session; the regions."""
        listed = max(self.first("organizations", "ListAccounts"), self.first("dynamodb", "Query"))
        return listed + self.first("sts", "AssumeRole") + self.first("ec2", "DescribeRegions")


def stop_tokens(instances: int, protected: int = 0) -> float:
    """How long the quotas of one account and region need: a token an instance to stop it, and beside that one a change
    of a protection."""
    stops = max(0, instances - STOPS_AT_ONCE) / STOPS_A_SECOND
    return max(stops, max(0, protected - CHANGES_AT_ONCE) / CHANGES_A_SECOND)

"""What is true, seen with the administrators' keys and not through the Lambda."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from .cast import PAYER, Account
from .cloud import Client, Cloud, code_of

TABLE = DASHBOARD = "runawaytrain"
NAMESPACE, LOG_GROUP = "RunawayTrain", "/aws/lambda/runawaytrain"


@dataclass(frozen=True)
class Person:
    """What a user still has."""

    keys: tuple[tuple[str, str], ...]
    login: bool
    inline: tuple[str, ...]

    @property
    def locked(self) -> bool:
        return not self.login and all(status != "Active" for _, status in self.keys)


@dataclass(frozen=True)
class Snapshot:
    """One account at one moment: instances as (region, id) → state, and its users."""

    instances: dict[tuple[str, str], str]
    people: dict[str, Person]

    @property
    def running(self) -> int:
        return sum(state in ("pending", "running") for state in self.instances.values())

    @property
    def locked(self) -> int:
        return sum(person.locked for person in self.people.values())


def instances(cloud: Cloud, account: Account) -> dict[tuple[str, str], str]:
    """Every region, and every page of it."""
    seen = {}
    for region in cloud.regions(account.id):
        for page in cloud.admin("ec2", account.id, region).get_paginator("describe_instances").paginate():
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    seen[region, instance["InstanceId"]] = instance["State"]["Name"]
    return seen


def people(cloud: Cloud, account: Account) -> dict[str, Person]:
    iam = cloud.admin("iam", account.id)
    seen = {}
    for page in iam.get_paginator("list_users").paginate():
        for user in page["Users"]:
            name = user["UserName"]
            keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
            inline = iam.list_user_policies(UserName=name)["PolicyNames"]
            seen[name] = Person(
                tuple(sorted((key["AccessKeyId"], key["Status"]) for key in keys)),
                _login(iam, name),
                tuple(sorted(inline)),
            )
    return seen


def _login(iam: Client, name: str) -> bool:
    try:
        iam.get_login_profile(UserName=name)
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return False
        raise
    return True


def snapshot(cloud: Cloud, account: Account) -> Snapshot:
    return Snapshot(instances(cloud, account), people(cloud, account))


def everywhere(cloud: Cloud, accounts: list[Account]) -> dict[str, Snapshot]:
    """By account id."""
    with ThreadPoolExecutor(len(accounts)) as pool:
        return dict(
            zip([account.id for account in accounts], pool.map(lambda one: snapshot(cloud, one), accounts), strict=True)
        )


def refused(cloud: Cloud, key: tuple[str, ...]) -> str | None:
    """Uses a person's own key, or a session's, as that person would. The refusal's code, or None when it was let in."""
    try:
        cloud.client("ec2", *key).describe_instances()
    except ClientError as error:
        return code_of(error)
    return None


JOURNAL, OUTBOX = "HALT#", "OUTBOX"


def table(cloud: Cloud) -> dict[tuple[str, str], dict[str, Any]]:
    """Everything that the machine remembers, by key."""
    pages = cloud.admin("dynamodb", PAYER).get_paginator("scan").paginate(TableName=TABLE)
    return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}


def journal(cloud: Cloud) -> list[dict[str, Any]]:
    """What each halt meant to do, and what became of it."""
    return [item for (partition, _), item in table(cloud).items() if partition.startswith(JOURNAL)]


Points = list[tuple[float, float]]  # moments in seconds of the epoch, with a value each


def points(
    cloud: Cloud,
    namespace: str,
    name: str,
    statistic: str,
    since: float,
    period: int,
    dimensions: dict[str, str] | None = None,
) -> Points:
    """A metric of the payer, by periods of seconds, the oldest first."""
    found = cloud.admin("cloudwatch", PAYER).get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in (dimensions or {}).items()],
        StartTime=datetime.fromtimestamp(since, UTC),
        EndTime=datetime.now(UTC) + timedelta(minutes=5),
        Period=period,
        Statistics=[statistic],
    )
    return sorted((point["Timestamp"].timestamp(), point[statistic]) for point in found["Datapoints"])


def heartbeats(cloud: Cloud) -> float:
    """How many the function has emitted until now."""
    hour = 3600
    return sum(count for _, count in points(cloud, NAMESPACE, "Heartbeat", "Sum", time.time() - 2 * hour, hour))


def dashboard(cloud: Cloud) -> dict[str, Any]:
    """Its body, as it is deployed."""
    return json.loads(cloud.admin("cloudwatch", PAYER).get_dashboard(DashboardName=DASHBOARD)["DashboardBody"])


def log(cloud: Cloud, since: float) -> list[str]:
    """What the function has written, by its streams."""
    pages = (
        cloud.admin("logs", PAYER)
        .get_paginator("filter_log_events")
        .paginate(logGroupName=LOG_GROUP, startTime=int(since * 1000))
    )
    return [event["message"] for page in pages for event in page["events"]]

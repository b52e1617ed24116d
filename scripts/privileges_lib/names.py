"""How the names of IAM's actions differ from those of the operations that they allow."""

from collections.abc import Iterable

# Where IAM's prefix is not the name that requests are signed for.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatch.html
PREFIXES = {"monitoring": "cloudwatch"}
# Operations that are authorized by the action of another one.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
OTHERS = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
# What a transaction's items are authorized by.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
ITEMS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def action(service: str, operation: str) -> str:
    """`ec2:StopInstances`, of the service as requests to it are signed for."""
    named = f"{PREFIXES.get(service, service)}:{operation}"
    return OTHERS.get(named, named)


def actions_of_transaction(kinds: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({f"dynamodb:{ITEMS[kind]}" for kind in kinds}))

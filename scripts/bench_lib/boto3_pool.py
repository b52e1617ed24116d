"""What a competent script with boto3 does: `python -m bench_lib.boto3_pool ACCOUNT`, with the endpoint in the
environment. All regions at once, one call for all instances of a region, users and roles beside them; a client a
region, made once.

It writes nothing down, proves nothing, freezes nothing and asks for no price: it is the containment alone."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ROLE = "RunawayTrainResponder"
LIMIT = 4
DENY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
RUNNING = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]


def halt(account: str) -> int:
    """How many instances were stopped."""
    given = boto3.client("sts", region_name="us-east-1").assume_role(
        RoleArn=f"arn:aws:iam::{account}:role/{ROLE}", RoleSessionName="pool"
    )["Credentials"]
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    config = Config(max_pool_connections=32, retries={"mode": "standard"})

    def client(service: str, region: str = "us-east-1") -> Any:
        return session.client(service, region_name=region, config=config)

    regions = [region["RegionName"] for region in client("ec2").describe_regions()["Regions"]]
    # Making a client is not safe in threads, and takes most of its time in Python anyway.
    clients = {region: client("ec2", region) for region in regions}
    iam = client("iam")

    def look(region: str) -> list[str]:
        pages = clients[region].get_paginator("describe_instances").paginate(Filters=RUNNING)
        return [
            instance["InstanceId"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        ]

    with ThreadPoolExecutor(32) as pool:
        found = dict(zip(regions, pool.map(look, regions), strict=True))
        count = sum(map(len, found.values()))
        if count <= LIMIT:
            return 0
        work = [pool.submit(clients[region].stop_instances, InstanceIds=ids) for region, ids in found.items() if ids]
        work += [pool.submit(lock, iam, user["UserName"]) for user in iam.list_users()["Users"]]
        for one in work:
            one.result()
    return count


def lock(iam: Any, user: str) -> None:
    iam.put_user_policy(UserName=user, PolicyName="Lockout", PolicyDocument=DENY)
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    try:
        iam.delete_login_profile(UserName=user)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise


if __name__ == "__main__":
    print(halt(sys.argv[1]))

"""The double answers the real clients, the function's and boto3's. Nothing takes time here, and no time is asserted."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bench_lib import double as doubles
from bench_lib import function, halt
from bench_lib.double import MEMBER, PAYER, QUARANTINE, Double
from demo_lib.paths import TARGET

pytestmark = pytest.mark.timeout(300)
SCRIPTS = Path(__file__).resolve().parent.parent.parent
BUILT, FUNCTION = TARGET / "debug" / "double", TARGET / "debug" / "runawaytrain-function"
needs_double = pytest.mark.skipif(
    not BUILT.exists(), reason="the double is not built: cargo build --package runawaytrain-bench --bin double"
)
needs_function = pytest.mark.skipif(
    not FUNCTION.exists(), reason="the function is not built: cargo build --workspace --bin runawaytrain-function"
)


def settings(**more: Any) -> doubles.Settings:
    return halt.settings("pooled") | {"network": {}} | more


@pytest.fixture
def double() -> Iterator[Double]:
    with doubles.running(BUILT, settings()) as running:
        yield running


def client(double: Double, service: str, region: str = "us-east-1") -> Any:
    keys = {"aws_access_key_id": f"AKIA{MEMBER}0000", "aws_secret_access_key": "secret"}
    return boto3.client(service, region_name=region, endpoint_url=double.endpoint, **keys)


@needs_double
@needs_function
def test_the_function_halts_an_account(double: Double) -> None:
    with function.running(FUNCTION, double.endpoint) as tested:
        reply = tested.invoke({"action": "proceed"})
    halt.check(double.calls())
    state = halt.stands(double)
    assert QUARANTINE in state["policies"]
    assert state["rolesDenied"] == state["roles"] == halt.ROLES
    accounts = {entry["account"]: entry for entry in reply.answer["report"]["accounts"]}
    assert accounts[MEMBER]["state"] == "Halted"
    assert accounts[PAYER]["state"] == "Ok"


@needs_double
@needs_function
def test_the_function_sweeps_an_organization_of_several_pages() -> None:
    with (
        doubles.running(BUILT, {"accounts": 44, "roles": 1}) as double,
        function.running(FUNCTION, double.endpoint) as tested,
    ):
        reply = tested.invoke({"action": "proceed"})
        calls = double.calls()
    halt.check(calls)
    assert reply.answer["statusCode"] == 200
    assert len(reply.answer["report"]["accounts"]) == 45
    looks = {(call.account, call.region) for call in calls if call.operation == "DescribeInstances"}
    assert len(looks) == 45 * 17


@needs_double
def test_boto3_halts_an_account(double: Double) -> None:
    environment = os.environ | {
        "PYTHONPATH": str(SCRIPTS),
        "AWS_ENDPOINT_URL": double.endpoint,
        "AWS_ACCESS_KEY_ID": f"AKIA{PAYER}0000",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    command = [sys.executable, "-m", "bench_lib.boto3_pool", MEMBER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == str(sum(halt.INSTANCES.values()))
    halt.check(double.calls())
    halt.stands(double)


@needs_double
def test_instances_come_in_pages_and_one_that_is_protected_saves_all_until_it_is_not() -> None:
    holdings = {"account": MEMBER, "instances": {"eu-west-1": 250}, "protected": 0.004}
    with doubles.running(BUILT, {"accounts": 1, "holdings": [holdings]}) as double:
        ec2 = client(double, "ec2", "eu-west-1")
        pages = list(ec2.get_paginator("describe_instances").paginate(MaxResults=100))
        ids = [one["InstanceId"] for page in pages for group in page["Reservations"] for one in group["Instances"]]
        assert (len(pages), len(set(ids))) == (3, 250)
        with pytest.raises(ClientError) as refused:
            ec2.stop_instances(InstanceIds=ids)
        assert refused.value.response["Error"]["Code"] == "OperationNotPermitted"
        assert double.state()["accounts"][MEMBER]["running"] == 250
        ec2.modify_instance_attribute(InstanceId=ids[-1], DisableApiStop={"Value": False})
        ec2.stop_instances(InstanceIds=ids)
        assert double.state()["accounts"][MEMBER]["running"] == 0


@needs_double
def test_quotas_refuse_as_the_service_spells_it() -> None:
    holdings = {"account": MEMBER, "instances": {"us-east-1": 1500}}
    with doubles.running(BUILT, {"accounts": 1, "holdings": [holdings], "quotas": True}) as double:
        ec2 = client(double, "ec2")
        ids = [f"i-{number:017x}" for number in range(1, 1501)]
        ec2.stop_instances(InstanceIds=ids[:1000])
        with pytest.raises(ClientError) as refused:
            ec2.stop_instances(InstanceIds=ids[1000:])
        assert refused.value.response["Error"]["Code"] == "RequestLimitExceeded"
        assert [call.throttled for call in double.calls()].count(True) >= 1


@needs_double
def test_a_fault_that_was_ordered_comes_as_often_as_it_was() -> None:
    fault = {"service": "ec2", "operation": "DescribeRegions", "every": 2, "status": 500, "code": "InternalError"}
    with doubles.running(BUILT, {"accounts": 1, "faults": [fault]}) as double:
        assert len(client(double, "ec2").describe_regions()["Regions"]) == 17
        assert [call.code for call in double.calls()] == ["InternalError", None]

"""The floor of a halt, computed by hand once."""

import pytest

from bench_lib import floor
from bench_lib.model import Model, stop_tokens

MODEL = Model(
    round_trips={"us-east-1": 0.001, "eu-west-1": 0.1},
    setup_round_trips=2.0,
    service_times=[
        ("ec2", "DescribeInstances", 0.15),
        ("ec2", "StopInstances", 0.3),
        ("dynamodb", "", 0.01),
        ("", "", 0),
    ],
    per_instance=0.0,
)


def test_a_floor_is_the_longest_way_through_what_must_be_called() -> None:
    # The table is the slower of the two lists: a connection, a round trip, its time. Session and regions take none.
    entry = 3 * 0.001 + 0.01 + 2 * 3 * 0.001
    assert MODEL.entry() == pytest.approx(entry)
    look = entry + 3 * 0.1 + 0.15
    stop = look + 0.011 + 0.011 + 0.1 + 0.3  # the lease, the intent, the stop
    found = floor.of(MODEL, {"eu-west-1": 5}, 4)
    assert found.last_stop == pytest.approx(stop)
    assert found.everything == pytest.approx(stop)


def test_where_another_region_trips_the_lease_is_held_before_the_last_look() -> None:
    look = MODEL.entry() + 3 * 0.1 + 0.15
    found = floor.of(MODEL, {"us-east-1": 5, "eu-west-1": 1}, 4)
    assert found.last_stop == pytest.approx(look + 0.011 + 0.1 + 0.3)


def test_quotas_add_what_is_past_the_first_thousand() -> None:
    assert stop_tokens(1000) == 0
    assert stop_tokens(5000) == 200
    assert stop_tokens(100, protected=100) == 10

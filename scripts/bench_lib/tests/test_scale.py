"""What is said of organizations that nobody measured follows from what was, and from nothing else."""

import pytest

from bench_lib.scale import KEYS, MEMORY, Line, Quiet, dollars, largest, predict, smallest_memory

# 70 calls an account of 0.2 ms each, and 40 KiB.
QUIET = Quiet(Line(0.5, 0.03), Line(0.1, 0.014), Line(12.0, 40 / 1024), Line(10, 70))


def test_a_line_goes_through_what_was_measured() -> None:
    line = Line.through((100, 30.0), (400, 90.0))
    assert (line.at(100), line.at(400), line.at(1_000)) == pytest.approx((30.0, 90.0, 210.0))


def test_a_small_function_waits_for_its_share_of_a_processor_and_a_large_one_for_aws() -> None:
    small, large = (predict(QUIET, 10_000, memory, 5, is_hour=False) for memory in (512, 3_008))
    assert (small.binding, large.binding) == ("CPU", "calls at once")
    assert (small.seconds, large.seconds) == pytest.approx((140.1 * 1_769 / 512, 300.5))


def test_the_list_of_accounts_and_the_turn_of_an_hour_take_their_time_whatever_else_takes_none() -> None:
    nothing = Quiet(Line(0, 0), Line(0, 0), Line(0, 0), Line(0, 0))
    listed, written = predict(nothing, 10_000, 512, 5), predict(nothing, 10_001, 512, 5)
    assert (listed.binding, written.binding) == ("ListAccounts", "ListAccounts")
    assert listed.seconds == pytest.approx(62.5)
    assert written.seconds >= 10_001 * 6 / 1_000 / KEYS


def test_what_fits_fits_at_every_smaller_size_too() -> None:
    for tick in (1, 5):
        for memory in MEMORY:
            most = largest(QUIET, memory, tick)
            assert predict(QUIET, most, memory, tick).seconds <= tick * 30
            assert predict(QUIET, most + 1, memory, tick).seconds > tick * 30
            assert smallest_memory(QUIET, most, tick) in [one for one in MEMORY if one <= memory]
        assert smallest_memory(QUIET, 10 * largest(QUIET, MEMORY[-1], tick), tick) is None


def test_a_month_costs_more_for_more_accounts_and_for_more_sweeps() -> None:
    assert dollars(QUIET, 1_000, 512, 5) < dollars(QUIET, 2_000, 512, 5) < dollars(QUIET, 2_000, 512, 1)

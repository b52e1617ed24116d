"""For all tests of the scripts."""

from collections.abc import Iterator

import pytest

from lib.ministack import Ministack, running


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    with running() as ministack:
        yield ministack


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A run in which every test was skipped has shown nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if session.exitstatus == pytest.ExitCode.OK and reporter and not reporter.stats.get("passed"):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED

"""One moto for all tests, which each find it empty; before it each has a double of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import servers
from .command import Command
from .servers import Moto, ScriptedDouble


@pytest.fixture(scope="session")
def moto() -> Iterator[Moto]:
    with servers.moto() as moto:
        yield moto


@pytest.fixture
def double(moto: Moto) -> Iterator[ScriptedDouble]:
    moto.reset()
    server = ScriptedDouble(moto)
    yield server
    server.stop()


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Command:
    return Command(double, tmp_path)

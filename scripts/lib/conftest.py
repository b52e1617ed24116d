"""What the tests of this folder share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .ministack import Ministack, running
from .watched import Watch, Watched


@pytest.fixture(scope="session")
def ministack() -> Iterator[Ministack]:
    with running() as ministack:
        yield ministack


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Starts a program that is watched, and ended with the test."""
    with ExitStack() as started:
        yield lambda *what, **how: started.enter_context(Watched(*what, **how))

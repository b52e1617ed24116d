"""What the tests of this folder share."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from .watched import Watch, Watched


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Starts a program that is watched, and ended with the test."""
    with ExitStack() as started:
        yield lambda *what, **how: started.enter_context(Watched(*what, **how))

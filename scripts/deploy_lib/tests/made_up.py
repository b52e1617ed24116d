"""Contracts as a later guard might write them."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from deploy_lib.contract import FILE, Contract, read


def contract(change: Callable[[dict], object]) -> Contract:
    """The checkout's own, with a change."""
    said = json.loads(FILE.read_text())
    change(said)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE.name
        file.write_text(json.dumps(said))
        return read(file)

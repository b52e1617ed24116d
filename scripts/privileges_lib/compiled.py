"""The compiled crate and the sources of the SDK that it was compiled with, as cargo has them."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib import ending

# What `scripts/test adapters` compiles: another choice of packages would unify features differently and compile the SDK
# anew.
COMPILE = [
    "cargo",
    "test",
    "--workspace",
    "--locked",
    "--test",
    "moto",
    "--test",
    "ministack",
    "--no-run",
    "--message-format=json",
]
CRATE = "runawaytrain_aws"


@dataclass
class Compiled:
    library: Path
    # The folder of each crate, by the crate's name in code.
    crates: dict[str, Path]


def compiled(root: Path) -> Compiled:
    """Compiles what is not compiled yet."""
    done = ending.run(COMPILE, cwd=root, stdout=subprocess.PIPE, text=True)
    done.check_returncode()
    messages = (json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))
    libraries = [
        one
        for one in messages
        if one["reason"] == "compiler-artifact" and "lib" in one["target"]["kind"] and not one["profile"]["test"]
    ]
    crates = {one["target"]["name"]: Path(one["manifest_path"]).parent for one in libraries}
    files = next(one["filenames"] for one in libraries if one["target"]["name"] == CRATE)
    return Compiled(Path(next(file for file in files if file.endswith(".rlib"))), crates)

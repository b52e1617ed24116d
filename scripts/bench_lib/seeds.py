"""The handler that the project began with, as its listing has it: `python -m bench_lib.seeds`, with the source as its
input and the endpoint in the environment. The listing is read where it is and kept nowhere."""

import sys
from pathlib import Path
from typing import Any

FENCE = "```"


def listings(folder: Path) -> dict[str, str]:
    """The Python of each listing in a folder that has a handler, by the file's name."""
    found: dict[str, str] = {}
    for file in sorted(folder.iterdir()):
        blocks = file.read_text(errors="replace").split(FENCE)[1::2] if file.is_file() else []
        handlers = [block for block in blocks if "def lambda_handler" in block]
        if handlers:
            found[file.stem] = handlers[0]
    return found


def run(source: str) -> Any:
    names: dict[str, Any] = {}
    exec(compile(source, "the seeds' handler", "exec"), names)  # what we were told to measure
    return names["lambda_handler"]({"action": "proceed"}, None)


if __name__ == "__main__":
    print(run(sys.stdin.read()))

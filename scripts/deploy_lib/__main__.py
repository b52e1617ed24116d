"""`scripts/deploy`: the arguments and the exit code. Before the arguments are read only the standard library is imported, so that --help
always works."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy_lib.options import parse  # noqa: E402: the path comes first
from lib import ending  # noqa: E402


def main() -> int:
    options = parse()
    try:
        ending.listen()
        from deploy_lib import flow
    except ending.Interrupted as interrupted:  # the libraries take a second to load
        print("\ninterrupted; nothing was changed")
        return interrupted.code
    return flow.run(options)


if __name__ == "__main__":
    sys.exit(main())

"""`scripts/deploy`: the arguments and the exit code. Before the arguments are read only the standard library is imported, so that --help
always works."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from deploy_lib.options import parse  # noqa: E402: the path comes first

INTERRUPTED = 130


def main() -> int:
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, lambda *_: signal.raise_signal(signal.SIGINT))
    options = parse()
    try:
        from deploy_lib import flow
    except KeyboardInterrupt:  # the libraries take a second to load
        print("\ninterrupted; nothing was changed")
        return INTERRUPTED
    return flow.run(options)


if __name__ == "__main__":
    sys.exit(main())

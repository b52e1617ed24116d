"""`scripts/demo`: the arguments and the exit code. Only the standard library is imported here, so that --help always
works."""

import argparse
import sys
from pathlib import Path

TEXT = """\
Plays the main job on this machine, without an AWS account: builds the Lambda, deploys the real stack with `cdk
deploy` to an emulator that enforces keys and roles, makes an organization of a payer and twelve sub-accounts,
enrolls eleven of them, lets two run away, and invokes the Lambda: pass, drill, proceed, proceed again. What
happened is then shown, and released, by the operator's command `runawaytrain`. Next, two more accounts run away
between two sweeps, when nobody invokes anything: a spend alarm rings, 200 launches are reported, and messages
are forged. Four more are halted by money alone: by the price of one instance, by an estimate where there is no
price, by Cost and Usage Reports, by a billing alarm. At the end the dashboard is drawn, into
.build/dashboard.svg. Everything that the demo says about the result is checked; one false claim makes the exit
code 1.

--thorough goes on with what can go wrong, in some minutes more: bad input, a malformed variable, a region
that refuses, a notify list's topic that is gone, the stack removed and deployed again, the state table gone,
alarms that ask for nothing, a launch that could not be judged; with the operator's own test of it all, a live
drill; and with a sweep of many workers under Step Functions, one of which dies.
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--keep", action="store_true", help="leave the emulator running and say how to use it")
    parser.add_argument("--thorough", action="store_true", help="play also what can go wrong; `scripts/test e2e` does")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the logs of the steps and of the Lambda")
    parser.add_argument("--bootstrap", type=Path, metavar="FILE", help="deploy this binary instead of building one")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from demo_lib import play

    return play.run(keep=options.keep, verbose=options.verbose, thorough=options.thorough, bootstrap=options.bootstrap)


if __name__ == "__main__":
    sys.exit(main())

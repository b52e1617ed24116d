"""`scripts/release`: the arguments and the exit code."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lib import ending  # the folder above must be found first
from release_lib import commands
from release_lib.paths import COMMAND_TARGETS, TARGETS
from release_lib.problem import Problem

TEXT = """\
Only the pipeline releases: .github/workflows/release.yml, for a tag vX.Y.Z. docs/releasing.md says how.

scripts/release --dry-run makes on this machine what the pipeline makes for x86_64, and says what is left to it.
The other commands are the pipeline's own steps.
"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="scripts/release", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.set_defaults(run=commands.how_to_release)
    made.add_argument(
        "--dry-run",
        dest="run",
        action="store_const",
        const=commands.dry_run,
        help="make everything that can be made here, publish nothing",
    )
    made.add_argument(
        "--version", metavar="X.Y.Z", help="the version that is expected; the workspace's own must be the same"
    )
    made.add_argument("--bootstrap", type=Path, metavar="FILE", help="pack this binary instead of building one")
    made.add_argument(
        "--command", type=Path, metavar="FILE", help="pack this binary of the command instead of building one"
    )
    made.add_argument("--output", type=Path, metavar="FOLDER", help="where the files go (.build/release/X.Y.Z)")
    made.add_argument("--allow-dirty", action="store_true", help="go on with changes that are not committed")

    steps = made.add_subparsers(title="steps of the pipeline", metavar="STEP")
    check = steps.add_parser("check", help="a tag against the versions and the changelog")
    check.set_defaults(run=commands.check)
    check.add_argument("tag")

    pack = steps.add_parser("pack", help="build, zip, synthesize, list the parts, for one architecture")
    pack.set_defaults(run=commands.pack)
    pack.add_argument("--arch", choices=sorted(TARGETS), required=True)
    pack.add_argument("--bootstrap", type=Path, default=None)
    pack.add_argument("--output", type=Path, required=True)

    command = steps.add_parser(
        "command", help="build the command and pack it with its pages and completions, where it runs"
    )
    command.set_defaults(run=commands.command)
    command.add_argument("--target", choices=COMMAND_TARGETS, required=True)
    command.add_argument("--command", type=Path, default=None)
    command.add_argument("--output", type=Path, required=True)

    finish = steps.add_parser("finish", help="add the notes, the CDK app's parts and the checksums")
    finish.set_defaults(run=commands.finish)
    finish.add_argument("--output", type=Path, required=True)

    fetch = steps.add_parser("fetch", help="download a published release, verify it, unpack its assembly")
    fetch.set_defaults(run=commands.fetch)
    fetch.add_argument("--version", required=True)
    fetch.add_argument("--arch", choices=sorted(TARGETS), required=True)
    fetch.add_argument("--output", type=Path, required=True)
    fetch.add_argument("--sums", help="the SHA-256 of the SHA256SUMS that was approved")

    drilled = steps.add_parser("drilled", help="whether the function's answer to a drill is a good one")
    drilled.set_defaults(run=commands.drilled)
    drilled.add_argument("answer", type=Path)
    return made


def main() -> int:
    options = parser().parse_args()
    try:
        ending.listen()
        return options.run(options)
    except ending.Interrupted as interrupted:
        print("\ninterrupted; what lies in the output folder is no release", file=sys.stderr)
        return interrupted.code
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

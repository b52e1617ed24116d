"""`scripts/privileges`: the arguments and the exit code. Only the standard library is imported here, so that --help
works where nothing is installed."""

import argparse
import sys
from pathlib import Path

TEXT = """\
Proves least privilege. Holds against each other, and prints as a table:

  what lambda/aws can call   by the compiler's word: the operations of the SDK that the compiled crate names
  what the kinds list        READS and CALLS of every kind of resource (lambda/core/src/resource/), from which observe
                             and contain in infra/generated/contract.json are generated
  what it was seen to call   requests that `scripts/test rust adapters e2e` recorded on the wire (.build/wire)
  what the roles may do      the function's, the payer's responder's (the stack that `scripts/test templates`
                             synthesized) and a member's responder's (stacksets/member.yaml)
  how narrow AWS allows it   AWS's own tables of actions and resources

One difference, in any direction, and the exit code is 1. Each is a sentence that says what to edit; nothing is written.
After a change of READS or CALLS: UPDATE_GENERATED=1 cargo test -p runawaytrain-core --test generated
"""


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    argparse.ArgumentParser(prog="scripts/privileges", description=TEXT, formatter_class=raw).parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from lib import ending
    from privileges_lib import check

    try:
        ending.listen()
        return check.run()
    except ending.Interrupted as interrupted:
        print("\ninterrupted; nothing was proved", file=sys.stderr)
        return interrupted.code


if __name__ == "__main__":
    sys.exit(main())

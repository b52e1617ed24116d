"""`scripts/privileges`: the arguments and the exit code. Only the standard library is imported here, so that --help always works."""

import argparse
import sys
from pathlib import Path

TEXT = """\
Proves least privilege. Holds against each other, and prints as a table:

  what lambda/aws can call   by the compiler's word: the operations of the SDK that the compiled crate names
  what it was seen to call   requests that `scripts/test rust adapters e2e` recorded on the wire (.build/wire)
  what the roles may do      the function's, the payer's responder's (the stack that `scripts/test templates` synthesized)
                             and a member's responder's (stacksets/member.yaml)
  how narrow AWS allows it   AWS's own tables of actions and resources

One difference, in any direction, and the exit code is 1. --update writes the lists that the session of a look and the
responder's role are made of (lambda/core/src/contract/permissions.rs) anew from what the compiled crate calls.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/privileges", description=TEXT, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the lists of permissions anew, and check nothing")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from privileges_lib import check

    return check.update() if options.update else check.run()


if __name__ == "__main__":
    sys.exit(main())

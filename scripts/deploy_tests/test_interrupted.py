"""`scripts/deploy`, told to end: at a terminal, and in the background, where SIGINT is ignored and only SIGTERM is left."""

import fcntl
import shutil
import signal
import time
import unittest

from demo_lib.paths import ROOT
from lib.watched import Watched

from . import payer
from .command import PROGRAM, SECONDS, Command
from .servers import environment

BACKGROUND = (signal.SIGINT,)
QUESTION = "Write your organization's ids into the policy file? [y/N]"


class Interrupted(Command):
    def setUp(self):
        super().setUp()
        self.write(payer.SAMPLE)
        self.organization, self.root = payer.organization(self.moto)

    def start(self, *arguments: str, before: tuple[str, ...] = (), **how) -> Watched:
        env = environment(self.double.endpoint) | {"TERM": "xterm"}
        # scripts/test attends its stages; a person at a terminal does not.
        env.pop("RUNAWAYTRAIN_ATTENDED", None)
        return Watched(self, [*before, str(PROGRAM), "--policy", str(self.policy), *arguments], env, **how)

    def assert_nothing_was_changed(self, program: Watched, code: int) -> None:
        program.until("interrupted; nothing was changed")
        self.assertEqual(program.ends(), code)
        self.assertNotIn("Traceback", program.said)
        self.assertEqual(self.policy.read_text(), payer.SAMPLE)

    def test_ctrl_c_is_a_sentence(self):
        program = self.start(terminal=True)
        program.until(QUESTION)
        program.type(b"\x03")
        self.assert_nothing_was_changed(program, 130)

    def test_in_the_background_sigterm_is_heard(self):
        program = self.start(terminal=True, ignoring=BACKGROUND)
        program.until(QUESTION)
        program.child.terminate()
        self.assert_nothing_was_changed(program, 143)

    def test_nohup_outlives_its_terminal(self):
        program = self.start(terminal=True, ignoring=(*BACKGROUND, signal.SIGHUP))
        program.until(QUESTION)
        program.child.send_signal(signal.SIGHUP)
        program.child.terminate()
        self.assert_nothing_was_changed(program, 143)

    def test_in_the_background_of_a_terminal_nobody_is_asked(self):
        """A question there would stop the process without a word."""
        shell = ("bash", "-c", 'set -m; "$@" & wait $!', "bash")
        program = self.start(before=shell, terminal=True)
        program.until("Nothing was deployed.")
        self.assertEqual(program.ends(), 1)
        self.assertNotIn("[y/N]", program.said)

    def test_the_cdk_ends_too_and_what_stays_is_said(self):
        payer.enable_scps(self.moto, self.root)
        self.double.access = "ENABLED"
        self.write(payer.policy_text(self.organization, self.root))  # nothing but the bootstrap is missing
        self.double.held.add("CreateChangeSet")
        binary = self.folder / "bootstrap"
        binary.write_bytes(b"never run here")
        program = self.start("--yes", "--cdk-bootstrap", "--function", str(binary), ignoring=BACKGROUND)
        self.eventually(lambda: "CreateChangeSet" in self.double.asked, "the CDK began")
        program.child.terminate()
        program.until("interrupted; nothing was deployed; what was switched on stays on; run scripts/deploy again")
        self.assertEqual(program.ends(), 143)
        self.eventually(lambda: self.double.let_go == ["CreateChangeSet"], "the CDK is gone")

    @unittest.skipUnless(shutil.which("flock"), "the lock is taken only where there is flock")
    def test_while_the_tools_are_installed(self):
        with (ROOT / ".tools" / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            program = self.start("--check", ignoring=BACKGROUND)
            program.until("waiting for another script")
            program.child.terminate()
            self.assert_nothing_was_changed(program, 143)

    def eventually(self, so, what: str, seconds: float = SECONDS) -> None:
        until = time.monotonic() + seconds
        while not so():
            if time.monotonic() > until:
                self.fail(f"not within {seconds:g} s: {what}")
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()

"""`check --watch` at a terminal, look by look; and Ctrl-C wherever a command waits: for a look, for a name, for the guard."""

import re
import time

from lib.watched import Watched

from . import payer
from .command import OPERATOR, Command
from .servers import PAYER, environment
from .test_guarding import POLICY, READS

INTERRUPTED, TERMINATED, NOT_DONE = 130, 143, 1
CTRL_C = b"\x03"
EVERY = "--watch=5"  # seconds: as often as the command takes
LOOK_SECONDS = 180
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


class Watching(Command):
    def setUp(self):
        super().setUp()
        organization, _ = payer.organization(self.moto)
        created = self.moto.client("organizations").create_account(Email="a@example.edu", AccountName="physics")
        self.member = created["CreateAccountStatus"]["AccountId"]
        self.write(POLICY.replace("MEMBER", self.member).replace("o-exampleorg", organization))
        self.double.asked.clear()

    def start(self, *arguments: str) -> Watched:
        env = environment(self.double.endpoint) | {"TERM": "xterm"}
        return Watched(self, [OPERATOR, *arguments, "--policy", self.policy], env, terminal=True)

    def until_asked(self, operation: str, program: Watched) -> None:
        end = time.monotonic() + LOOK_SECONDS
        while operation not in self.double.asked:
            self.assertLess(time.monotonic(), end, f"{operation} was not asked within {LOOK_SECONDS} s: {program.said}")
            self.assertIsNone(program.child.poll(), program.said)
            time.sleep(0.05)

    def assert_interrupted(self, program: Watched, words: str, code: int = INTERRUPTED) -> None:
        program.until(f"interrupted; {words}")
        self.assertEqual(program.ends(), code, program.said)
        self.assertNotIn("panicked", program.said)

    def assert_nothing_was_changed(self) -> None:
        self.assertEqual([operation for operation in self.double.asked if not operation.startswith(READS)], [])

    def test_each_look_says_when_it_was_and_what_is_new(self):
        program = self.start("check", PAYER, EVERY)
        program.until("all within their limits", LOOK_SECONDS)
        self.moto.client("ec2").run_instances(ImageId="ami-12345678", InstanceType="t2.micro", MinCount=5, MaxCount=5)
        program.until("1 past a limit or contained", LOOK_SECONDS)
        program.type(CTRL_C)
        self.assert_interrupted(program, "nothing was changed")
        moments = MOMENT.findall(program.said)
        self.assertGreaterEqual(len(moments), 2, program.said)
        self.assertEqual(moments, sorted(set(moments)), "each look at its own time")
        self.assert_nothing_was_changed()

    def test_what_stands_in_the_way_of_one_look_does_not_end_the_watch(self):
        self.double.denied.add("Invoke")
        program = self.start("check", PAYER, EVERY)
        program.until("lambda:InvokeFunction", LOOK_SECONDS)
        self.double.denied.clear()
        program.until("all within their limits", LOOK_SECONDS)
        program.child.terminate()
        self.assert_interrupted(program, "nothing was changed", TERMINATED)
        self.assertGreaterEqual(len(MOMENT.findall(program.said)), 2, program.said)

    def test_a_watch_is_no_document(self):
        code, said = self._run([OPERATOR, "check", EVERY, "--policy", self.policy, "--output", "json"], {})
        self.assertEqual(code, NOT_DONE, said)
        self.assertIn("--watch is for people", said)

    def test_ctrl_c_during_a_look_ends_it_at_once(self):
        self.double.held.add("DescribeInstances")
        program = self.start("check", PAYER, EVERY)
        self.until_asked("DescribeInstances", program)
        program.type(CTRL_C)
        self.assert_interrupted(program, "nothing was changed")
        self.assert_nothing_was_changed()

    def test_ctrl_c_at_the_question_gives_no_order(self):
        for order in (["halt", "physics", "--reason", "a test"], ["release", "physics"]):
            with self.subTest(order[0]):
                program = self.start(*order)
                program.until("to go on:", LOOK_SECONDS)
                program.type(CTRL_C)
                self.assert_interrupted(program, "nothing was changed")
        self.assertNotIn("Invoke", self.double.asked)

    def test_ctrl_c_during_an_order_says_that_the_guard_goes_on_with_it(self):
        """The guard is at work by then, and nothing calls it back: whoever pressed it must know, and what to ask."""
        self.double.held.add("Invoke")
        for order in (["halt", "physics", "--yes", "--reason", "a test"], ["release", "physics", "--yes"]):
            with self.subTest(order[0]):
                self.double.asked.clear()
                program = self.start(*order)
                self.until_asked("Invoke", program)
                program.type(CTRL_C)
                self.assert_interrupted(
                    program, f"the guard goes on with it; `runawaytrain status {self.member}` follows"
                )
                self.assertEqual(self.double.asked.count("Invoke"), 1, "an order is given once")

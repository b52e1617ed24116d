"""`check --watch` at a terminal, look by look; and Ctrl-C wherever a command waits: for a look, for a name, for the
guard."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo_lib.paths import OPERATOR
from lib.watched import Watched, eventually

from .servers import PAYER, ScriptedDouble, environment
from .test_guarding import NOT_DONE, READS, Guarding

INTERRUPTED, TERMINATED = 130, 143
CTRL_C = b"\x03"
EVERY = "--watch=5"  # seconds: as often as the command takes
LOOK_SECONDS = 180.0
ORDERS = ("halt", "release")
MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


class Watching(Guarding):
    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.started = ExitStack()
        self.double.asked.clear()

    def start(self, *arguments: str) -> Watched:
        env = environment(self.double.endpoint) | {"TERM": "xterm"}
        return self.started.enter_context(Watched([OPERATOR, *arguments, "--policy", self.policy], env, terminal=True))

    def until_asked(self, operation: str, program: Watched) -> None:
        def asked_or_ended() -> bool:
            return operation in self.double.asked or program.child.poll() is not None

        eventually(asked_or_ended, f"{operation} is asked", LOOK_SECONDS)
        assert operation in self.double.asked, program.said

    def assert_nothing_was_changed(self) -> None:
        assert [operation for operation in self.double.asked if not operation.startswith(READS)] == []


def assert_interrupted(program: Watched, words: str, code: int = INTERRUPTED) -> None:
    program.until(f"interrupted; {words}")
    assert program.ends() == code, program.said
    assert "panicked" not in program.said


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Iterator[Watching]:
    command = Watching(double, tmp_path)
    with command.started:
        yield command


def test_each_look_says_when_it_was_and_what_is_new(command: Watching) -> None:
    program = command.start("check", PAYER, EVERY)
    program.until("all within their limits", LOOK_SECONDS)
    command.launch(5)
    program.until("1 past a limit or contained", LOOK_SECONDS)
    program.type(CTRL_C)
    assert_interrupted(program, "nothing was changed")
    moments = MOMENT.findall(program.said)
    assert len(moments) >= 2, program.said
    assert moments == sorted(set(moments)), "each look at its own time"
    command.assert_nothing_was_changed()


def test_what_stands_in_the_way_of_one_look_does_not_end_the_watch(command: Watching) -> None:
    command.double.denied.add("Invoke")
    program = command.start("check", PAYER, EVERY)
    program.until("lambda:InvokeFunction", LOOK_SECONDS)
    command.double.denied.clear()
    program.until("all within their limits", LOOK_SECONDS)
    program.child.terminate()
    assert_interrupted(program, "nothing was changed", TERMINATED)
    assert len(MOMENT.findall(program.said)) >= 2, program.said


def test_a_watch_is_no_document(command: Watching) -> None:
    code, said = command.say("check", EVERY, "--output", "json")
    assert code == NOT_DONE, said
    assert "--watch is for people" in said


def test_ctrl_c_during_a_look_ends_it_at_once(command: Watching) -> None:
    command.double.held.add("DescribeInstances")
    program = command.start("check", PAYER, EVERY)
    command.until_asked("DescribeInstances", program)
    program.type(CTRL_C)
    assert_interrupted(program, "nothing was changed")
    command.assert_nothing_was_changed()


@pytest.mark.parametrize("order", ORDERS)
def test_ctrl_c_at_the_question_gives_no_order(command: Watching, order: str) -> None:
    program = command.start(order, "physics")
    program.until("to go on:", LOOK_SECONDS)
    program.type(CTRL_C)
    assert_interrupted(program, "nothing was changed")
    assert "Invoke" not in command.double.asked


@pytest.mark.parametrize("order", ORDERS)
def test_ctrl_c_during_an_order_says_that_the_guard_goes_on_with_it(command: Watching, order: str) -> None:
    """The guard is at work by then, and nothing calls it back: whoever pressed it must know, and what to ask."""
    command.double.held.add("Invoke")
    program = command.start(order, "physics", "--yes")
    command.until_asked("Invoke", program)
    program.type(CTRL_C)
    assert_interrupted(program, f"the guard goes on with it; `runawaytrain status {command.member}` follows")
    assert command.double.asked.count("Invoke") == 1, "an order is given once"


def test_ctrl_c_during_an_exception_says_that_the_guard_goes_on_with_it(command: Watching) -> None:
    command.double.held.add("Invoke")
    program = command.start("allow", "physics", "--instances", "200", "--until", "2026-12-01", "--reason", "a run")
    command.until_asked("Invoke", program)
    program.type(CTRL_C)
    assert_interrupted(program, f"the guard goes on with it; `runawaytrain status {command.member}` follows")

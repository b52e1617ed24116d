"""Every script that takes its time ends when it is told to, in the background too, and leaves nothing running.

A copy of the scripts, so that no recording or log of this checkout is touched; the tools are its own. The compiler is
one that never ends."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from . import ending
from .watched import Watch, Watched, eventually

ROOT = Path(__file__).resolve().parents[2]
# It answers at once where a test only compiles, and says where the emulator is that it was to run against.
CARGO = """\
#!/bin/sh
case "$*" in *--no-run*) exit 0 ;; esac
echo "$RUNAWAYTRAIN_MOTO" >"$HERE/moto"
echo $$ >"$HERE/cargo.new"
mv "$HERE/cargo.new" "$HERE/cargo"
exec sleep 3600
"""
# A command that ends when it likes.
STUBBORN = (
    'source scripts/lib/attend.sh; listen "leave all-is-ended"; attend bash -c "trap : TERM; echo begun; while :; do'
    ' sleep 0.1; done"'
)


class Scripts:
    def __init__(self, folder: Path, watch: Watch):
        self.folder, self.watch = folder, watch
        shutil.copytree(
            ROOT / "scripts", self.folder / "scripts", ignore=shutil.ignore_patterns("__pycache__", ".*_cache")
        )
        for name in (".tools", "infra", "lambda", "stacksets", "Cargo.toml", "Cargo.lock", "runawaytrain.yaml"):
            (self.folder / name).symlink_to(ROOT / name)
        for name in ("bin", "temp", "out"):
            (self.folder / name).mkdir()
        cargo = self.folder / "bin" / "cargo"
        cargo.write_text(CARGO)
        cargo.chmod(0o755)

    def start(self, *command: str) -> Watched:
        """As `nohup COMMAND &` has it."""
        env = os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HERE": str(self.folder),
            "TMPDIR": str(self.folder / "temp"),
            "CARGO_TARGET_DIR": str(self.folder / "out" / "target"),
        }
        env.pop("RUNAWAYTRAIN_ATTENDED", None)
        return self.watch(list(command), env, ignoring=(signal.SIGINT, signal.SIGHUP), cwd=self.folder)

    def compiler(self) -> int:
        """The compiler's process, once it runs."""
        eventually((self.folder / "cargo").is_file, "the compiler was started")
        return int((self.folder / "cargo").read_text())

    def told_to_end(self, *command: str) -> Watched:
        program = self.start(*command)
        compiler = self.compiler()
        program.child.terminate()
        program.until("interrupted", 60)
        assert program.ends(60) == 143, program.said
        assert "Traceback" not in program.said
        eventually(lambda: not runs(compiler), "the compiler is gone", 10)
        return program


@pytest.fixture
def scripts(tmp_path: Path, watch: Watch) -> Scripts:
    return Scripts(tmp_path, watch)


def test_the_build(scripts: Scripts) -> None:
    scripts.told_to_end("scripts/build")


def test_the_demo_while_it_builds(scripts: Scripts) -> None:
    scripts.told_to_end("scripts/demo")
    assert list((scripts.folder / "temp").iterdir()) == []


def test_the_release_while_it_builds(scripts: Scripts) -> None:
    scripts.told_to_end("scripts/release", "pack", "--arch", "x86_64", "--output", str(scripts.folder / "out"))


def test_the_formatting(scripts: Scripts) -> None:
    subprocess.run(["git", "init", "--quiet", scripts.folder], check=True)
    scripts.told_to_end("scripts/fix")
    assert list((scripts.folder / "temp").iterdir()) == []


def test_a_stage_of_the_tests_with_its_emulators(scripts: Scripts) -> None:
    program = scripts.start("scripts/test", "adapters")
    compiler = scripts.compiler()
    emulator = (scripts.folder / "moto").read_text().strip()
    urllib.request.urlopen(f"{emulator}/moto-api/", timeout=30).close()
    program.child.terminate()
    program.until("interrupted in stage adapters; everything that was started is ended", 60)
    assert program.ends(60) == 143, program.said
    assert not runs(compiler)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{emulator}/moto-api/", timeout=30)
    assert list((scripts.folder / "temp").iterdir()) == []


def test_what_does_not_want_to_end_is_ended(scripts: Scripts) -> None:
    program = scripts.start("bash", "-c", STUBBORN)
    program.until("begun")
    program.child.terminate()
    program.until("interrupted; all-is-ended", 60)
    assert program.ends() == 143


def test_a_command_that_takes_too_long_is_ended_with_its_children_and_its_last_words_are_told() -> None:
    began = 'sleep 3600 & echo "child $!"; wait'
    with pytest.raises(ending.TookTooLong) as raised:
        ending.run(["sh", "-c", began], 2, stdout=subprocess.PIPE, text=True)
    assert "did not end within 2 s; its last words: child" in str(raised.value)
    child = int(str(raised.value).rsplit("child ", 1)[1])
    assert not runs(child)


def test_what_it_left_running_ends_with_it() -> None:
    done = ending.run(["sh", "-c", "sleep 3600 >/dev/null & echo $!; exit 3"], 60, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 3
    assert not runs(int(done.stdout))


def test_a_signal_that_the_shell_made_it_ignore_stays_so_but_for_sigterm(watch: Watch) -> None:
    code = (
        "import signal, sys; sys.path.insert(0, 'scripts'); from lib import ending; ending.listen()\n"
        + "print([signal.getsignal(sign) is signal.SIG_IGN for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)])"
    )
    for ignoring, said in (
        ((signal.SIGINT,), "[True, False, False]"),
        ((signal.SIGHUP,), "[False, False, True]"),
        ((), "[False, False, False]"),
    ):
        program = watch([sys.executable, "-c", code], dict(os.environ), ignoring=ignoring, cwd=ROOT)
        program.until(said)


def runs(process: int) -> bool:
    """A process that is dead and not waited for yet does not run."""
    done = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], stdout=subprocess.PIPE, text=True, timeout=30)
    return done.stdout.strip()[:1] not in ("", "Z")

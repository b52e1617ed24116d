"""What is made for one architecture: the function, the cloud assembly that deploys it, the list of what is linked into
it and into the command. And what is made on each kind of machine: the command, with its pages and completions."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from lib import ending

from . import bom
from .archive import tar_folder, zip_folder
from .crates import COMMAND, FUNCTION
from .paths import BUILD, CDK, INFRA, ROOT, TARGETS, Names, commands_of, host, runs_here
from .problem import Problem

# Where the CDK app lays the function out before it becomes an asset: infra/lib/guard/function-asset.ts.
STAGED = "function"
# Each shell's completions, by the name of the file that the shell looks for.
COMPLETIONS = {
    "bash": "runawaytrain.bash",
    "elvish": "runawaytrain.elv",
    "fish": "runawaytrain.fish",
    "powershell": "_runawaytrain.ps1",
    "zsh": "_runawaytrain",
}
# The command only prints; a minute is for a machine on which much else runs.
SECONDS = 60


def pack(version: str, arch: str, bootstrap: Path | None, output: Path) -> None:
    """Builds unless a built function is named, and leaves the files in `output`."""
    binary = bootstrap.resolve() if bootstrap else _build(arch)
    if not binary.is_file():
        raise Problem(f"--bootstrap {bootstrap}: there is no such file. Leave the option out to build the function.")
    output.mkdir(parents=True, exist_ok=True)
    names = Names(version)
    with tempfile.TemporaryDirectory(prefix="runawaytrain-release-") as temp:
        assembly = Path(temp) / "assembly"
        _synthesize(arch, binary, assembly)
        # The binary and the policy beside it, exactly as the assembly deploys them.
        zip_folder(assembly / STAGED, output / names.function(arch))
        # Its content is in the assembly a second time, as the asset.
        shutil.rmtree(assembly / STAGED)
        tar_folder(assembly, output / names.assembly(arch))
    (output / names.function_bom(arch)).write_text(bom.of_binary(FUNCTION, TARGETS[arch]))
    for target in commands_of(arch):
        (output / names.command_bom(target)).write_text(bom.of_binary(COMMAND, target))


def pack_command(version: str, target: str, binary: Path | None, output: Path) -> None:
    """Builds unless a built command is named, and leaves the archive in `output`: the binary, its pages, its
    completions, the license."""
    if not runs_here(target):
        raise Problem(
            f"--target {target}: this machine is {host()}, and the command writes its pages itself. Run this on a"
            " machine that runs it."
        )
    built = binary.resolve() if binary else _build_command(target)
    if not built.is_file():
        raise Problem(f"--command {binary}: there is no such file. Leave the option out to build the command.")
    said = _said_by(built, "--version").strip()
    if said != f"runawaytrain {version}":
        raise Problem(
            f"{built} says that it is '{said}'; this releases runawaytrain {version}. Build the command anew."
        )
    output.mkdir(parents=True, exist_ok=True)
    names = Names(version)
    with tempfile.TemporaryDirectory(prefix="runawaytrain-release-") as temp:
        folder = Path(temp) / names.command_folder(target)
        (folder / "completions").mkdir(parents=True)
        shutil.copy(built, folder / "runawaytrain")
        (folder / "runawaytrain").chmod(0o755)
        shutil.copy(ROOT / "LICENSE", folder / "LICENSE")
        _said_by(built, "man", "--dir", folder / "man")
        for shell, name in COMPLETIONS.items():
            (folder / "completions" / name).write_text(_said_by(built, "completions", shell), encoding="utf-8")
        tar_folder(Path(temp), output / names.command(target))


def _said_by(binary: Path, *arguments: str | Path) -> str:
    how: dict[str, Any] = {"encoding": "utf-8", "errors": "replace"}  # any program may have been named
    try:
        done = ending.run([binary, *arguments], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
    except OSError as error:
        raise Problem(f"{binary} cannot be run: {error}") from error
    if done.returncode != 0:
        raise Problem(f"{binary.name} {' '.join(map(str, arguments))} failed:\n{done.stderr.strip()}")
    return done.stdout


def _build_command(target: str) -> Path:
    if (
        ending.run(
            [ROOT / "scripts" / "build", "--command", "--target", target], env=os.environ | ending.ATTENDED
        ).returncode
        != 0
    ):
        raise Problem(f"the command could not be built for {target}; the compiler's words are above.")
    return BUILD / "command" / "runawaytrain"


def _build(arch: str) -> Path:
    if ending.run([ROOT / "scripts" / "build", "--arch", arch], env=os.environ | ending.ATTENDED).returncode != 0:
        raise Problem(f"the function could not be built for {arch}; the compiler's words are above.")
    return BUILD / arch / "bootstrap"


def _synthesize(arch: str, binary: Path, output: Path) -> None:
    context = ["-c", f"policy={ROOT / 'runawaytrain.yaml'}", "-c", f"bootstrap={binary}", "-c", f"arch={arch}"]
    done = ending.run(
        [CDK, "synth", "--quiet", "--no-notices", "--output", output, *context],
        cwd=INFRA,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode != 0:
        raise Problem(f"the stacks could not be synthesized:\n{done.stderr.strip()}")

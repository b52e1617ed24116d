"""What is made for one architecture: the function, the cloud assembly that deploys it, the list of what is linked into it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from lib import ending

from . import bom
from .archive import tar_folder, zip_folder
from .paths import BUILD, CDK, INFRA, ROOT, Names
from .problem import Problem

# Where the CDK app lays the function out before it becomes an asset: infra/lib/guard/function-asset.ts.
STAGED = "function"


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
    (output / names.function_bom(arch)).write_text(bom.of_function(version, arch))


def _build(arch: str) -> Path:
    if ending.run([ROOT / "scripts" / "build", "--arch", arch], env=os.environ | ending.ATTENDED).returncode != 0:
        raise Problem(f"the function could not be built for {arch}; the compiler's words are above.")
    return BUILD / arch / "bootstrap"


def _synthesize(arch: str, binary: Path, output: Path) -> None:
    context = ["-c", f"policy={ROOT / 'runawaytrain.yaml'}", "-c", f"bootstrap={binary}", "-c", f"arch={arch}"]
    done = ending.run([CDK, "synth", "--quiet", "--no-notices", "--output", output, *context], cwd=INFRA, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Problem(f"the stacks could not be synthesized:\n{done.stderr.strip()}")

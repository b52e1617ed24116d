"""A published release, downloaded and believed only when the release workflow of this repository attested it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from . import checksums
from .archive import unpack
from .paths import SUMS, Names
from .problem import Problem
from .version import plain

WORKFLOW = ".github/workflows/release.yml"
ASSEMBLY = "assembly"


def fetch(version: str, arch: str, output: Path, sums: str | None) -> Path:
    """Leaves the files in `output` and the unpacked assembly beside them, whose path it returns.

    :param sums: the SHA-256 of the SHA256SUMS that somebody approved; anything else is refused.
    """
    tag = f"v{plain(version)}"
    repository = _repository()
    shutil.rmtree(output, ignore_errors=True)
    output.mkdir(parents=True)
    _gh(["release", "download", tag, "--repo", repository, "--dir", output], f"there is no release {tag} to download")
    verify_attestation(output / SUMS, repository, tag)
    return accept(version, arch, output, sums)


def verify_attestation(file: Path, repository: str, tag: str) -> None:
    """One signature is enough: SHA256SUMS, once believed, answers for all the other files."""
    trusted = [
        "--repo",
        repository,
        "--signer-workflow",
        f"{repository}/{WORKFLOW}",
        "--source-ref",
        f"refs/tags/{tag}",
        "--deny-self-hosted-runners",
    ]
    _gh(
        ["attestation", "verify", file, *trusted],
        f"{file.name} was not made by {WORKFLOW} for {tag}; nothing of it may be deployed",
    )


def accept(version: str, arch: str, output: Path, sums: str | None) -> Path:
    """The assembly of a folder whose SHA256SUMS is believed."""
    there = checksums.sha256(output / SUMS) if (output / SUMS).is_file() else "missing"
    if sums is not None and sums != there:
        raise Problem(
            f"{SUMS} is not the one whose differences were shown ({there} instead of {sums}): the release was replaced"
            " meanwhile. Deploy again, and look again."
        )
    names = checksums.verify(output)
    assembly = Names(plain(version)).assembly(arch)
    if assembly not in names:
        raise Problem(f"release {version} has no assembly for {arch}; it has {', '.join(names)}.")
    unpack(output / assembly, output / ASSEMBLY)
    return output / ASSEMBLY


def _repository() -> str:
    repository = os.environ.get("GITHUB_REPOSITORY", "")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise Problem("GITHUB_REPOSITORY does not name a repository, OWNER/NAME; the pipeline sets it.")
    return repository


def _gh(arguments: list[Any], otherwise: str) -> None:
    if shutil.which("gh") is None:
        raise Problem("the command `gh` is missing; it downloads the release and verifies its attestation.")
    if subprocess.run(["gh", *arguments], check=False).returncode != 0:
        raise Problem(f"{otherwise}; gh's own words are above.")

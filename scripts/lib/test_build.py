"""scripts/build before it builds: what it cannot build for is said at once, and nothing is downloaded for it."""

import os
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parents[1] / "build"
SECONDS = 60


def refused(environment: dict[str, str], arch: str, words: str) -> None:
    said = subprocess.run(
        [BUILD, "--arch", arch],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert (said.returncode, said.stdout) == (1, ""), said.stderr
    assert words in said.stderr


@pytest.mark.parametrize(
    ("arch", "triple"), [("arm64", "aarch64-unknown-linux-gnu"), ("x86_64", "x86_64-unknown-linux-gnu")]
)
def test_an_architecture_without_its_standard_library_is_told_how_to_get_one(
    tmp_path: Path, arch: str, triple: str
) -> None:
    rustc = tmp_path / "rustc"
    rustc.write_text(f"#!/bin/sh\necho {tmp_path}\n")
    rustc.chmod(0o755)
    refused({"PATH": f"{tmp_path}:{os.environ['PATH']}"}, arch, f"rustup target add {triple}")


def test_an_architecture_that_lambda_does_not_have() -> None:
    refused({}, "mips", "knows x86_64 and arm64, not 'mips'")

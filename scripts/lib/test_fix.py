"""`scripts/fix` knows every test that writes a file which it otherwise only compares."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIX = (ROOT / "scripts" / "fix").read_text()
SWITCH = "UPDATE_GENERATED"


def listed(name: str) -> list[str]:
    (words,) = re.findall(rf"^{name}=\((.+)\)$", FIX, re.MULTILINE)
    return sorted(words.split())


def reading(folder: str, pattern: str, reads: str) -> list[Path]:
    return [file for file in (ROOT / folder).glob(pattern) if re.search(reads, file.read_text())]


def test_every_rust_test_that_writes_is_run() -> None:
    writing = reading("lambda", "*/tests/**/*.rs", rf'env::var(_os)?\("{SWITCH}"\)')
    assert writing
    assert listed("GENERATING_RUST") == sorted(f"runawaytrain-{file.parts[-3]}::{file.stem}" for file in writing)


def test_every_test_of_the_cdk_app_that_writes_is_run() -> None:
    writing = reading("infra", "test/**/*.ts", rf"process\.env\.{SWITCH}")
    assert writing
    assert listed("GENERATING_INFRA") == sorted(file.relative_to(ROOT / "infra").as_posix() for file in writing)

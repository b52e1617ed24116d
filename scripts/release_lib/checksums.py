"""SHA256SUMS, as `sha256sum --check` reads it."""

import hashlib
from pathlib import Path

from .paths import SUMS
from .problem import Problem


def sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def write(folder: Path) -> Path:
    """Over every file of the folder."""
    sums = folder / SUMS
    files = sorted(file for file in folder.iterdir() if file.is_file() and file != sums)
    sums.write_text("".join(f"{sha256(file)}  {file.name}\n" for file in files))
    return sums


def verify(folder: Path) -> list[str]:
    """The names of the files, when each one is listed and is what the list says, and none of the list is missing."""
    expected = dict(_read(folder / SUMS))
    there = {file.name for file in folder.iterdir() if file.is_file() and file.name != SUMS}
    wrong = [f"{name} is missing" for name in sorted(expected.keys() - there)]
    wrong += [f"{name} is not in {SUMS}" for name in sorted(there - expected.keys())]
    wrong += [
        f"{name} is not the file that was released"
        for name in sorted(expected.keys() & there)
        if sha256(folder / name) != expected[name]
    ]
    if wrong:
        raise Problem(f"{folder}: {'; '.join(wrong)}. Nothing of it may be deployed.")
    return sorted(expected)


def _read(sums: Path) -> list[tuple[str, str]]:
    if not sums.is_file():
        raise Problem(f"{sums} is missing: nothing says what the release consists of.")
    lines = [line.split("  ", 1) for line in sums.read_text().splitlines()]
    pairs = [(line[1], line[0]) for line in lines if len(line) == 2 and len(line[0]) == 64 and "/" not in line[1]]
    if not pairs or len(pairs) != len(lines):
        raise Problem(f"{sums} is not a list of SHA-256 sums.")
    return pairs

"""The section of one version in CHANGELOG.md, in the form of https://keepachangelog.com/en/1.1.0/."""

import re
from pathlib import Path

from .problem import Problem

UNRELEASED = "Unreleased"


def section(changelog: Path, version: str) -> str:
    """What the changelog says about a version, without its heading."""
    found = _find(changelog, version)
    if found is None:
        raise Problem(
            f"{changelog.name} has no section '## [{version}]': rename '## [{UNRELEASED}]' to it, add the date, and"
            f" begin a new '## [{UNRELEASED}]'."
        )
    if not found:
        raise Problem(
            f"the section '## [{version}]' of {changelog.name} is empty: say what changed for those who run it."
        )
    return found


def section_or_unreleased(changelog: Path, version: str) -> tuple[str, bool]:
    """The section and whether it has the version's own heading; until that is written it stands under `Unreleased`."""
    if _find(changelog, version) is not None:
        return section(changelog, version), True
    return section(changelog, UNRELEASED), False


def _find(changelog: Path, name: str) -> str | None:
    parts = re.split(r"^## \[([^\]]+)\].*$", changelog.read_text(), flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    if name not in sections:
        return None
    # The link definitions at the end of the file belong to no section.
    return re.sub(r"^\[[^\]]+\]: .*$", "", sections[name], flags=re.MULTILINE).strip()

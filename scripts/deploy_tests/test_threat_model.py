"""`docs/threat-model.md` names files and tests; each of them must exist, or a claim there has lost what holds it."""

import re

from demo_lib.paths import ROOT

TEXT = " ".join((ROOT / "docs" / "threat-model.md").read_text().split())
MARKED = set(re.findall(r"`([^`]+)`", TEXT))
SPOKEN = set(re.findall(r"“([^”]+)”", TEXT))


def sources(folder: str, *patterns: str) -> str:
    return "\n".join(
        file.read_text()
        for pattern in patterns
        for file in sorted((ROOT / folder).rglob(pattern))
        if "node_modules" not in file.parts
    )


def test_every_test_that_it_names_exists() -> None:
    written = set(re.findall(r"\b(?:fn|def) (\w+)\(", sources("lambda", "*.rs") + sources("scripts", "test_*.py")))
    named = {word for word in MARKED if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+){3,}", word)}
    assert len(named) > 20
    assert named - written == set()


def test_every_scenario_that_it_names_exists() -> None:
    named = {word for word in MARKED if re.fullmatch(r"[a-z-]+\.txt", word)}
    assert len(named) > 5
    assert {name for name in named if not (ROOT / "lambda/engine/tests/scenarios" / name).is_file()} == set()


def test_every_test_of_the_stacks_that_it_quotes_exists() -> None:
    written = sources("infra/test", "*.test.ts").replace("\\'", "'")
    assert len(SPOKEN) > 15
    assert {words for words in SPOKEN if f"it('{words}'" not in written} == set()


def test_every_file_that_it_names_exists() -> None:
    named = {word for word in MARKED if re.fullmatch(r"(lambda|infra|scripts|stacksets|docs)/[\w./-]+", word)}
    assert len(named) > 8
    assert {name for name in named if not (ROOT / name).exists()} == set()

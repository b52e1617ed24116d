"""Versions, changelog, archives, the drill's answer, the command, deny.toml: each alone."""

import json
import os
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

from lib import ending
from release_lib import archive, changelog, crates, dependencies, drill, packing, paths, version
from release_lib.problem import Problem

CHANGELOG = """\
# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-01

### Added

- Something.

## [1.1.0] - 2026-10-01

[1.2.0]: https://example.edu
"""


class Checkout:
    def __init__(self, folder: Path):
        self.folder = folder
        (self.folder / "infra").mkdir()
        (self.folder / "CHANGELOG.md").write_text(CHANGELOG)
        self.say("1.2.0", "1.2.0", "1.2.0")

    def say(self, cargo: str, package: str, lock: str) -> None:
        (self.folder / "Cargo.toml").write_text(f'[workspace.package]\nversion = "{cargo}"\n')
        (self.folder / "infra" / "package.json").write_text(json.dumps({"version": package}))
        (self.folder / "infra" / "package-lock.json").write_text(json.dumps({"version": lock}))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_tag_releases_the_version_of_its_commit(checkout: Checkout) -> None:
    assert version.check_tag("v1.2.0", checkout.folder) == "1.2.0"


def test_another_tag_is_refused(checkout: Checkout) -> None:
    for tag in ("v1.2.1", "1.2.0", "v1.2.0-rc.1", "v1.2.0\n", "refs/tags/v1.2.0"):
        with pytest.raises(Problem, match="does not release this commit"):
            version.check_tag(tag, checkout.folder)


def test_a_version_that_was_forgotten_somewhere_is_refused(checkout: Checkout) -> None:
    for said in (("1.2.0", "1.1.0", "1.2.0"), ("1.2.0", "1.2.0", "1.1.0")):
        checkout.say(*said)
        with pytest.raises(Problem, match="set both"):
            version.check_tag("v1.2.0", checkout.folder)


def test_a_version_that_the_changelog_does_not_know_is_refused(checkout: Checkout) -> None:
    checkout.say("1.3.0", "1.3.0", "1.3.0")
    with pytest.raises(Problem, match=r"no section '## \[1.3.0\]'"):
        version.check_tag("v1.3.0", checkout.folder)


def test_a_version_of_which_the_changelog_says_nothing_is_refused(checkout: Checkout) -> None:
    checkout.say("1.1.0", "1.1.0", "1.1.0")
    with pytest.raises(Problem, match="is empty"):
        version.check_tag("v1.1.0", checkout.folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "CHANGELOG.md"
    file.write_text(CHANGELOG)
    return file


def test_a_section_ends_where_the_next_begins(file: Path) -> None:
    assert changelog.section(file, "1.2.0") == "### Added\n\n- Something."


def test_until_a_version_has_its_section_the_notes_are_the_unreleased(file: Path) -> None:
    file.write_text(CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n- News."))
    assert changelog.section_or_unreleased(file, "1.3.0") == ("- News.", False)
    assert changelog.section_or_unreleased(file, "1.2.0") == ("### Added\n\n- Something.", True)


def test_the_same_files_make_the_same_bytes_whenever_and_wherever(tmp_path: Path) -> None:
    made = []
    for name, moment, first in (("one", 1_000_000_000, "a"), ("two", 1_700_000_000, "b")):
        source = tmp_path / name
        (source / "sub").mkdir(parents=True)
        # Made in another order, at another time, with other rights for others.
        for file in sorted(("a", "b", "sub/c"), key=lambda file: file != first):
            (source / file).write_text(f"content of {file}")
            os.chmod(source / file, (0o755 if file == "b" else 0o644) & (0o700 if name == "two" else 0o777))
            os.utime(source / file, (moment, moment))
        archive.zip_folder(source, tmp_path / f"{name}.zip")
        archive.tar_folder(source, tmp_path / f"{name}.tar.gz")
        made.append(((tmp_path / f"{name}.zip").read_bytes(), (tmp_path / f"{name}.tar.gz").read_bytes()))
    assert made[0] == made[1]


def test_what_is_unpacked_is_what_was_packed_and_replaces_what_was_there(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for place in (source, target):
        place.mkdir()
    (source / "tool").write_text("run")
    (source / "tool").chmod(0o755)
    (target / "old").write_text("old")
    archive.tar_folder(source, tmp_path / "packed.tar.gz")
    archive.unpack(tmp_path / "packed.tar.gz", target)
    assert [file.name for file in target.iterdir()] == ["tool"]
    assert os.access(target / "tool", os.X_OK)


def test_an_archive_that_writes_elsewhere_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar.gz", "w:gz") as packed:
        packed.addfile(tarfile.TarInfo("../escaped"))
    with pytest.raises(Problem, match="cannot be unpacked"):
        archive.unpack(tmp_path / "evil.tar.gz", tmp_path / "target")
    assert not (tmp_path / "escaped").exists()


def judge(folder: Path, answer: str) -> str:
    file = folder / "answer.json"
    file.write_text(answer)
    return drill.judge(file)


def test_a_drill_that_succeeded_is_told(tmp_path: Path) -> None:
    assert judge(tmp_path, '{"statusCode":200,"body":"6 accounts, all Ok"}') == "The drill says: 6 accounts, all Ok"


def test_everything_else_is_a_failure(tmp_path: Path, subtests: pytest.Subtests) -> None:
    for answer in (
        '{"statusCode":500,"body":"no table"}',
        '{"errorMessage":"exited"}',
        '{"body":"200"}',
        '{"statusCode":"200"}',
        "[]",
        "null",
        "",
    ):
        with subtests.test(answer), pytest.raises(Problem):
            judge(tmp_path, answer)


def test_the_package_of_the_command_installs_one_binary_which_unwinds() -> None:
    """`cargo install --git … runawaytrain-operator` builds the release profile: a look must survive the panic of one
    account."""
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    done = ending.run(command, 60, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
    (operator,) = [one for one in json.loads(done.stdout)["packages"] if one["name"] == crates.COMMAND]
    assert [target["name"] for target in operator["targets"] if "bin" in target["kind"]] == ["runawaytrain"]
    profiles = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["profile"]
    assert profiles["release"].get("panic", "unwind") == "unwind"


def test_a_command_that_cannot_be_packed_is_refused_in_a_sentence(tmp_path: Path, subtests: pytest.Subtests) -> None:
    elsewhere = next(target for target in paths.COMMAND_TARGETS if not paths.runs_here(target))
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho runawaytrain 0.0.1\n")
    other.chmod(0o755)
    text = tmp_path / "text"
    text.write_text("no program")
    for target, binary, why in (
        (elsewhere, other, "Run this on a machine that runs it"),
        (paths.host(), tmp_path / "nothing", "there is no such file"),
        (paths.host(), text, "cannot be run"),
        (paths.host(), other, "this releases runawaytrain 1.2.3"),
    ):
        with subtests.test(why), pytest.raises(Problem, match=why):
            packing.pack_command("1.2.3", target, binary, tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def package(**changes: str | None) -> dict[str, str | None]:
    return {"name": "one", "version": "1.0.0", "license": "MIT", "source": dependencies.CRATES_IO} | changes


def problems(**changes: str | None) -> list[str]:
    return dependencies.problems([package(**changes)], dependencies.policy())


def test_the_workspace_keeps_to_deny_toml() -> None:
    packages = dependencies.packages_of_workspace()
    assert len(packages) > 100
    assert dependencies.problems(packages, dependencies.policy()) == []


def test_a_license_must_be_allowed() -> None:
    for fine in ("MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(GPL-3.0-only OR ISC) AND MIT"):
        assert problems(license=fine) == [], fine
    for bad in ("GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT WITH LLVM-exception", "Mine", None):
        assert len(problems(license=bad)) == 1, bad


def test_the_legacy_and_the_second_tls_are_banned() -> None:
    for name, number in (
        ("hyper", "0.14.32"),
        ("rustls", "0.21.12"),
        ("native-tls", "0.2.14"),
        ("openssl", "0.10.0"),
        ("openssl-sys", "0.9.1"),
    ):
        assert len(problems(name=name, version=number)) == 1, name
    for name, number in (("hyper", "1.8.0"), ("rustls", "0.23.1"), ("openssl-probe", "0.1.0")):
        assert problems(name=name, version=number) == [], name


def test_crates_come_from_crates_io_or_from_here() -> None:
    assert problems(source=None) == []
    for source in ("git+https://example.edu/one", "registry+https://example.edu/index"):
        assert len(problems(source=source)) == 1, source


def test_a_ban_that_is_not_understood_is_not_passed_over() -> None:
    with pytest.raises(Problem):
        dependencies.problems(
            [], dependencies.policy() | {"bans": {"deny": [{"crate": "hyper@0.14.32", "reason": "x"}]}}
        )

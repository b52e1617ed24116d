"""Versions, changelog, archives, the drill's answer, deny.toml: each alone."""

import json
import os
import subprocess
import tarfile
import tempfile
import tomllib
import unittest
from pathlib import Path

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


class InFolder(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.folder = Path(temp.name)


class Versions(InFolder):
    def setUp(self):
        super().setUp()
        (self.folder / "infra").mkdir()
        (self.folder / "CHANGELOG.md").write_text(CHANGELOG)
        self.say("1.2.0", "1.2.0", "1.2.0")

    def say(self, cargo: str, package: str, lock: str):
        (self.folder / "Cargo.toml").write_text(f'[workspace.package]\nversion = "{cargo}"\n')
        (self.folder / "infra" / "package.json").write_text(json.dumps({"version": package}))
        (self.folder / "infra" / "package-lock.json").write_text(json.dumps({"version": lock}))

    def test_a_tag_releases_the_version_of_its_commit(self):
        self.assertEqual(version.check_tag("v1.2.0", self.folder), "1.2.0")

    def test_another_tag_is_refused(self):
        for tag in ("v1.2.1", "1.2.0", "v1.2.0-rc.1", "v1.2.0\n", "refs/tags/v1.2.0"):
            with self.assertRaisesRegex(Problem, "does not release this commit"):
                version.check_tag(tag, self.folder)

    def test_a_version_that_was_forgotten_somewhere_is_refused(self):
        for said in (("1.2.0", "1.1.0", "1.2.0"), ("1.2.0", "1.2.0", "1.1.0")):
            self.say(*said)
            with self.assertRaisesRegex(Problem, "set both"):
                version.check_tag("v1.2.0", self.folder)

    def test_a_version_that_the_changelog_does_not_know_is_refused(self):
        self.say("1.3.0", "1.3.0", "1.3.0")
        with self.assertRaisesRegex(Problem, r"no section '## \[1.3.0\]'"):
            version.check_tag("v1.3.0", self.folder)

    def test_a_version_of_which_the_changelog_says_nothing_is_refused(self):
        self.say("1.1.0", "1.1.0", "1.1.0")
        with self.assertRaisesRegex(Problem, "is empty"):
            version.check_tag("v1.1.0", self.folder)


class Changelog(InFolder):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "CHANGELOG.md"
        self.file.write_text(CHANGELOG)

    def test_a_section_ends_where_the_next_begins(self):
        self.assertEqual(changelog.section(self.file, "1.2.0"), "### Added\n\n- Something.")

    def test_until_a_version_has_its_section_the_notes_are_the_unreleased(self):
        self.file.write_text(CHANGELOG.replace("## [Unreleased]", "## [Unreleased]\n\n- News."))
        self.assertEqual(changelog.section_or_unreleased(self.file, "1.3.0"), ("- News.", False))
        self.assertEqual(changelog.section_or_unreleased(self.file, "1.2.0"), ("### Added\n\n- Something.", True))


class Archives(InFolder):
    def test_the_same_files_make_the_same_bytes_whenever_and_wherever(self):
        made = []
        for name, moment, first in (("one", 1_000_000_000, "a"), ("two", 1_700_000_000, "b")):
            source = self.folder / name
            (source / "sub").mkdir(parents=True)
            # Made in another order, at another time, with other rights for others.
            for file in sorted(("a", "b", "sub/c"), key=lambda file: file != first):
                (source / file).write_text(f"content of {file}")
                os.chmod(source / file, (0o755 if file == "b" else 0o644) & (0o700 if name == "two" else 0o777))
                os.utime(source / file, (moment, moment))
            archive.zip_folder(source, self.folder / f"{name}.zip")
            archive.tar_folder(source, self.folder / f"{name}.tar.gz")
            made.append(((self.folder / f"{name}.zip").read_bytes(), (self.folder / f"{name}.tar.gz").read_bytes()))
        self.assertEqual(made[0], made[1])

    def test_what_is_unpacked_is_what_was_packed_and_replaces_what_was_there(self):
        source, target = self.folder / "source", self.folder / "target"
        for place in (source, target):
            place.mkdir()
        (source / "tool").write_text("run")
        (source / "tool").chmod(0o755)
        (target / "old").write_text("old")
        archive.tar_folder(source, self.folder / "packed.tar.gz")
        archive.unpack(self.folder / "packed.tar.gz", target)
        self.assertEqual([file.name for file in target.iterdir()], ["tool"])
        self.assertTrue(os.access(target / "tool", os.X_OK))

    def test_an_archive_that_writes_elsewhere_is_refused(self):
        with tarfile.open(self.folder / "evil.tar.gz", "w:gz") as packed:
            packed.addfile(tarfile.TarInfo("../escaped"))
        with self.assertRaisesRegex(Problem, "cannot be unpacked"):
            archive.unpack(self.folder / "evil.tar.gz", self.folder / "target")
        self.assertFalse((self.folder / "escaped").exists())


class Drill(InFolder):
    def judge(self, answer: str) -> str:
        file = self.folder / "answer.json"
        file.write_text(answer)
        return drill.judge(file)

    def test_a_drill_that_succeeded_is_told(self):
        self.assertEqual(
            self.judge('{"statusCode":200,"body":"6 accounts, all Ok"}'), "The drill says: 6 accounts, all Ok"
        )

    def test_everything_else_is_a_failure(self):
        for answer in (
            '{"statusCode":500,"body":"no table"}',
            '{"errorMessage":"exited"}',
            '{"body":"200"}',
            '{"statusCode":"200"}',
            "[]",
            "null",
            "",
        ):
            with self.subTest(answer), self.assertRaises(Problem):
                self.judge(answer)


class Command(InFolder):
    def test_its_package_installs_one_binary_which_unwinds(self):
        """`cargo install --git … runawaytrain-operator` builds the release profile: a look must survive the panic of one account."""
        command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
        done = ending.run(command, 60, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True)
        (package,) = [one for one in json.loads(done.stdout)["packages"] if one["name"] == crates.COMMAND]
        self.assertEqual([target["name"] for target in package["targets"] if "bin" in target["kind"]], ["runawaytrain"])
        profiles = tomllib.loads((paths.ROOT / "Cargo.toml").read_text())["profile"]
        self.assertEqual(profiles["release"].get("panic", "unwind"), "unwind")

    def test_what_cannot_be_packed_is_refused_in_a_sentence(self):
        elsewhere = next(target for target in paths.COMMAND_TARGETS if not paths.runs_here(target))
        other = self.folder / "other"
        other.write_text("#!/bin/sh\necho runawaytrain 0.0.1\n")
        other.chmod(0o755)
        text = self.folder / "text"
        text.write_text("no program")
        for target, binary, why in (
            (elsewhere, other, "Run this on a machine that runs it"),
            (paths.host(), self.folder / "nothing", "there is no such file"),
            (paths.host(), text, "cannot be run"),
            (paths.host(), other, "this releases runawaytrain 1.2.3"),
        ):
            with self.subTest(why), self.assertRaisesRegex(Problem, why):
                packing.pack_command("1.2.3", target, binary, self.folder / "dist")
        self.assertFalse((self.folder / "dist").exists())


class Dependencies(unittest.TestCase):
    def package(self, **changes) -> dict:
        return {"name": "one", "version": "1.0.0", "license": "MIT", "source": dependencies.CRATES_IO} | changes

    def problems(self, **changes) -> list[str]:
        return dependencies.problems([self.package(**changes)], dependencies.policy())

    def test_the_workspace_keeps_to_deny_toml(self):
        packages = dependencies.packages_of_workspace()
        self.assertGreater(len(packages), 100)
        self.assertEqual(dependencies.problems(packages, dependencies.policy()), [])

    def test_a_license_must_be_allowed(self):
        for fine in ("MIT", "MIT/Apache-2.0", "GPL-3.0-only OR MIT", "(GPL-3.0-only OR ISC) AND MIT"):
            self.assertEqual(self.problems(license=fine), [], fine)
        for bad in ("GPL-3.0-only", "MIT AND GPL-3.0-only", "MIT WITH LLVM-exception", "Mine", None):
            self.assertEqual(len(self.problems(license=bad)), 1, bad)

    def test_the_legacy_and_the_second_tls_are_banned(self):
        for name, number in (
            ("hyper", "0.14.32"),
            ("rustls", "0.21.12"),
            ("native-tls", "0.2.14"),
            ("openssl", "0.10.0"),
            ("openssl-sys", "0.9.1"),
        ):
            self.assertEqual(len(self.problems(name=name, version=number)), 1, name)
        for name, number in (("hyper", "1.8.0"), ("rustls", "0.23.1"), ("openssl-probe", "0.1.0")):
            self.assertEqual(self.problems(name=name, version=number), [], name)

    def test_crates_come_from_crates_io_or_from_here(self):
        self.assertEqual(self.problems(source=None), [])
        for source in ("git+https://example.edu/one", "registry+https://example.edu/index"):
            self.assertEqual(len(self.problems(source=source)), 1, source)

    def test_a_ban_that_is_not_understood_is_not_passed_over(self):
        with self.assertRaises(Problem):
            dependencies.problems(
                [], dependencies.policy() | {"bans": {"deny": [{"crate": "hyper@0.14.32", "reason": "x"}]}}
            )

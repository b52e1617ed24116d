"""`scripts/release --dry-run`, from outside: what lies in the folder afterwards."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from lib import ending
from release_lib import archive, checksums, fetch
from release_lib.paths import BUILD, COMMAND_TARGETS, ROOT, Names, commands_of, host
from release_lib.problem import Problem
from release_lib.tests import emulator
from release_lib.version import of_workspace

SECONDS = 600  # a machine on which much else runs
BUILT = BUILD / "x86_64" / "bootstrap"
# What scripts/test builds, and scripts/deploy.
COMMAND = Path(os.environ["CARGO_TARGET_DIR"]) / "debug" / "runawaytrain"
NOT_BUILT = "nothing is built; scripts/build does it, and so does the stage `templates`"
# A panic says where in its crate's sources it happened; those places are in the binary.
CRATE_IN_BINARY = re.compile(rb"/registry/src/[^/\0]+/([A-Za-z_][\w-]*?)-(\d+\.\d+\.\d+[\w.+-]*)/")


def release(*arguments: str | Path) -> subprocess.CompletedProcess:
    return ending.run(
        [ROOT / "scripts" / "release", *arguments], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


class DryRun(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="runawaytrain-dry-run-")
        cls.addClassCleanup(folder.cleanup)
        cls.output = Path(folder.name)
        cls.version = of_workspace()
        cls.names = Names(cls.version)
        # Any executable will do where nothing runs it.
        cls.bootstrap = BUILT if BUILT.is_file() else Path(os.path.realpath(sys.executable))
        cls.said = release(
            "--dry-run",
            "--allow-dirty",
            "--version",
            cls.version,
            "--bootstrap",
            cls.bootstrap,
            "--command",
            COMMAND,
            "--output",
            cls.output,
        )
        if cls.said.returncode != 0:
            raise AssertionError(cls.said.stderr)

    def test_makes_these_files_and_names_each(self):
        names = self.names
        expected = {
            names.function("x86_64"),
            names.assembly("x86_64"),
            names.function_bom("x86_64"),
            names.infra_bom,
            names.notes,
            "SHA256SUMS",
        }
        expected |= {
            names.command(host()),
            names.command_bom("x86_64-unknown-linux-gnu"),
            names.command_bom("x86_64-apple-darwin"),
        }
        self.assertEqual({file.name for file in self.output.iterdir()}, expected)
        for name in expected:
            self.assertIn(name, self.said.stdout)
        for later in ("arm64", *(target for target in COMMAND_TARGETS if target != host())):
            self.assertIn(later, self.said.stdout)

    def test_the_checksums_are_those_of_the_files(self):
        listed = dict(reversed(line.split("  ")) for line in (self.output / "SHA256SUMS").read_text().splitlines())
        there = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in self.output.iterdir()
            if file.name != "SHA256SUMS"
        }
        self.assertEqual(listed, there)

    def test_the_zip_is_the_binary_and_the_policy(self):
        with zipfile.ZipFile(self.output / self.names.function("x86_64")) as packed:
            entries = {entry.filename: entry for entry in packed.infolist()}
            self.assertEqual(sorted(entries), ["bootstrap", "runawaytrain.json"])
            self.assertEqual(entries["bootstrap"].external_attr >> 16 & 0o777, 0o755)
            self.assertEqual(entries["runawaytrain.json"].external_attr >> 16 & 0o777, 0o644)
            self.assertEqual({entry.date_time for entry in entries.values()}, {(1980, 1, 1, 0, 0, 0)})
            self.assertEqual(packed.read("bootstrap"), self.bootstrap.read_bytes())
            self.assertEqual(json.loads(packed.read("runawaytrain.json"))["payer"], "123456789012")

    def test_the_archive_of_the_command_is_what_people_install(self):
        with tempfile.TemporaryDirectory() as temp:
            archive.unpack(self.output / self.names.command(host()), Path(temp) / "to")
            (folder,) = (Path(temp) / "to").iterdir()
            self.assertEqual(folder.name, f"runawaytrain-{self.version}-{host()}")
            files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
            pages = {name for name in files if name.startswith("man/")}
            completions = {
                f"completions/{name}"
                for name in (
                    "runawaytrain.bash",
                    "_runawaytrain",
                    "runawaytrain.fish",
                    "runawaytrain.elv",
                    "_runawaytrain.ps1",
                )
            }
            self.assertEqual(set(files), {"runawaytrain", "LICENSE"} | pages | completions)
            self.assertLessEqual({"man/runawaytrain.1", "man/runawaytrain-halt.1"}, pages)
            self.assertEqual({name for name, file in files.items() if os.access(file, os.X_OK)}, {"runawaytrain"})
            self.assertEqual(files["LICENSE"].read_bytes(), (ROOT / "LICENSE").read_bytes())
            self.assertIn("runawaytrain", files["completions/_runawaytrain"].read_text().splitlines()[0])
            said = ending.run([files["runawaytrain"], "--version"], SECONDS, stdout=subprocess.PIPE, text=True)
            self.assertEqual(said.stdout.strip(), f"runawaytrain {self.version}")

    def test_the_bill_of_the_command_is_its_own(self):
        for target in commands_of("x86_64"):
            bill = json.loads((self.output / self.names.command_bom(target)).read_text())
            names = {one["name"] for one in bill["components"] if one.get("scope") == "required"}
            self.assertEqual(bill["metadata"]["component"]["name"], "runawaytrain-operator")
            self.assertLessEqual({"clap", "rustls", "aws-sdk-lambda", "runawaytrain-engine"}, names)
            self.assertFalse({"lambda_runtime", "runawaytrain-testbed"} & names)
            self.assertEqual("security-framework" in names, target.endswith("apple-darwin"), target)

    def test_the_assembly_stands_alone(self):
        """It is deployed on a machine that has no checkout at this place, and it brings the function along."""
        with tempfile.TemporaryDirectory() as temp:
            folder = Path(temp)
            for file in self.output.iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            assembly = fetch.accept(self.version, "x86_64", folder, None)
            files = {file.relative_to(assembly).as_posix(): file for file in assembly.rglob("*") if file.is_file()}
            self.assertEqual(self._function_of_the_assembly()["Architectures"], ["x86_64"])
            assets = json.loads(files["RunawayTrain.assets.json"].read_text())["files"]
            sources = [asset["source"]["path"] for asset in assets.values() if asset["source"]["packaging"] == "zip"]
            bootstraps = [files[f"{source}/bootstrap"] for source in sources if f"{source}/bootstrap" in files]
            self.assertEqual([file.read_bytes() for file in bootstraps], [self.bootstrap.read_bytes()])
            self.assertTrue(os.access(bootstraps[0], os.X_OK))
            text = [
                name
                for name, file in files.items()
                if name.endswith(".json") and str(ROOT).encode() in file.read_bytes()
            ]
            self.assertEqual(text, [], "these name a folder of the machine that made them")
            # The way in for the pipeline is not the pipeline's to change.
            self.assertNotIn("RunawayTrainRelease", files["manifest.json"].read_text())

    def test_the_assembly_keeps_nothing_of_who_made_it(self):
        with tarfile.open(self.output / self.names.assembly("x86_64")) as packed:
            for entry in packed:
                self.assertEqual(
                    (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime), (0, 0, "", "", 0), entry.name
                )
                self.assertIn(entry.mode, (0o644, 0o755))

    def test_the_bills_of_materials_are_valid(self):
        for name in (self.names.function_bom("x86_64"), *map(self.names.command_bom, commands_of("x86_64"))):
            self.assertIsNone(
                JsonStrictValidator(SchemaVersion.V1_6).validate_str((self.output / name).read_text()), name
            )
        self.assertIsNone(
            JsonStrictValidator(SchemaVersion.V1_5).validate_str((self.output / self.names.infra_bom).read_text())
        )

    def test_the_notes_are_what_the_changelog_says(self):
        notes = (self.output / self.names.notes).read_text()
        self.assertIn("### Added", notes)
        self.assertNotIn("## [", notes)
        self.assertIn(notes.strip(), (ROOT / "CHANGELOG.md").read_text())

    def test_the_bill_lists_what_cargo_resolves_for_the_function_and_nothing_of_the_tests(self):
        """Against `cargo metadata`, walked here from the function over normal dependencies: another source than the one it is made of."""
        required = {(one["name"], one["version"]) for one in self._components() if one.get("scope") == "required"}
        walked = self._linked_by_metadata()
        # Metadata unites the features of the whole workspace, so it may know more; all that is linked it must know.
        self.assertLessEqual(required, walked)
        self.assertGreater(len(required), 0.9 * len(walked))
        names = {name for name, _ in required}
        self.assertLessEqual({"tokio", "hyper", "rustls", "aws-sdk-ec2", "lambda_runtime", "runawaytrain-core"}, names)
        everything = {one["name"] for one in self._components()}
        self.assertFalse({"runawaytrain-testbed", "proptest"} & everything)
        self.assertIn("serde_derive", everything - names)

    def test_every_part_of_the_bill_carries_the_checksum_of_the_lock_file(self):
        lock = (ROOT / "Cargo.lock").read_text()
        for one in self._components():
            found = re.search(
                rf'name = "{re.escape(one["name"])}"\nversion = "{re.escape(one["version"])}"\n(?:source = .*\nchecksum = "(\w+)")?',
                lock,
            )
            self.assertIsNotNone(found, one["name"])
            self.assertEqual(
                [sum["content"] for sum in one.get("hashes", [])], [found[1]] if found[1] else [], one["name"]
            )

    @unittest.skipUnless(BUILT.is_file(), NOT_BUILT)
    def test_every_crate_that_the_binary_names_is_in_the_bill(self):
        in_binary = {(name.decode(), version.decode()) for name, version in CRATE_IN_BINARY.findall(BUILT.read_bytes())}
        self.assertGreater(len(in_binary), 10)
        self.assertLessEqual(
            in_binary, {(one["name"], one["version"]) for one in self._components() if one.get("scope") == "required"}
        )

    @unittest.skipUnless(BUILT.is_file(), NOT_BUILT)
    @unittest.skipUnless(emulator.ENDPOINT, emulator.WHY_SKIPPED)
    def test_the_zip_runs_on_the_emulator(self):
        function = self._function_of_the_assembly()
        # What the stack fills in when it is deployed, the function can do without here.
        variables = {
            name: value for name, value in function["Environment"]["Variables"].items() if isinstance(value, str)
        }
        admin = emulator.keys_of_admin(variables["accountnumber"])
        client = emulator.client("lambda", admin)
        client.create_function(
            FunctionName="from-the-zip",
            Role=emulator.make_role("FromTheZip", {"Service": "lambda.amazonaws.com"}, admin),
            Code={"ZipFile": (self.output / self.names.function("x86_64")).read_bytes()},
            Environment={"Variables": variables},
            **{name: function[name] for name in ("Runtime", "Handler", "Architectures", "Timeout", "MemorySize")},
        )
        for event, status in (({"action": "pass"}, 200), ({"action": "no such action"}, 400)):
            answer = client.invoke(FunctionName="from-the-zip", Payload=json.dumps(event))
            payload = answer["Payload"].read()
            self.assertNotIn("FunctionError", answer, payload)
            self.assertEqual(json.loads(payload)["statusCode"], status, payload)

    def _function_of_the_assembly(self) -> dict:
        with tarfile.open(self.output / self.names.assembly("x86_64")) as packed:
            template = json.load(packed.extractfile("RunawayTrain.template.json"))
        (function,) = [
            one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"
        ]
        return function

    def _components(self) -> list[dict]:
        return json.loads((self.output / self.names.function_bom("x86_64")).read_text())["components"]

    @staticmethod
    def _linked_by_metadata() -> set[tuple[str, str]]:
        command = [
            "cargo",
            "metadata",
            "--locked",
            "--format-version",
            "1",
            "--filter-platform",
            "x86_64-unknown-linux-gnu",
        ]
        known = json.loads(ending.run(command, SECONDS, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout)
        packages = {package["id"]: package for package in known["packages"]}
        nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
        macros = {
            id
            for id, package in packages.items()
            if any("proc-macro" in target["kind"] for target in package["targets"])
        }
        (root,) = [id for id, package in packages.items() if package["name"] == "runawaytrain-function"]
        seen, open_ = {root}, [root]
        while open_:
            for need in nodes[open_.pop()]["deps"]:
                if any(kind["kind"] is None for kind in need["dep_kinds"]) and need["pkg"] not in seen | macros:
                    seen.add(need["pkg"])
                    open_.append(need["pkg"])
        return {(packages[id]["name"], packages[id]["version"]) for id in seen - {root}}


class Refusals(unittest.TestCase):
    def test_publishes_nothing_by_itself(self):
        done = release()
        self.assertEqual(done.returncode, 2)
        self.assertIn("Only the pipeline releases", done.stderr)
        self.assertIn(f"git push origin v{of_workspace()}", done.stderr)

    def test_refuses_another_version_than_the_workspace_has(self):
        done = release("--dry-run", "--version", "99.0.0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the workspace's version is", done.stderr)

    def test_refuses_a_folder_with_other_things_and_leaves_them_there(self):
        with tempfile.TemporaryDirectory() as folder:
            thesis = Path(folder) / "thesis.txt"
            thesis.write_text("irreplaceable")
            done = release("--dry-run", "--allow-dirty", "--bootstrap", sys.executable, "--output", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("thesis.txt", done.stderr)
            self.assertTrue(thesis.exists())

    def test_refuses_a_binary_that_is_not_there(self):
        with tempfile.TemporaryDirectory() as folder:
            done = release("--dry-run", "--allow-dirty", "--bootstrap", "/nowhere/bootstrap", "--output", folder)
            self.assertEqual(done.returncode, 1)
            self.assertIn("/nowhere/bootstrap", done.stderr)


class Accepting(unittest.TestCase):
    """A release that was downloaded, and what somebody may have done to it."""

    def setUp(self):
        temp = tempfile.TemporaryDirectory()
        self.addCleanup(temp.cleanup)
        self.folder = Path(temp.name)
        source = self.folder / "source"
        source.mkdir()
        (source / "manifest.json").write_text("{}")
        self.release = self.folder / "release"
        self.release.mkdir()
        archive.tar_folder(source, self.release / Names("1.2.3").assembly("x86_64"))
        (self.release / "other.txt").write_text("other")
        self.sums = checksums.sha256(checksums.write(self.release))

    def test_takes_what_was_approved(self):
        assembly = fetch.accept("1.2.3", "x86_64", self.release, self.sums)
        self.assertEqual((assembly / "manifest.json").read_text(), "{}")

    def test_refuses_what_was_replaced_after_the_approval(self):
        (self.release / "other.txt").write_text("changed, with matching sums")
        checksums.write(self.release)
        self.refused("not the one whose differences were shown", self.sums)

    def test_refuses_a_changed_file(self):
        (self.release / "other.txt").write_text("changed")
        self.refused("other.txt is not the file that was released")

    def test_refuses_a_missing_file(self):
        (self.release / "other.txt").unlink()
        self.refused("other.txt is missing")

    def test_refuses_an_added_file(self):
        (self.release / "more.txt").write_text("more")
        self.refused("more.txt is not in SHA256SUMS")

    def test_refuses_a_release_without_sums(self):
        (self.release / "SHA256SUMS").unlink()
        self.refused("SHA256SUMS is missing")

    def test_refuses_an_architecture_that_was_not_released(self):
        with self.assertRaisesRegex(Problem, "no assembly for arm64"):
            fetch.accept("1.2.3", "arm64", self.release, None)

    def test_refuses_a_version_that_would_be_something_else(self):
        for version in ("v1.2.3", "../1.2.3", "1.2", "1.2.3 --repo x/y", "--help", ""):
            with self.assertRaisesRegex(Problem, "is not a version"):
                fetch.fetch(version, "x86_64", self.folder / "nothing", None)
        self.assertFalse((self.folder / "nothing").exists())

    def refused(self, why: str, sums: str | None = None):
        with self.assertRaisesRegex(Problem, why):
            fetch.accept("1.2.3", "x86_64", self.release, sums)
        self.assertFalse((self.release / fetch.ASSEMBLY).exists())

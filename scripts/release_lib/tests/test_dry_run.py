"""`scripts/release --dry-run`, from outside: what lies in the folder afterwards."""

import hashlib
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from demo_lib.paths import OPERATOR
from lib import ending
from lib.ministack import Ministack
from release_lib import archive, checksums, fetch
from release_lib.paths import BUILD, COMMAND_TARGETS, ROOT, Names, commands_of, host
from release_lib.problem import Problem
from release_lib.version import of_workspace

pytestmark = pytest.mark.timeout(3600)
SECONDS = 600.0  # a machine on which much else runs
BUILT = BUILD / "x86_64" / "bootstrap"
NOT_BUILT = "nothing is built; scripts/build does it, and so does the stage `templates`"
# A panic says where in its crate's sources it happened; those places are in the binary.
CRATE_IN_BINARY = re.compile(rb"/registry/src/[^/\0]+/([A-Za-z_][\w-]*?)-(\d+\.\d+\.\d+[\w.+-]*)/")


def release(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return ending.run(
        [ROOT / "scripts" / "release", *arguments], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


class DryRun:
    def __init__(self, output: Path):
        self.output = output
        self.version = of_workspace()
        self.names = Names(self.version)
        # Any executable will do where nothing runs it.
        self.bootstrap = BUILT if BUILT.is_file() else Path(os.path.realpath(sys.executable))
        self.said = release(
            "--dry-run",
            "--allow-dirty",
            "--version",
            self.version,
            "--bootstrap",
            self.bootstrap,
            "--command",
            OPERATOR,
            "--output",
            self.output,
        )
        if self.said.returncode != 0:
            raise AssertionError(self.said.stderr)

    def function_of_the_assembly(self) -> dict[str, Any]:
        with tarfile.open(self.output / self.names.assembly("x86_64")) as packed:
            member = packed.extractfile("RunawayTrain.template.json")
            assert member
            template = json.load(member)
        (function,) = [
            one["Properties"] for one in template["Resources"].values() if one["Type"] == "AWS::Lambda::Function"
        ]
        return function

    def components(self) -> list[dict[str, Any]]:
        return json.loads((self.output / self.names.function_bom("x86_64")).read_text())["components"]


def linked_by_metadata() -> set[tuple[str, str]]:
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
        id for id, package in packages.items() if any("proc-macro" in target["kind"] for target in package["targets"])
    }
    (root,) = [id for id, package in packages.items() if package["name"] == "runawaytrain-function"]
    seen, open_ = {root}, [root]
    while open_:
        for need in nodes[open_.pop()]["deps"]:
            if any(kind["kind"] is None for kind in need["dep_kinds"]) and need["pkg"] not in seen | macros:
                seen.add(need["pkg"])
                open_.append(need["pkg"])
    return {(packages[id]["name"], packages[id]["version"]) for id in seen - {root}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> DryRun:
    return DryRun(tmp_path_factory.mktemp("dry-run"))


def test_makes_these_files_and_names_each(made: DryRun) -> None:
    names = made.names
    expected = {
        names.function("x86_64"),
        names.assembly("x86_64"),
        names.function_bom("x86_64"),
        names.command(host()),
        *map(names.command_bom, commands_of("x86_64")),
        names.infra_bom,
        names.notes,
        "SHA256SUMS",
    }
    assert {file.name for file in made.output.iterdir()} == expected
    for name in expected:
        assert name in made.said.stdout
    for later in ("arm64", *(target for target in COMMAND_TARGETS if target != host())):
        assert later in made.said.stdout


def test_the_checksums_are_those_of_the_files(made: DryRun) -> None:
    lines = [line.split("  ") for line in (made.output / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    there = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in made.output.iterdir()
        if file.name != "SHA256SUMS"
    }
    assert listed == there


def test_the_zip_is_the_binary_and_the_policy(made: DryRun) -> None:
    with zipfile.ZipFile(made.output / made.names.function("x86_64")) as packed:
        entries = {entry.filename: entry for entry in packed.infolist()}
        assert sorted(entries) == ["bootstrap", "runawaytrain.json"]
        assert entries["bootstrap"].external_attr >> 16 & 511 == 493
        assert entries["runawaytrain.json"].external_attr >> 16 & 511 == 420
        assert {entry.date_time for entry in entries.values()} == {(1980, 1, 1, 0, 0, 0)}
        assert packed.read("bootstrap") == made.bootstrap.read_bytes()
        assert json.loads(packed.read("runawaytrain.json"))["payer"] == "123456789012"


def test_the_archive_of_the_command_is_what_people_install(made: DryRun, tmp_path: Path) -> None:
    archive.unpack(made.output / made.names.command(host()), tmp_path / "to")
    (folder,) = (tmp_path / "to").iterdir()
    assert folder.name == f"runawaytrain-{made.version}-{host()}"
    files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()}
    pages = {name for name in files if name.startswith("man/")}
    shells = ("runawaytrain.bash", "_runawaytrain", "runawaytrain.fish", "runawaytrain.elv", "_runawaytrain.ps1")
    assert set(files) == {"runawaytrain", "LICENSE"} | pages | {f"completions/{name}" for name in shells}
    assert {"man/runawaytrain.1", "man/runawaytrain-halt.1"} <= pages
    assert {name for name, file in files.items() if os.access(file, os.X_OK)} == {"runawaytrain"}
    assert files["LICENSE"].read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert "runawaytrain" in files["completions/_runawaytrain"].read_text().splitlines()[0]
    said = ending.run([files["runawaytrain"], "--version"], SECONDS, stdout=subprocess.PIPE, text=True)
    assert said.stdout.strip() == f"runawaytrain {made.version}"


def test_the_bill_of_the_command_is_its_own(made: DryRun) -> None:
    for target in commands_of("x86_64"):
        bill = json.loads((made.output / made.names.command_bom(target)).read_text())
        names = {one["name"] for one in bill["components"] if one.get("scope") == "required"}
        assert bill["metadata"]["component"]["name"] == "runawaytrain-operator"
        assert {"clap", "rustls", "aws-sdk-lambda", "runawaytrain-engine"} <= names
        assert not {"lambda_runtime", "runawaytrain-testbed"} & names
        assert ("security-framework" in names) == target.endswith("apple-darwin"), target


def test_the_assembly_stands_alone(made: DryRun) -> None:
    """It is deployed on a machine that has no checkout at this place, and it brings the function along."""
    with tempfile.TemporaryDirectory() as temp:
        folder = Path(temp)
        for file in made.output.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        assembly = fetch.accept(made.version, "x86_64", folder, None)
        files = {file.relative_to(assembly).as_posix(): file for file in assembly.rglob("*") if file.is_file()}
        assert made.function_of_the_assembly()["Architectures"] == ["x86_64"]
        assets = json.loads(files["RunawayTrain.assets.json"].read_text())["files"]
        sources = [asset["source"]["path"] for asset in assets.values() if asset["source"]["packaging"] == "zip"]
        bootstraps = [files[f"{source}/bootstrap"] for source in sources if f"{source}/bootstrap" in files]
        assert [file.read_bytes() for file in bootstraps] == [made.bootstrap.read_bytes()]
        assert os.access(bootstraps[0], os.X_OK)
        text = [
            name for name, file in files.items() if name.endswith(".json") and str(ROOT).encode() in file.read_bytes()
        ]
        assert text == [], "these name a folder of the machine that made them"
        # The way in for the pipeline is not the pipeline's to change.
        assert "RunawayTrainRelease" not in files["manifest.json"].read_text()


def test_the_assembly_keeps_nothing_of_who_made_it(made: DryRun) -> None:
    with tarfile.open(made.output / made.names.assembly("x86_64")) as packed:
        for entry in packed:
            assert (entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime) == (0, 0, "", "", 0), entry.name
            assert entry.mode in (420, 493)


def test_the_bills_of_materials_are_valid(made: DryRun) -> None:
    for name in (made.names.function_bom("x86_64"), *map(made.names.command_bom, commands_of("x86_64"))):
        bill = (made.output / name).read_text()
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None, name
    assert (
        JsonStrictValidator(SchemaVersion.V1_5).validate_str((made.output / made.names.infra_bom).read_text()) is None
    )


def test_the_notes_are_what_the_changelog_says(made: DryRun) -> None:
    notes = (made.output / made.names.notes).read_text()
    assert "### Added" in notes
    assert "## [" not in notes
    assert notes.strip() in (ROOT / "CHANGELOG.md").read_text()


def test_the_bill_lists_what_cargo_resolves_for_the_function_and_nothing_of_the_tests(made: DryRun) -> None:
    """Against `cargo metadata`, walked here from the function over normal dependencies: another source than the one it
    is made of."""
    required = {(one["name"], one["version"]) for one in made.components() if one.get("scope") == "required"}
    walked = linked_by_metadata()
    # Metadata unites the features of the whole workspace, so it may know more; all that is linked it must know.
    assert required <= walked
    assert len(required) > 0.9 * len(walked)
    names = {name for name, _ in required}
    assert {"tokio", "hyper", "rustls", "aws-sdk-ec2", "lambda_runtime", "runawaytrain-core"} <= names
    everything = {one["name"] for one in made.components()}
    assert not {"runawaytrain-testbed", "proptest"} & everything
    assert "serde_derive" in everything - names


def test_every_part_of_the_bill_carries_the_checksum_of_the_lock_file(made: DryRun) -> None:
    lock = (ROOT / "Cargo.lock").read_text()
    for one in made.components():
        found = re.search(
            rf'name = "{re.escape(one["name"])}"\nversion = "{re.escape(one["version"])}"\n(?:source = .*\nchecksum ='
            r' "(\w+)")?',
            lock,
        )
        assert found is not None, one["name"]
        assert [sum["content"] for sum in one.get("hashes", [])] == ([found[1]] if found[1] else []), one["name"]


@pytest.mark.skipif(not BUILT.is_file(), reason=NOT_BUILT)
def test_every_crate_that_the_binary_names_is_in_the_bill(made: DryRun) -> None:
    in_binary = {(name.decode(), version.decode()) for name, version in CRATE_IN_BINARY.findall(BUILT.read_bytes())}
    assert len(in_binary) > 10
    assert in_binary <= {(one["name"], one["version"]) for one in made.components() if one.get("scope") == "required"}


@pytest.mark.skipif(not BUILT.is_file(), reason=NOT_BUILT)
def test_the_zip_runs_on_the_emulator(made: DryRun, ministack: Ministack) -> None:
    function = made.function_of_the_assembly()
    # What the stack fills in when it is deployed, the function can do without here.
    variables = {name: value for name, value in function["Environment"]["Variables"].items() if isinstance(value, str)}
    account = variables["accountnumber"]
    client = ministack.client("lambda", account)
    client.create_function(
        FunctionName="from-the-zip",
        Role=ministack.role(account, "FromTheZip", {"Service": "lambda.amazonaws.com"}),
        Code={"ZipFile": (made.output / made.names.function("x86_64")).read_bytes()},
        Environment={"Variables": variables},
        **{name: function[name] for name in ("Runtime", "Handler", "Architectures", "Timeout", "MemorySize")},
    )
    for event, status in (({"action": "pass"}, 200), ({"action": "no such action"}, 400)):
        answer = client.invoke(FunctionName="from-the-zip", Payload=json.dumps(event))
        payload = answer["Payload"].read()
        assert "FunctionError" not in answer, payload
        assert json.loads(payload)["statusCode"] == status, payload


def test_publishes_nothing_by_itself() -> None:
    done = release()
    assert done.returncode == 2
    assert "Only the pipeline releases" in done.stderr
    assert f"git push origin v{of_workspace()}" in done.stderr


def test_refuses_another_version_than_the_workspace_has() -> None:
    done = release("--dry-run", "--version", "99.0.0")
    assert done.returncode == 1
    assert "the workspace's version is" in done.stderr


def test_refuses_a_folder_with_other_things_and_leaves_them_there(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis.txt"
    thesis.write_text("irreplaceable")
    done = release("--dry-run", "--allow-dirty", "--bootstrap", sys.executable, "--output", tmp_path)
    assert done.returncode == 1
    assert "thesis.txt" in done.stderr
    assert thesis.exists()


def test_refuses_a_binary_that_is_not_there(tmp_path: Path) -> None:
    done = release("--dry-run", "--allow-dirty", "--bootstrap", "/nowhere/bootstrap", "--output", tmp_path)
    assert done.returncode == 1
    assert "/nowhere/bootstrap" in done.stderr


class Downloaded:
    """A release that was downloaded, and what somebody may have done to it."""

    def __init__(self, folder: Path):
        self.folder = folder
        source = self.folder / "source"
        source.mkdir()
        (source / "manifest.json").write_text("{}")
        self.release = self.folder / "release"
        self.release.mkdir()
        archive.tar_folder(source, self.release / Names("1.2.3").assembly("x86_64"))
        (self.release / "other.txt").write_text("other")
        self.sums = checksums.sha256(checksums.write(self.release))

    def refused(self, why: str, sums: str | None = None) -> None:
        with pytest.raises(Problem, match=why):
            fetch.accept("1.2.3", "x86_64", self.release, sums)
        assert not (self.release / fetch.ASSEMBLY).exists()


@pytest.fixture
def downloaded(tmp_path: Path) -> Downloaded:
    return Downloaded(tmp_path)


def test_takes_what_was_approved(downloaded: Downloaded) -> None:
    assembly = fetch.accept("1.2.3", "x86_64", downloaded.release, downloaded.sums)
    assert (assembly / "manifest.json").read_text() == "{}"


def test_refuses_what_was_replaced_after_the_approval(downloaded: Downloaded) -> None:
    (downloaded.release / "other.txt").write_text("changed, with matching sums")
    checksums.write(downloaded.release)
    downloaded.refused("not the one whose differences were shown", downloaded.sums)


def test_refuses_a_changed_file(downloaded: Downloaded) -> None:
    (downloaded.release / "other.txt").write_text("changed")
    downloaded.refused("other.txt is not the file that was released")


def test_refuses_a_missing_file(downloaded: Downloaded) -> None:
    (downloaded.release / "other.txt").unlink()
    downloaded.refused("other.txt is missing")


def test_refuses_an_added_file(downloaded: Downloaded) -> None:
    (downloaded.release / "more.txt").write_text("more")
    downloaded.refused("more.txt is not in SHA256SUMS")


def test_refuses_a_release_without_sums(downloaded: Downloaded) -> None:
    (downloaded.release / "SHA256SUMS").unlink()
    downloaded.refused("SHA256SUMS is missing")


def test_refuses_an_architecture_that_was_not_released(downloaded: Downloaded) -> None:
    with pytest.raises(Problem, match="no assembly for arm64"):
        fetch.accept("1.2.3", "arm64", downloaded.release, None)


def test_refuses_a_version_that_would_be_something_else(downloaded: Downloaded) -> None:
    for version in ("v1.2.3", "../1.2.3", "1.2", "1.2.3 --repo x/y", "--help", ""):
        with pytest.raises(Problem, match="is not a version"):
            fetch.fetch(version, "x86_64", downloaded.folder / "nothing", None)
    assert not (downloaded.folder / "nothing").exists()

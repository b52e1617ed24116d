"""The workflows against the repository: what they run exists, and is run as it wants to be. actionlint and zizmor know
the rest."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from privileges_lib.check import SUITES
from release_lib.__main__ import parser
from release_lib.fetch import WORKFLOW
from release_lib.paths import COMMAND_TARGETS, ROOT

FOLDER = ROOT / ".github" / "workflows"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def workflows() -> dict[str, dict[str, Any]]:
    return {file.name: yaml.safe_load(file.read_text()) for file in sorted(FOLDER.glob("*.yml"))}


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{name}: {job}", step)
        for name, text in workflows().items()
        for job, made in text["jobs"].items()
        for step in made.get("steps", [])
    ]


def commands() -> list[tuple[str, list[str]]]:
    """Each line of each `run`, in words."""
    return [(place, shlex.split(line)) for place, step in steps() for line in step.get("run", "").splitlines()]


def stages() -> list[str]:
    """Those of scripts/test."""
    (found,) = re.findall(r"^STAGES=\((.+)\)$", (ROOT / "scripts" / "test").read_text(), re.MULTILINE)
    return found.split()


def runs_of_ci() -> list[tuple[str, dict[str, Any], list[str]]]:
    """Each job of ci.yml that runs stages, once for each row of its matrix, with the row and the stages."""
    found = []
    for name, job in workflows()["ci.yml"]["jobs"].items():
        (run,) = [step["run"] for step in job["steps"] if step.get("run", "").startswith(".ci/run")] or [None]
        for row in job.get("strategy", {}).get("matrix", {"include": [{}]})["include"]:
            if run is not None:
                found.append((name, row, run.replace("$STAGES", row.get("stages", "")).split()[1:]))
    return found


def test_there_are_these() -> None:
    assert sorted(workflows()) == ["audit.yml", "ci.yml", "deploy.yml", "properties.yml", "release.yml", "rollback.yml"]
    assert (ROOT / WORKFLOW).is_file()


def test_every_script_that_is_run_exists_and_can_be_run() -> None:
    run = {words[0] for _, words in commands() if words and words[0].startswith(("scripts/", ".ci/", "./"))}
    assert run == {".ci/run", "scripts/release", "scripts/test"}
    for script in run:
        assert (ROOT / script).stat().st_mode & 64, script


def test_scripts_release_is_run_with_arguments_that_it_takes(subtests: pytest.Subtests) -> None:
    """With the expansions of the shell in place, except where only some words are allowed."""
    words_of_a_job = {"$ARCH": "x86_64", "$TARGET": COMMAND_TARGETS[0]}
    steps_run = set()
    for place, words in commands():
        if words and words[0] == "scripts/release":
            own = words[1 : words.index("|") if "|" in words else None]
            arguments = [words_of_a_job.get(word, word) for word in own]
            with subtests.test(place, arguments=arguments):
                parser().parse_args(arguments)  # SystemExit otherwise
                steps_run.add(arguments[0])
    assert steps_run == {"check", "pack", "command", "finish", "fetch", "drilled"}


def test_the_command_is_built_for_each_of_its_targets_and_waited_for() -> None:
    jobs = workflows()["release.yml"]["jobs"]
    built = jobs["command"]["strategy"]["matrix"]["include"]
    assert sorted(one["target"] for one in built) == sorted(COMMAND_TARGETS)
    assert [one for one in built if ("darwin" in one["target"]) != one["runner"].startswith("macos")] == []
    assert "command" in jobs["publish"]["needs"]


def test_the_cdk_is_the_one_of_the_lock_file() -> None:
    run = {words[0] for _, words in commands() if any("cdk" in word for word in words[:1])}
    assert run == {"infra/node_modules/.bin/cdk"}
    assert not [words for _, words in commands() if words[:1] == ["npx"]]


def test_every_action_is_pinned_to_a_commit_that_says_its_version() -> None:
    used = [
        (file.name, found) for file in FOLDER.glob("*.yml") for found in re.findall(r"uses: (.+)", file.read_text())
    ]
    assert len(used) > 10
    for name, action in used:
        if action.startswith("./"):
            assert (ROOT / action).is_file(), f"{name}: {action}"
        else:
            assert re.search(PINNED, action), name
    pins: dict[str, set[str]] = {}
    for _, action in used:
        pins.setdefault(action.split("@")[0], set()).add(action)
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}, "one action, two versions"


def test_one_toolchain_builds_and_tests() -> None:
    toolchains = {
        text["env"]["RUSTUP_TOOLCHAIN"] for text in workflows().values() if "RUSTUP_TOOLCHAIN" in text.get("env", {})
    }
    assert len(toolchains) == 1, toolchains


def test_nothing_that_a_person_types_is_part_of_a_command() -> None:
    for place, step in steps():
        assert "${{" not in step.get("run", ""), place


def test_a_release_restores_no_cache() -> None:
    caching = {place for place, step in steps() if "cache" in step.get("uses", "")}
    assert {place.split(":")[0] for place in caching} == {"ci.yml"}


def test_nobody_deploys_without_an_approval_of_what_was_shown() -> None:
    deploy = workflows()["deploy.yml"]["jobs"]["deploy"]
    assert (deploy["environment"], deploy["needs"]) == ("production", "diff")
    places = {place for place, words in commands() if {"cdk", "deploy"} <= {Path(word).name for word in words}}
    assert places == {"deploy.yml: deploy"}
    for name in ("release.yml", "rollback.yml"):
        assert workflows()[name]["jobs"]["deploy"]["uses"] == "./.github/workflows/deploy.yml"


def test_no_secret_is_kept() -> None:
    for file in FOLDER.glob("*.yml"):
        assert "secrets." not in file.read_text(), file.name


def test_a_token_of_github_may_do_nothing_that_its_job_does_not_name() -> None:
    for name, text in workflows().items():
        assert text["permissions"] == {}, name


def test_every_stage_is_run_by_one_job_of_the_pipeline() -> None:
    run = [stage for _, _, stages_run in runs_of_ci() for stage in stages_run]
    assert sorted(run) == sorted(stages())
    for _, _, stages_run in runs_of_ci():
        assert stages_run == [stage for stage in stages() if stage in stages_run], "scripts/test has its own order"


def test_privileges_is_judged_by_what_the_other_stages_left() -> None:
    jobs = workflows()["ci.yml"]["jobs"]
    (judging,) = [name for name, _, stages_run in runs_of_ci() if stages_run == ["privileges"]]
    taken = {
        step["with"]["pattern"]: step["with"]["path"]
        for step in jobs[judging]["steps"]
        if "download-artifact" in step.get("uses", "")
    }
    assert taken == {"wire-*": ".build/wire", "cdk.out-*": ".build/cdk.out"}
    for suite, left in {**dict.fromkeys(SUITES, "wire"), "templates": "cdk.out"}.items():
        ((job, row),) = [(name, row) for name, row, stages_run in runs_of_ci() if suite in stages_run]
        assert row.get("leaves") == left, suite
        assert jobs[judging]["needs"] == job, suite
        (handed,) = [step["with"] for step in jobs[job]["steps"] if step.get("if") == "matrix.leaves"]
        assert (handed["path"], handed["if-no-files-found"]) == (".build/${{ matrix.leaves }}", "error")
        assert handed["name"].startswith("${{ matrix.leaves }}-")


def test_release_packs_the_function_that_was_built_for_templates() -> None:
    """Without it, some of its tests would be skipped."""
    (together,) = [stages_run for _, _, stages_run in runs_of_ci() if "release" in stages_run]
    assert "templates" in together


def test_one_check_stands_for_the_whole_pipeline() -> None:
    jobs = workflows()["ci.yml"]["jobs"]
    last = jobs["passed"]
    assert {"passed", *last["needs"]} == set(jobs)
    assert last["if"] == "always()"
    (step,) = last["steps"]
    assert step["run"] == f"test \"$RESULTS\" = '{' '.join('success' for _ in last['needs'])}'"
    assert step["env"]["RESULTS"] == "${{ join(needs.*.result, ' ') }}"


def test_only_main_writes_caches_and_each_is_written_by_one_job() -> None:
    for place, step in steps():
        used = step.get("uses", "").partition("@")[0]
        if used.startswith("actions/cache"):
            assert used in ("actions/cache/restore", "actions/cache/save"), place
            assert used.endswith("restore") or "github.ref == 'refs/heads/main'" in step["if"], place
    saved = [row["saves"] for _, row, _ in runs_of_ci() if "saves" in row]
    assert sorted(saved) == sorted(set(saved))


def test_a_test_that_waits_is_ended_and_named_before_its_job_is() -> None:
    known = tomllib.loads((ROOT / ".config" / "nextest.toml").read_text())["profile"]
    seen = []
    for name, text in workflows().items():
        for job, made in text["jobs"].items():
            for step in made.get("steps", []):
                if step.get("run") in (".ci/run", ".ci/run $STAGES", "scripts/test rust"):
                    chosen = {**text.get("env", {}), **step.get("env", {})}.get("NEXTEST_PROFILE", "default")
                    limit = known[chosen]["slow-timeout"]
                    assert int(limit["period"].removesuffix("m")) * limit["terminate-after"] < made["timeout-minutes"]
                    seen.append(f"{name}: {job}")
    assert seen == ["ci.yml: test", "properties.yml: draw", "release.yml: test"]

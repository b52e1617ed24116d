"""What each command of `scripts/release` does, step by step. Each returns the exit code."""

import sys
from argparse import Namespace
from pathlib import Path

from . import bom, checksums, drill, packing, version
from . import fetch as fetching
from .changelog import section, section_or_unreleased
from .paths import BUILD, COMMAND_TARGETS, ROOT, SUMS, Names, commands_of, host
from .problem import Problem

CHANGELOG = ROOT / "CHANGELOG.md"
HERE = "x86_64"


def how_to_release(_: Namespace) -> int:
    current = version.of_workspace()
    print(
        f"Only the pipeline releases. To release version {current} from a clean, reviewed main:\n\n"
        f"  scripts/release --dry-run\n"
        f"  git tag --sign v{current} --message 'Release {current}'\n"
        f"  git push origin v{current}\n\n"
        "docs/releasing.md says how to choose the version, and how to go back.",
        file=sys.stderr,
    )
    return 2


def check(options: Namespace) -> int:
    print(f"{options.tag} releases version {version.check_tag(options.tag)}")
    return 0


def pack(options: Namespace) -> int:
    packing.pack(version.of_workspace(), options.arch, options.bootstrap, options.output)
    return 0


def command(options: Namespace) -> int:
    packing.pack_command(version.of_workspace(), options.target, options.command, options.output)
    return 0


def finish(options: Namespace) -> int:
    current = version.of_workspace()
    _finish(options.output, current, section(CHANGELOG, current))
    return 0


def fetch(options: Namespace) -> int:
    print(f"the assembly is in {fetching.fetch(options.version, options.arch, options.output, options.sums)}")
    return 0


def drilled(options: Namespace) -> int:
    print(drill.judge(options.answer))
    return 0


def dry_run(options: Namespace) -> int:
    current = version.of_workspace()
    if options.version not in (None, current):
        raise Problem(
            f"--version {options.version}: the workspace's version is {current}. Set it in Cargo.toml,"
            " infra/package.json and infra/package-lock.json."
        )
    changed = version.uncommitted()
    if changed and not options.allow_dirty:
        shown = "\n".join(f"  {line}" for line in changed[:10])
        raise Problem(f"not everything is committed:\n{shown}\nCommit or stash it; --allow-dirty goes on all the same.")
    notes, named = section_or_unreleased(CHANGELOG, current)
    output = (options.output or BUILD / "release" / current).resolve()
    _empty(output)
    packing.pack(current, HERE, options.bootstrap, output)
    packing.pack_command(current, host(), options.command, output)
    _finish(output, current, notes)
    checksums.verify(output)
    _table(output, current)
    if changed:
        print("\nMade from changes that are not committed: the pipeline will make something else.")
    if not named:
        print(
            f"\nCHANGELOG.md has no section '## [{current}]' yet; the notes are those under Unreleased. The pipeline"
            " refuses a tag without one."
        )
    return 0


def _empty(output: Path) -> None:
    """A former release must not end up in the checksums. Only files of our own naming are removed."""
    output.mkdir(parents=True, exist_ok=True)
    for old in output.iterdir():
        if old.name != SUMS and not old.name.startswith("runawaytrain-"):
            raise Problem(f"{old} does not belong to a release: name an empty folder with --output.")
        old.unlink()


def _finish(output: Path, current: str, notes: str) -> None:
    names = Names(current)
    (output / names.infra_bom).write_text(bom.of_infra())
    (output / names.notes).write_text(f"{notes}\n")
    checksums.write(output)


def _table(output: Path, current: str) -> None:
    names = Names(current)
    rows = {
        names.function(HERE): "the function: the binary and the policy",
        names.assembly(HERE): "the stacks, ready for `cdk deploy --app`",
        names.function_bom(HERE): "what the function consists of (CycloneDX)",
        names.command(host()): "the command, its manual pages and completions",
        **{names.command_bom(target): "what the command consists of (CycloneDX)" for target in commands_of(HERE)},
        names.infra_bom: "what the CDK app consists of (CycloneDX)",
        names.notes: "the changelog's section",
        SUMS: "SHA-256 of the others",
    }
    width = max(map(len, rows))
    print(f"runawaytrain {current} in {output}\n")
    for name, what in rows.items():
        print(f"  {name:<{width}}  {(output / name).stat().st_size:>10,} bytes  {what}")
    others = ", ".join(target for target in COMMAND_TARGETS if target != host())
    print(f"\nThe pipeline adds: the same for arm64, the command for {others},")
    print("the whole test suite, known vulnerabilities, an attestation of where it was built,")
    print("the release on GitHub, and, after an approval, the deployment and a drill.")

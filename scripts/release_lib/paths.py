"""Where things are, and what the files of a release are called."""

import platform
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INFRA = ROOT / "infra"
CDK = INFRA / "node_modules" / ".bin" / "cdk"
BUILD = ROOT / ".build"

# The names of Lambda and, for the same processor and ABI, of Rust.
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
# What the command runs on. Each is packed where it runs: the command writes its pages and completions itself.
COMMAND_TARGETS = tuple(
    f"{processor}-{system}" for system in ("unknown-linux-gnu", "apple-darwin") for processor in ("x86_64", "aarch64")
)
SUMS = "SHA256SUMS"


def host() -> str:
    """This machine, in Rust's words."""
    processor = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    return f"{processor}-{'apple-darwin' if platform.system() == 'Darwin' else 'unknown-linux-gnu'}"


def runs_here(target: str) -> bool:
    """Whether this machine runs what is built for a target: its own, and on a Mac of today Intel's too, by Rosetta."""
    return target == host() or (host(), target) == ("aarch64-apple-darwin", "x86_64-apple-darwin")


def commands_of(arch: str) -> list[str]:
    """The targets of the command for the same processor as one of Lambda's."""
    processor = TARGETS[arch].split("-")[0]
    return [target for target in COMMAND_TARGETS if target.startswith(f"{processor}-")]


@dataclass(frozen=True)
class Names:
    """The files of one release. They carry the version, so that two releases never mix in one folder."""

    version: str

    def function(self, arch: str) -> str:
        return f"runawaytrain-{self.version}-{arch}.zip"

    def assembly(self, arch: str) -> str:
        return f"runawaytrain-{self.version}-{arch}.assembly.tar.gz"

    def function_bom(self, arch: str) -> str:
        return f"runawaytrain-{self.version}-{arch}.cdx.json"

    def command(self, target: str) -> str:
        return f"{self.command_folder(target)}.tar.gz"

    def command_folder(self, target: str) -> str:
        """What the archive unpacks to."""
        return f"runawaytrain-{self.version}-{target}"

    def command_bom(self, target: str) -> str:
        return f"{self.command_folder(target)}.cdx.json"

    @property
    def infra_bom(self) -> str:
        return f"runawaytrain-{self.version}-infra.cdx.json"

    @property
    def notes(self) -> str:
        return f"runawaytrain-{self.version}.notes.md"

"""Where things are, and what the files of a release are called."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INFRA = ROOT / "infra"
CDK = INFRA / "node_modules" / ".bin" / "cdk"
BUILD = ROOT / ".build"

# The names of Lambda and, for the same processor and ABI, of Rust.
TARGETS = {"x86_64": "x86_64-unknown-linux-gnu", "arm64": "aarch64-unknown-linux-gnu"}
SUMS = "SHA256SUMS"


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

    @property
    def infra_bom(self) -> str:
        return f"runawaytrain-{self.version}-infra.cdx.json"

    @property
    def notes(self) -> str:
        return f"runawaytrain-{self.version}.notes.md"

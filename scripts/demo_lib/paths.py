"""Where things are. Nothing is written outside of `.build` and one temporary folder."""

import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
INFRA = ROOT / "infra"
CONTRACT = INFRA / "generated" / "contract.json"
MEMBER_TEMPLATE = ROOT / "stacksets" / "member.yaml"
MEMBER_REGION_TEMPLATE = ROOT / "stacksets" / "member-region.yaml"
MEMBER_ALARMS_TEMPLATE = ROOT / "stacksets" / "member-alarms.yaml"
# Where cargo puts what it builds, as lib/env.sh has it, and the command, as lib/operator.sh has it.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or CACHE / "runawaytrain" / "target")
OPERATOR = Path(os.environ.get("RUNAWAYTRAIN_OPERATOR") or TARGET / "debug" / "runawaytrain")
CDK = INFRA / "node_modules" / ".bin" / "cdk"
LOGS = ROOT / ".build" / "logs"
DASHBOARD = ROOT / ".build" / "dashboard.svg"
LOG_FOLDERS_KEPT = 5


@dataclass(frozen=True)
class Places:
    """One run's own folders: `temp` goes when the run ends, `logs` stays so that a failure can be read."""

    temp: Path
    logs: Path

    @staticmethod
    def make() -> "Places":
        LOGS.mkdir(parents=True, exist_ok=True)
        for old in sorted(LOGS.glob("demo-*"))[: -(LOG_FOLDERS_KEPT - 1)]:
            shutil.rmtree(old, ignore_errors=True)
        temp = Path(tempfile.mkdtemp(prefix="runawaytrain-demo-"))
        logs = LOGS / f"demo-{time.strftime('%Y%m%d-%H%M%S')}-{temp.name[-6:]}"
        logs.mkdir()
        return Places(temp, logs)

    def remove(self) -> None:
        shutil.rmtree(self.temp, ignore_errors=True)


def short(path: Path) -> str:
    """A path as a person in the checkout would type it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)

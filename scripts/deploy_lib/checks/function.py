"""Whether the Lambda is built, and from the sources that lie here."""

from dataclasses import dataclass
from pathlib import Path

from ..finding import Finding, missing, ok
from ..options import ROOT


@dataclass(frozen=True)
class Facts:
    file: Path
    built: bool
    newer: Path | None = None  # a source that was changed since
    given: bool = False  # named by --function: nobody builds it here


def read(arch: str, given: Path | None, root: Path = ROOT) -> Facts:
    if given is not None:
        return Facts(given, given.is_file(), given=True)
    file = root / ".build" / arch / "bootstrap"
    if not file.is_file():
        return Facts(file, False)
    built = file.stat().st_mtime
    sources = [root / "Cargo.toml", root / "Cargo.lock", *sorted((root / "lambda").rglob("*.rs")), *sorted((root / "lambda").rglob("Cargo.toml"))]
    return Facts(file, True, next((source for source in sources if source.is_file() and source.stat().st_mtime > built), None))


def function(facts: Facts) -> Finding:
    what = "function"
    if facts.given:
        return ok(what, f"{facts.file}, as you named it") if facts.built else missing(what, f"there is no file {facts.file}", "name a built Lambda with --function, or leave it away")
    if not facts.built:
        return missing(what, "not built yet; scripts/deploy builds it, which takes ten to fifteen minutes the first time", "scripts/build", needed=False)
    if facts.newer:
        return missing(what, f"{facts.newer.name} was changed after the Lambda was built; scripts/deploy builds it again", "scripts/build", needed=False)
    return ok(what, "built from the sources that lie here")

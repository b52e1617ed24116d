"""`scripts/bench halt|sweep|fleet|start|scale|all`: the function against a double of AWS."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from lib import ending

from . import fleet, halt, machine, others, scale, start, sweep
from .options import Options
from .table import Table

Measure = Callable[[Options, Table], None]

SCENARIOS: dict[str, list[Measure]] = {
    "halt": [halt.measure, others.measure],
    "sweep": [sweep.measure],
    "fleet": [fleet.measure],
    "start": [start.measure],
    "scale": [scale.measure],
}


def main() -> int:
    try:
        ending.listen()
        return bench()
    except ending.Interrupted as interrupted:
        return interrupted.code


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path.absolute()  # a venv's python is a link that must stay one


def bench() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("scenario", choices=[*SCENARIOS, "all"])
    parser.add_argument("--runs", type=int, help="of each figure, instead of what is usual for it")
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 1000], help="of a sweep")
    parser.add_argument(
        "--seeds", type=Path, help="a folder with the listing of the handler that the project began with"
    )
    parser.add_argument("--custodian", type=_file, help="Cloud Custodian's command")
    parser.add_argument("--function", type=_file, required=True, help="the function's binary")
    parser.add_argument("--markdown", type=Path, help="writes the table to this file")
    parser.add_argument("--json", type=Path, help="writes the figures to this file")
    parser.add_argument("--double", type=_file, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--hello", type=_file, required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    programs = (given.function, given.double, given.hello)
    options = Options(*programs, given.runs, given.seeds, given.custodian, given.accounts)
    table = Table(machine.about(options.function))
    for name, value in table.machine.items():
        print(f"{name:18}{value}")
    print(flush=True)
    scenarios = SCENARIOS if given.scenario == "all" else [given.scenario]
    for scenario in scenarios:
        for measure in SCENARIOS[scenario]:
            measure(options, table)
    if given.markdown:
        given.markdown.write_text(table.markdown())
    if given.json:
        given.json.write_text(table.json())
    return 0 if table.holds else 1


if __name__ == "__main__":
    sys.exit(main())

"""What the engine stored of reports that it read from S3, held against DuckDB: `python -m cur_lib.through_s3
BUCKET_FOLDER SUMS_FOLDER`."""

import sys
from pathlib import Path

from .sums import Sums, by_duckdb

# Steps of 10^-18 dollars in a millionth, which is what the engine counts in.
MILLIONTH = 10**12


def main() -> int:
    bucket, sums = Path(sys.argv[1]), Path(sys.argv[2])
    hourly = sorted((bucket / "cur/hourly").glob("*/*/*.csv.gz")) or sorted((bucket / "cur/hourly").glob("**/*.csv.gz"))
    daily = sorted((bucket / "cur/daily/data").glob("*/*.csv.gz"))
    failed = compare("legacy report", sums / "hourly.csv", by_duckdb(hourly, export=False))
    failed += compare("CUR 2.0, daily", sums / "daily.csv", by_duckdb(daily, export=True))
    # The same lines as the first.
    failed += compare("Parquet", sums / "columns.csv", by_duckdb(hourly, export=False))
    return 1 if failed else 0


def in_millionths(steps: int) -> int:
    """Rounded half up; nothing costs less than nothing."""
    return max(0, (2 * steps + MILLIONTH) // (2 * MILLIONTH))


def stored(file: Path) -> Sums:
    lines = (line.split(",") for line in file.read_text().splitlines())
    return {(account, hour): int(millionths) for account, hour, millionths in lines}


def compare(name: str, file: Path, steps: Sums) -> int:
    found, expected = stored(file), {place: in_millionths(sum_of) for place, sum_of in steps.items()}
    wrong = sorted(place for place in found.keys() | expected.keys() if found.get(place) != expected.get(place))
    for account, hour in wrong[:10]:
        print(
            f"{name} through S3: {account} {hour}: {found.get((account, hour))} stored, {expected.get((account, hour))}"
            " by DuckDB (10^-6 USD)"
        )
    # A comparison of nothing proves nothing, and both months have to be in it.
    if wrong or len(expected) < 20 or len({hour[:7] for _, hour in expected}) < 2:
        print(f"{name} through S3: {len(wrong)} of {len(expected)} sums differ")
        return 1
    print(
        f"{name} through S3: {len(expected)} hourly sums over the turn of a month, {sum(expected.values()) / 10**6:.2f}"
        " USD: all as DuckDB has them"
    )
    return 0


sys.exit(main())

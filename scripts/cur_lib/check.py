"""`scripts/test cur`: reports that koku-nise makes, read by the reader and by DuckDB. Every sum has to be the same, to
the last digit."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

from lib import ending

from . import sums
from .columns import export_name
from .sums import by_duckdb, of_the_reader

BUCKET = "payer-reports"
SECONDS = 600  # for a program that takes seconds, on a machine on which much else runs


def main() -> int:
    reader, nise, work = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    folder = made_by_nise(nise, work)
    manifests = sorted((folder / "cur/hourly").glob("*/hourly-Manifest.json"))
    failed = 0
    assert len(manifests) == 2, "koku-nise was asked for two months"
    for manifest in manifests:
        files = [folder / key for key in json.loads(manifest.read_text())["reportKeys"]]
        failed += compare(f"legacy report, {manifest.parent.name}", reader, folder, manifest, files, export=False)
        export, parts = as_export(folder, manifest, files)
        failed += compare(f"CUR 2.0, daily, {manifest.parent.name}", reader, folder, export, parts, export=True)
        columns = as_parquet(folder, manifest, files)
        failed += compare(f"Parquet, {manifest.parent.name}", reader, folder, columns, files, export=False)
    return 1 if failed else 0


def made_by_nise(nise: str, work: Path) -> Path:
    """A folder that stands for the bucket. Files of 100 lines, so that a report has several."""
    folder = work / BUCKET
    folder.mkdir(parents=True)
    wanted = Path(__file__).with_name("nise.yml")
    days = ["-s", "2026-10-01", "-e", "2026-11-30"]
    names = ["--aws-s3-bucket-name", BUCKET, "--aws-s3-report-name", "hourly", "--aws-s3-report-prefix", "cur"]
    made = ending.run(
        [nise, "report", "aws", *days, "--static-report-file", wanted, "--file-row-limit", "100", *names],
        SECONDS,
        cwd=work,
        stdout=subprocess.DEVNULL,
    )
    made.check_returncode()
    return folder


def as_export(folder: Path, manifest: Path, files: list[Path]) -> tuple[Path, list[Path]]:
    """The same lines as a CUR 2.0 export, which koku-nise does not make: its names, its dates, columns from last to
    first.

    Two things that koku-nise leaves out come in: a reservation's effective cost, and lines of a whole day."""
    month = manifest.parent.name
    period = f"{month[:4]}-{month[4:6]}"
    parts = []
    for number, file in enumerate(files, start=1):
        part = folder / f"cur/daily/data/BILLING_PERIOD={period}/daily-{number:05}.csv.gz"
        part.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(file, "rt", newline="") as source, gzip.open(part, "wt", newline="") as target:
            lines = csv.DictReader(source)
            names = list(reversed(lines.fieldnames or []))
            writer = csv.writer(target, quoting=csv.QUOTE_ALL)
            writer.writerow([export_name(name) for name in names])
            for line in lines:
                day = line["lineItem/UsageStartDate"][:10]
                line["lineItem/UsageStartDate"], line["lineItem/UsageEndDate"] = (
                    f"{day}T00:00:00.000Z",
                    f"{day}T23:59:59.000Z",
                )
                line["lineItem/LineItemDescription"] += ' "quoted",\nover two lines'
                if line["lineItem/LineItemType"] == "DiscountedUsage":
                    line["reservation/EffectiveCost"] = "6.0E-2"
                writer.writerow([line[name] for name in names])
        parts.append(part)
    export = folder / f"cur/daily/metadata/BILLING_PERIOD={period}/daily-Manifest.json"
    export.parent.mkdir(parents=True)
    export.write_text(json.dumps({"dataFiles": [f"s3://{BUCKET}/{part.relative_to(folder)}" for part in parts]}))
    return export, parts


def as_parquet(folder: Path, manifest: Path, files: list[Path]) -> Path:
    """The same lines as a legacy report for Athena: in Parquet that DuckDB writes, where AWS puts its own, and a
    manifest beside the others."""
    month = manifest.parent.name
    keys = []
    for number, file in enumerate(files, start=1):
        part = (
            folder / f"cur/columns/columns/year={month[:4]}/month={int(month[4:6])}/columns-{number:05}.snappy.parquet"
        )
        part.parent.mkdir(parents=True, exist_ok=True)
        sums.as_parquet(file, part)
        keys.append(str(part.relative_to(folder)))
    written = json.loads(manifest.read_text()) | {
        "compression": "Parquet",
        "contentType": "Parquet",
        "reportKeys": keys,
    }
    place = folder / f"cur/columns/{month}/columns-Manifest.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(written))
    return place


def compare(name: str, reader: Path, folder: Path, manifest: Path, files: list[Path], *, export: bool) -> int:
    ran = ending.run(
        [reader, manifest, BUCKET, "cur/", folder], SECONDS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    if ran.returncode != 0:
        print(f"{name}: the reader failed: {ran.stderr.strip()}")
        return 1
    found, expected = of_the_reader(ran.stdout), by_duckdb(files, export=export)
    wrong = sorted(place for place in found.keys() | expected.keys() if found.get(place) != expected.get(place))
    for account, hour in wrong[:10]:
        print(
            f"{name}: {account} {hour}: {found.get((account, hour))} by the reader, {expected.get((account, hour))} by"
            " DuckDB (10^-18 USD)"
        )
    # A comparison of nothing proves nothing.
    if wrong or len(files) < 2 or len(expected) < 20:
        print(f"{name}: {len(wrong)} of {len(expected)} sums differ, in {len(files)} files")
        return 1
    accounts = len({account for account, _ in expected})
    print(
        f"{name}: {len(files)} files, {len(expected)} hourly sums of {accounts} accounts,"
        f" {sum(expected.values()) / 10**18:.2f} USD: all as DuckDB has them"
    )
    return 0


sys.exit(main())

"""The reader's question, put to another engine: `python -m cur_lib.engine polars|duckdb FILE`. Prints the sums, and its
CPU seconds to standard error.

Each is asked in the way that is fastest for it, with one thread; what importing it costs is not counted."""

import sys
import time

USED = ["lineItem/UsageAccountId", "lineItem/LineItemType", "lineItem/UsageStartDate", "lineItem/UnblendedCost"]
USED += ["reservation/EffectiveCost", "savingsPlan/SavingsPlanEffectiveCost"]
USAGE = ["Usage", "DiscountedUsage", "SavingsPlanCoveredUsage"]


def polars(file: str) -> list[tuple[str, str, float]]:
    import polars as pl

    began = time.process_time()
    account, kind, start, unblended, reserved, covered = (pl.col(name) for name in USED)
    by_plan = pl.when(kind == "SavingsPlanCoveredUsage").then(covered.fill_null(unblended)).otherwise(unblended)
    cost = pl.when(kind == "DiscountedUsage").then(reserved.fill_null(unblended)).otherwise(by_plan)
    lines = pl.scan_csv(file, infer_schema=False, schema_overrides=dict.fromkeys(USED[3:], pl.Float64))
    usage = (
        lines.filter(kind.is_in(USAGE))
        .group_by(account.alias("account"), start.str.head(13).alias("hour"))
        .agg(cost.sum().alias("cost"))
    )
    rows = usage.collect(engine="streaming").rows()
    print(time.process_time() - began, file=sys.stderr)
    return rows


def duckdb(file: str) -> list[tuple[str, str, float]]:
    import duckdb

    began = time.process_time()
    connection = duckdb.connect(config={"threads": 1})
    account, kind, start, unblended, reserved, covered = (f'"{name}"' for name in USED)
    rows = connection.execute(
        f"""SELECT {account}, left({start}, 13), sum(CASE {kind}
              WHEN 'DiscountedUsage' THEN coalesce(TRY_CAST({reserved} AS DOUBLE), {unblended}::DOUBLE)
              WHEN 'SavingsPlanCoveredUsage' THEN coalesce(TRY_CAST({covered} AS DOUBLE), {unblended}::DOUBLE)
              ELSE {unblended}::DOUBLE END)
            FROM read_csv(?, header = true, all_varchar = true, quote = '"', escape = '"', compression = 'gzip')
            WHERE {kind} IN {tuple(USAGE)} GROUP BY ALL""",
        [file],
    ).fetchall()
    print(time.process_time() - began, file=sys.stderr)
    return rows


if __name__ == "__main__":
    answer = {"polars": polars, "duckdb": duckdb}[sys.argv[1]](sys.argv[2])
    for found in sorted(answer):
        print(*found, sep=",")

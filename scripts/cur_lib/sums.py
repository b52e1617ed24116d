"""The sums that the reader has to come to, asked of DuckDB in exact arithmetic."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from .columns import export_name

# (account, hour as 2026-11-24T09:00:00Z) -> steps of 10^-18 dollars
Sums = dict[tuple[str, str], int]

# A DECIMAL(38,18) is an integer of 38 digits; DuckDB has none wider to multiply in, so the point is taken out of its
# text.
STEPS = "replace(({})::DECIMAL(38,18)::VARCHAR, '.', '')::HUGEINT"

QUERY = """
WITH lines AS (
  SELECT {account} AS account,
         date_trunc('hour', {start}::TIMESTAMPTZ) AS first,
         {end}::TIMESTAMPTZ AS until,
         {steps} AS cost
  FROM read_csv(?, header = true, all_varchar = true, quote = '"', escape = '"', compression = 'gzip')
  WHERE {kind} IN ('Usage', 'FlatRateSubscription', 'DiscountedUsage', 'SavingsPlanCoveredUsage')
), spread AS (
  SELECT account, first, cost, greatest(1, ceil((epoch(until - first) - 59) / 3600))::BIGINT AS hours FROM lines
), hourly AS (
  SELECT account, first + to_hours(part) AS hour,
         cost // hours + CASE WHEN part < abs(cost % hours) THEN sign(cost)::HUGEINT ELSE 0 END AS cost
  FROM spread, unnest(range(hours)) AS parts(part)
)
SELECT account, strftime(hour AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'), sum(cost)::HUGEINT::VARCHAR
FROM hourly GROUP BY ALL HAVING sum(cost) <> 0
"""


def by_duckdb(files: Iterable[Path], *, export: bool) -> Sums:
    """Usage per account and hour of all files together."""

    def column(legacy: str) -> str:
        return f'"{export_name(legacy) if export else legacy}"'

    kind = column("lineItem/LineItemType")
    plain = column("lineItem/UnblendedCost")
    reserved, saved = column("reservation/EffectiveCost"), column("savingsPlan/SavingsPlanEffectiveCost")
    cost = f"""CASE {kind}
        WHEN 'DiscountedUsage' THEN coalesce(nullif({reserved}, ''), {plain})
        WHEN 'SavingsPlanCoveredUsage' THEN coalesce(nullif({saved}, ''), {plain})
        ELSE {plain} END"""
    query = QUERY.format(
        account=column("lineItem/UsageAccountId"),
        start=column("lineItem/UsageStartDate"),
        end=column("lineItem/UsageEndDate"),
        steps=STEPS.format(cost),
        kind=kind,
    )
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    rows = connection.execute(query, [[str(file) for file in files]]).fetchall()
    return {(account, hour): int(cost) for account, hour, cost in rows}


# As AWS types them in Parquet; all else is text.
TYPES = {
    "lineItem/UsageStartDate": "TIMESTAMP_MS",
    "lineItem/UsageEndDate": "TIMESTAMP_MS",
    "lineItem/UnblendedCost": "DOUBLE",
    "reservation/EffectiveCost": "DOUBLE",
    "savingsPlan/SavingsPlanEffectiveCost": "DOUBLE",
}


def as_parquet(file: Path, part: Path) -> None:
    """The lines of a legacy CSV as Parquet, in the names that both kinds of report have there."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    lines = connection.read_csv(
        str(file), header=True, all_varchar=True, quotechar='"', escapechar='"', compression="gzip"
    )

    def cell(name: str) -> str:
        wanted = TYPES.get(name, "VARCHAR")
        text = f"""nullif("{name}", '')"""
        moment = f"({text})::TIMESTAMPTZ AT TIME ZONE 'UTC'"
        # koku-nise writes None where it knows no number.
        return f'try_cast({moment if wanted == "TIMESTAMP_MS" else text} AS {wanted}) AS "{export_name(name)}"'

    cells = ", ".join(cell(name) for name in lines.columns)
    lines.query("lines", f"SELECT {cells} FROM lines").write_parquet(str(part), compression="snappy")


def steps(text: str) -> int:
    """A decimal number in steps of 10^-18."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    whole, _, fraction = digits.partition(".")
    return sign * int(whole + fraction.ljust(18, "0"))


def of_the_reader(text: str) -> Sums:
    """What the example `sum` printed."""
    found = (line.split(",") for line in text.splitlines())
    return {(account, hour): steps(amount) for account, hour, amount in found}

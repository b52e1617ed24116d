"""Writes a Cost and Usage Report as Billing does: a month's lines as gzip CSV, then the manifest that names the file.

https://docs.aws.amazon.com/cur/latest/userguide/understanding-report-versions.html
"""

import csv
import gzip
import io
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from .cast import PAYER, REPORTS_BUCKET, REPORTS_PREFIX
from .cloud import Cloud

REPORT = "hourly"
LAG = timedelta(hours=2)  # of the newest report behind the clock; on AWS it is more
COLUMNS = (
    "identity/LineItemId",
    "identity/TimeInterval",
    "bill/BillingEntity",
    "bill/PayerAccountId",
    "bill/BillingPeriodStartDate",
    "bill/BillingPeriodEndDate",
    "lineItem/UsageAccountId",
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/ProductCode",
    "lineItem/UsageType",
    "lineItem/UsageAmount",
    "lineItem/CurrencyCode",
    "lineItem/UnblendedRate",
    "lineItem/UnblendedCost",
    "lineItem/LineItemDescription",
    "product/region",
)


@dataclass(frozen=True)
class Line:
    """An hour of an account, in US dollars."""

    account: str
    hour: datetime
    cost: Decimal
    kind: str = "Usage"
    product: str = "AmazonSageMaker"


def last_hours(number: int) -> list[datetime]:
    """The newest hours that a report would know."""
    newest = (datetime.now(UTC) - LAG).replace(minute=0, second=0, microsecond=0)
    return [newest - timedelta(hours=back) for back in reversed(range(number))]


def write(cloud: Cloud, lines: list[Line]) -> list[str]:
    """A report for each month that the lines are of; answers the manifests' keys."""
    s3 = cloud.admin("s3", PAYER)
    s3.create_bucket(Bucket=REPORTS_BUCKET)
    months = defaultdict(list)
    for line in lines:
        months[line.hour.replace(day=1, hour=0)].append(line)
    manifests = []
    for start, its in months.items():
        end = (start + timedelta(days=31)).replace(day=1)
        folder, assembly = f"{REPORTS_PREFIX}/{REPORT}/{start:%Y%m%d}-{end:%Y%m%d}", str(uuid4())
        key, manifest = f"{folder}/{assembly}/{REPORT}-00001.csv.gz", f"{folder}/{REPORT}-Manifest.json"
        s3.put_object(Bucket=REPORTS_BUCKET, Key=key, Body=gzip.compress(_csv(its, start, end)))
        # Billing writes it last, so that what it names is there.
        s3.put_object(
            Bucket=REPORTS_BUCKET, Key=manifest, Body=json.dumps(_manifest(key, assembly, start, end)).encode()
        )
        manifests.append(manifest)
    return manifests


def _csv(lines: list[Line], start: datetime, end: datetime) -> bytes:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(COLUMNS)
    for line in lines:
        first, after = _moment(line.hour), _moment(line.hour + timedelta(hours=1))
        out.writerow(
            (
                uuid4().hex,
                f"{first}/{after}",
                "AWS",
                PAYER,
                _moment(start),
                _moment(end),
                line.account,
                line.kind,
                first,
                after,
                line.product,
                "ml.p5.48xlarge-Training",
                "1.0",
                "USD",
                line.cost,
                line.cost,
                f"${line.cost} per hour, training in US East",
                "us-east-1",
            )
        )
    return text.getvalue().encode()


def _manifest(key: str, assembly: str, start: datetime, end: datetime) -> dict[str, Any]:
    columns = [dict(zip(("category", "name"), column.split("/"), strict=True)) for column in COLUMNS]
    return {
        "assemblyId": assembly,
        "account": PAYER,
        "bucket": REPORTS_BUCKET,
        "reportName": REPORT,
        "reportKeys": [key],
        "columns": columns,
        "charset": "UTF-8",
        "compression": "GZIP",
        "contentType": "text/csv",
        "timeAggregation": "HOURLY",
        "billingPeriod": {"start": f"{start:%Y%m%dT%H%M%S}.000Z", "end": f"{end:%Y%m%dT%H%M%S}.000Z"},
    }


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

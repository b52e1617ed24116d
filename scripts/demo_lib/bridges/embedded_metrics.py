"""CloudWatch makes metrics of the log lines in its embedded metric format. ministack keeps the lines and makes none.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
from typing import Any

from ministack.services import cloudwatch, lambda_svc

MILLISECONDS = 1000


def install() -> None:
    to_the_log = lambda_svc._emit_lambda_logs

    def extracting(function: dict[str, Any], request: str, text: str, *rest: Any, **named: Any) -> None:
        to_the_log(function, request, text, *rest, **named)
        for line in (text or "").splitlines():
            extract(line)

    lambda_svc._emit_lambda_logs = extracting


def extract(line: str) -> None:
    """Of one line, into the account and region of the function that wrote it."""
    try:
        document = json.loads(line)
        told = document["_aws"]
        # One member that is missing, or no number, and CloudWatch makes no metric of the line.
        found = [
            (directive["Namespace"], {name: document[name] for name in names}, metric, float(document[metric["Name"]]))
            for directive in told["CloudWatchMetrics"]
            for names in directive["Dimensions"]
            for metric in directive["Metrics"]
        ]
    except (ValueError, TypeError, KeyError):
        return
    at = told["Timestamp"] / MILLISECONDS
    for namespace, dimensions, metric, value in found:
        unit = metric.get("Unit", "None")
        cloudwatch._store_datum(namespace, metric["Name"], dimensions, at, unit, value, None, None, None)

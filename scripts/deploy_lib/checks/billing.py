"""Whether AWS publishes what each account has been charged. It must be switched on once, by hand; there is no API for it."""

from ..finding import Finding, missing, ok
from ..ground import Ground


def read(ground: Ground) -> int:
    """How many accounts have a metric of their own. ListMetrics forgets what had no data for two weeks.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html"""
    found = ground.cloud.pages(
        "cloudwatch", "ListMetrics", "Metrics", Namespace="AWS/Billing", MetricName="EstimatedCharges", Dimensions=[{"Name": "LinkedAccount"}]
    )
    return len({dimension["Value"] for metric in found for dimension in metric["Dimensions"] if dimension["Name"] == "LinkedAccount"})


def alerts(accounts: int) -> Finding:
    what = "billing alerts"
    if accounts:
        return ok(what, f"AWS publishes the charges of {accounts} account{'' if accounts == 1 else 's'}")
    return missing(
        what, "AWS publishes no account's charges, so spend alarms stay silent; what runs is judged all the same. Switched on today, it shows tomorrow",
        "Billing and Cost Management console, Billing preferences, Alert preferences, Edit: Receive CloudWatch billing alerts", needed=False,
    )

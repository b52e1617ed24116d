"""CloudWatch tells topics of an alarm, those of another account too, which ministack drops, in the words that
CloudWatch has for it: ministack's own name neither the alarm's ARN nor its dimensions as CloudWatch does.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from ministack.core import iam_evaluator as access
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import cloudwatch, sns

from . import REFUSED
from .membership import organization_of

SERVICE = "cloudwatch.amazonaws.com"
ACTIONS = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}
PLACES = {"us-east-1": "US East (N. Virginia)"}
logger = logging.getLogger("bridge")


def install() -> None:
    cloudwatch._dispatch_alarm_actions = tell_all


def tell_all(alarm: dict[str, Any], old: str, new: str, reason: str) -> None:
    if alarm.get("ActionsEnabled", True):
        for topic in filter(_is_topic, alarm.get(ACTIONS[new]) or []):
            tell(alarm, topic, old, new, reason)


def _is_topic(arn: str) -> bool:
    spec = parse_arn(arn)
    return spec.service == "sns" and spec.region == get_region()


def tell(alarm: dict[str, Any], topic: str, old: str, new: str, reason: str) -> None:
    if not _admits(topic, alarm["AlarmArn"]):
        logger.warning("%sthe topic %s does not admit the alarm %s", REFUSED, topic, alarm["AlarmArn"])
        return
    subject = f'{new}: "{alarm["AlarmName"]}" in {_place()}'
    sns._fanout(topic, new_uuid(), json.dumps(message(alarm, old, new, reason)), subject)


def _admits(topic: str, alarm: str) -> bool:
    """Asks the topic's own policy, with the keys that CloudWatch brings along."""
    found = sns._topic_by_arn_any_scope(topic)
    if found is None:
        return False
    account = get_account_id()
    keys = {"aws:sourcearn": alarm, "aws:sourceaccount": account, "aws:sourceorgid": organization_of(account)}
    context = access.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="sns:Publish",
        resource_arn=topic,
        region=get_region(),
        secure_transport=True,
        service_context=keys,
    )
    return (
        access.evaluate_resource_policy(found["attributes"].get("Policy"), context, service=SERVICE).decision == "Allow"
    )


def message(alarm: dict[str, Any], old: str, new: str, reason: str) -> dict[str, Any]:
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": get_account_id(),
        "NewStateValue": new,
        "NewStateReason": reason,
        "StateChangeTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "Region": _place(),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": old,
        **{key: alarm.get(key) or [] for key in ACTIONS.values()},
        "Trigger": {
            "MetricName": alarm["MetricName"],
            "Namespace": alarm["Namespace"],
            "StatisticType": "Statistic",
            "Statistic": alarm["Statistic"].upper(),
            "Unit": None,
            "Dimensions": [{"value": one["Value"], "name": one["Name"]} for one in alarm.get("Dimensions") or []],
            "Period": alarm["Period"],
            "EvaluationPeriods": alarm["EvaluationPeriods"],
            "ComparisonOperator": alarm["ComparisonOperator"],
            "Threshold": alarm["Threshold"],
            "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        },
    }


def _place() -> str:
    return PLACES.get(get_region(), get_region())

"""EventBridge carries an event to the bus of another account, which ministack drops.

As on AWS three have to agree: the trust of the role that the rule names, the role's own policy, and the policy of the
bus, which ministack's CloudFormation forgets, so it is kept here.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cross-account.html"""

import logging
from typing import Any

from ministack.core import iam_evaluator as access
from ministack.core.arn import parse_arn
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge, iam
from ministack.services.cloudformation import provisioners

from . import REFUSED
from .membership import organization_of

SERVICE = "events.amazonaws.com"
BUS = "AWS::Events::EventBus"
logger = logging.getLogger("bridge")


def install() -> None:
    handlers = provisioners._RESOURCE_HANDLERS[BUS]
    create, invoke = handlers["create"], eventbridge._invoke_target

    def create_with_policy(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        name, attributes = create(logical_id, props, stack_name)
        if props.get("Policy"):
            eventbridge._event_bus_policies[name] = props["Policy"]
        return name, attributes

    def invoke_anywhere(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> Any:
        if _is_elsewhere(target["Arn"]):
            carry(target, event, rule)
        else:
            invoke(target, event, rule, view)

    handlers["create"], eventbridge._invoke_target = create_with_policy, invoke_anywhere


def _is_elsewhere(arn: str) -> bool:
    spec = parse_arn(arn)
    return spec.service == "events" and spec.resource.startswith("event-bus/") and spec.account_id != get_account_id()


def carry(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> None:
    if objection := _objection(target, event, rule):
        logger.warning("%s%s, so that the event of %s goes nowhere", REFUSED, objection, rule["Arn"])
        return
    bus = parse_arn(target["Arn"])
    # The envelope stays the sender's: its account and its region.
    with request_scope(bus.account_id, bus.region):
        eventbridge._dispatch_event(event | {"EventBusName": _name(bus)})


def _name(bus: Any) -> str:
    return bus.resource.split("/", 1)[1]


def _objection(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> str | None:
    """Who does not agree; None when all three do."""
    account, arn, role = get_account_id(), target["Arn"], target.get("RoleArn", "")
    found = iam._roles.get_scoped(account, None, role.rsplit("/", 1)[-1])
    if found is None:
        return f"there is no role {role}"
    sender = {"aws:sourceaccount": account, "aws:sourcearn": rule["Arn"]}
    trust = _context("*", "sts:AssumeRole", role, sender)
    if access.evaluate_resource_policy(found["AssumeRolePolicyDocument"], trust, service=SERVICE).decision != "Allow":
        return f"the role {role} does not trust the rule"
    sent = {
        "events:source": [event["Source"]],
        "events:detail-type": event["DetailType"],
        "events:eventbusinvocation": "true",
    }
    request = _context(role, "events:PutEvents", arn, sent)
    if access.evaluate(request, access._gather_role_policies(found["RoleName"], account)).decision != "Allow":
        return f"the role {role} may not"
    bus = parse_arn(arn)
    policy = eventbridge._event_bus_policies.get_scoped(bus.account_id, bus.region, _name(bus))
    if access.evaluate_resource_policy(policy, request).decision != "Allow":
        return "the bus does not admit it"
    return None


def _context(principal: str, action: str, resource: str, keys: dict[str, Any]) -> access.EvalContext:
    account = get_account_id()
    return access.EvalContext(
        principal_arn=principal,
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context=keys,
        principal_keys={"aws:principalorgid": organization_of(account)},
    )

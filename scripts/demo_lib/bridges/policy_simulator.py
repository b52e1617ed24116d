"""IAM's policy simulator hears what the calls would come with, which ministack drops: a grant with a condition would
never allow anything.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from itertools import count
from typing import Any
from xml.sax.saxutils import escape

from ministack.core import iam_evaluator as access
from ministack.core.responses import get_account_id, get_region
from ministack.services import iam

DECISIONS = {"Allow": "allowed", "Deny": "explicitDeny"}


def install() -> None:
    iam._IAM_HANDLERS["SimulatePrincipalPolicy"] = simulate


def simulate(parameters: dict[str, Any]) -> tuple[Any, ...]:
    principal = iam._p(parameters, "PolicySourceArn")
    actions, resource = iam._extract_simulate_params(parameters)
    policies, keys = access._gather_role_policies(principal.rsplit("/", 1)[-1], get_account_id()), _context(parameters)
    results = ""
    for action in actions:
        request = access.EvalContext(
            principal_arn=principal,
            principal_type="AssumedRole",
            principal_account=get_account_id(),
            action=action,
            resource_arn=resource,
            region=get_region(),
            source_ip="127.0.0.1",
            secure_transport=True,
            service_context=keys,
        )
        decision = DECISIONS.get(access.evaluate(request, policies).decision, "implicitDeny")
        results += (
            f"<member><EvalActionName>{escape(action)}</EvalActionName><EvalResourceName>{escape(resource)}</EvalResourceName>"
            f"<EvalDecision>{decision}</EvalDecision></member>"
        )
    body = f"<EvaluationResults>{results}</EvaluationResults><IsTruncated>false</IsTruncated>"
    return iam._xml(
        200, "SimulatePrincipalPolicyResponse", f"<SimulatePrincipalPolicyResult>{body}</SimulatePrincipalPolicyResult>"
    )


def _context(parameters: dict[str, Any]) -> dict[str, str]:
    keys: dict[str, str] = {}
    entries = (f"ContextEntries.member.{number}" for number in count(1))
    for entry in entries:
        if not (name := iam._p(parameters, f"{entry}.ContextKeyName")):
            break
        keys[name.lower()] = iam._p(parameters, f"{entry}.ContextKeyValues.member.1")
    return keys

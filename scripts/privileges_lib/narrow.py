"""Whether a grant is as narrow as AWS allows, by AWS's own tables of actions and resources.

The tables are those that cfn-lint brings along.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import json
import re
from importlib.resources import files
from typing import Any

from .grants import Statement

ANY = "*"

# Actions whose table names a kind of resource that a grant must not be narrowed to, each with the harm that would do.
UNNARROWED = {
    "iam:ListServiceSpecificCredentials": (
        "with AllUsers it names no user; a grant on users that does not cover that would cost a call a user in every"
        " look"
    ),
    "cloudwatch:GetMetricData": (
        "metrics of AWS/Billing belong to no dataset of ours; a grant that named one and were not evaluated would hide"
        " every charge"
    ),
}


def tables() -> dict[str, Any]:
    return json.loads(files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text(encoding="utf-8"))


def judge(statement: Statement, known: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """What is wider than it must be; and for each action that is granted on any resource, why no narrower one will
    do."""
    problems: list[str] = []
    reasons: dict[str, str] = {}
    for action in statement.actions:
        service, _, name = action.partition(":")
        if ANY in action:
            problems.append(f"{statement}: {action} is a wildcard")
            continue
        of_service = known.get(service, {})
        about = of_service.get("Actions", {}).get(name.lower())
        if about is None:
            problems.append(f"{statement}: AWS knows no action {action}")
            continue
        kinds = {kind.lower() for kind in about.get("Resources", [])}
        if ANY in statement.resources:
            _any(statement, action, service, kinds, problems, reasons)
        elif not kinds:
            problems.append(
                f"{statement}: {action} has no resource to name, so a grant on {', '.join(statement.resources)} is none"
            )
        else:
            formats = [form for kind in kinds for form in of_service["Resources"][kind]["ARNFormats"]]
            problems += [
                f"{statement}: {action} is not about {resource}; it is about {', '.join(sorted(kinds))}"
                for resource in statement.resources
                if not _is_about(resource, formats)
            ]
            problems += [
                f"{statement}: {action} reaches into any account, without a condition"
                for resource in statement.resources
                if _any_account(resource) and not statement.condition_keys
            ]
    return problems, reasons


def _any(
    statement: Statement, action: str, service: str, kinds: set[str], problems: list[str], reasons: dict[str, str]
) -> None:
    own = [key for key in statement.condition_keys if key.startswith(f"{service}:")]
    if not kinds:
        reasons[action] = "AWS has no resource for it to name"
    elif action in UNNARROWED:
        reasons[action] = UNNARROWED[action]
    elif own:
        reasons[action] = f"narrowed by the condition on {', '.join(own)}"
    else:
        problems.append(f"{statement}: {action} is granted on any resource, and could name {', '.join(sorted(kinds))}")


def _is_about(resource: str, formats: list[str]) -> bool:
    """Whether an ARN, or the attribute of a resource that makes one, is of a kind that is meant by these formats."""
    if resource.startswith("{"):
        return True  # one resource of the template, and cfn-lint knows which
    parts = _parts(resource)
    # Up to where the format takes anything. Its service is not always the action's: sts:AssumeRole is about a role of
    # IAM.
    return len(parts) == 6 and any(
        parts[2] == form[2] and parts[5].startswith(form[5].split(".*")[0]) for form in map(_parts, formats)
    )


def _any_account(resource: str) -> bool:
    parts = _parts(resource)
    return len(parts) == 6 and parts[4] == ANY


def _parts(arn: str) -> list[str]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html; the colons of `${AWS::AccountId}` are
    none."""
    return re.sub(r"\$\{[^}]+\}", "X", arn).split(":", 5)

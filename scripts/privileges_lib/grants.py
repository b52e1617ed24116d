"""What the two roles are given, read from the templates as they are deployed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROLE, POLICY = "AWS::IAM::Role", "AWS::IAM::Policy"


@dataclass(frozen=True)
class Statement:
    sid: str
    actions: tuple[str, ...]
    resources: tuple[Any, ...]
    condition_keys: tuple[str, ...]

    def __str__(self) -> str:
        return self.sid or "a statement without a Sid"


class Unreadable(Exception):
    """A grant whose extent cannot be told from the template."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """The short forms of CloudFormation's functions, as their long ones."""


def _function(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        value = value.split(".", 1) if suffix == "GetAtt" else value
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


def template(file: Path) -> dict[str, Any]:
    """A template's resources, by logical id."""
    text = file.read_text(encoding="utf-8")
    return (json.loads(text) if file.suffix == ".json" else yaml.load(text, _Loader))["Resources"]


def role_id(resources: dict[str, Any], name: str) -> str:
    found = [
        logical
        for logical, one in resources.items()
        if one["Type"] == ROLE and one["Properties"].get("RoleName") == name
    ]
    if len(found) != 1:
        raise Unreadable(f"expected one role named {name}, found {len(found)}")
    return found[0]


def statements(resources: dict[str, Any], name: str) -> list[Statement]:
    """All that a role may do, by policies inside of it and beside it."""
    logical = role_id(resources, name)
    properties = resources[logical]["Properties"]
    if properties.get("ManagedPolicyArns"):
        raise Unreadable(f"{name} has managed policies: what they grant is not in the template")
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [
        one["Properties"]["PolicyDocument"]
        for one in resources.values()
        if one["Type"] == POLICY and {"Ref": logical} in one["Properties"].get("Roles", [])
    ]
    return [_statement(name, one) for document in documents for one in listed(document["Statement"])]


def _statement(name: str, one: dict[str, Any]) -> Statement:
    if one["Effect"] != "Allow" or not {"Action", "Resource"} <= one.keys():
        raise Unreadable(f"{name}, {one.get('Sid')}: expected Allow, Action and Resource, found {sorted(one)}")
    keys = tuple(key for operator in one.get("Condition", {}).values() for key in operator)
    return Statement(
        one.get("Sid", ""), tuple(listed(one["Action"])), tuple(map(frozen, listed(one["Resource"]))), keys
    )


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def frozen(resource: object) -> str:
    """A resource as text that can be compared: an ARN, or the function that makes one."""
    if isinstance(resource, dict) and isinstance(resource.get("Fn::Sub"), str):
        return resource["Fn::Sub"]
    if isinstance(resource, dict) and list(resource) == ["Fn::Join"]:
        separator, parts = resource["Fn::Join"]
        return separator.join(part if isinstance(part, str) else json.dumps(part) for part in parts)
    return resource if isinstance(resource, str) else json.dumps(resource, sort_keys=True)

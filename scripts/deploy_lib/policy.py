"""What a deployment must know of the policy file. Whether the file is right, `cdk synth` says, with line and reason."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from .contract import CONTRACT, names

# What the sample in the repository holds; nobody's organization has these.
SAMPLE_PAYER, SAMPLE_ORGANIZATION, SAMPLE_ROOT = "123456789012", "o-exampleorg", "r-exam"
# In this mode, and in those that do even less, the guard touches nothing.
DRILL = "drill"


class PolicyProblem(Exception):
    """The file cannot be used: a sentence for the person who wrote it."""


@dataclass(frozen=True)
class PayerRule:
    """What a halt of the payer itself would do. Where its entry says nothing else, key by key, the payer is drilled and
    its people are left alone."""

    mode: str = DRILL
    users: str = "leave"
    roles: str = "leave"
    exempt_users: frozenset[str] = frozenset()
    exempt_roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Policy:
    payer: str
    organization: str
    root: str | None = None
    ous: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    # Where the roles of each account are deployed.
    member_region: str = names.homeRegion
    # Whether each account has an alarm on what it is charged.
    has_spend_alarm: bool = False
    mode: str = "proceed"
    # The addresses of the default list, and of each account that has a list of its own.
    addresses: tuple[str, ...] = ()
    own_lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    payer_rule: PayerRule = PayerRule()

    @property
    def enrolled(self) -> tuple[str, ...]:
        """The root, or units where they are named."""
        return self.ous or ((self.root,) if self.root else ())

    @property
    def is_sample(self) -> bool:
        return self.organization == SAMPLE_ORGANIZATION


def read(file: Path) -> Policy:
    try:
        return parse(file.read_text(encoding="utf-8"), str(file))
    except OSError as error:
        raise PolicyProblem(f"{file} cannot be read: {error.strerror}. Name another with --policy FILE.") from error
    except UnicodeDecodeError as error:
        raise PolicyProblem(f"{file} is not a text file in UTF-8.") from error


def parse(text: str, file: str) -> Policy:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark else file
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise PolicyProblem(f"{where}: this is not YAML: {problem}.") from error
    if not isinstance(document, dict):
        raise PolicyProblem(f"{file}: a policy is a map of keys; see the runawaytrain.yaml of the repository.")
    organization = _map(document, "organization")
    defaults, accounts = _map(document, "defaults"), _map(document, "accounts")
    payer = document.get("payer")
    if not isinstance(payer, str) or not re.fullmatch(r"[0-9]{12}", payer):
        raise PolicyProblem(f"{file}: payer must be the payer's account id: all 12 digits, in quotes.")
    mode = str(document.get("mode") or "proceed")
    return Policy(
        payer=payer,
        organization=str(organization.get("id") or ""),
        root=organization.get("root"),
        ous=tuple(map(str, organization.get("ous") or ())),
        regions=tuple(map(str, organization.get("regions") or ())),
        member_region=str(organization.get("memberRegion") or names.homeRegion),
        has_spend_alarm=_map(defaults, "limits").get("spendMonth") is not None,
        mode=mode,
        addresses=_addresses(defaults),
        own_lists=tuple(sorted((str(account), own) for account in accounts if (own := _addresses(_map(accounts, account))))),
        payer_rule=_payer_rule(mode, _map(defaults, "exempt"), _map(accounts, payer)),
    )


def _addresses(settings: dict) -> tuple[str, ...]:
    found = settings.get("notify")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _payer_rule(mode: str, exempt: dict, own: dict) -> PayerRule:
    contain, also = _map(own, "contain"), _map(own, "exempt")
    return PayerRule(
        mode=_least(mode, str(own.get("mode") or DRILL)),
        users=str(contain.get("users") or "leave"),
        roles=str(contain.get("roles") or "leave"),
        exempt_users=frozenset(map(str, [*(exempt.get("users") or ()), *(also.get("users") or ())])),
        exempt_roles=frozenset(map(str, [*(exempt.get("roles") or ()), *(also.get("roles") or ())])),
    )


def _least(*modes: str) -> str:
    """A word that nobody knows counts as the mode that does most, until `cdk synth` refuses it."""
    if not set(modes) <= set(CONTRACT.modes):
        return CONTRACT.modes[-1]
    return min(modes, key=CONTRACT.modes.index)


def may_contain(mode: str) -> bool:
    """Whether the guard may touch anything in this mode; of a mode that nobody knows it must be assumed."""
    return mode not in CONTRACT.modes[: CONTRACT.modes.index(DRILL) + 1]


def _map(document: dict, key: str) -> dict:
    value = document.get(key)
    return value if isinstance(value, dict) else {}


def filled(text: str, values: dict[tuple[str, ...], str]) -> str:
    """The file's text with other scalars at these paths, and every other character as it was. `KeyError` for a path
    that is not there."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    changes = [(_node(root, path), value) for path, value in values.items()]
    # From the end, so that a change does not move those that are still to come.
    for node, value in sorted(changes, key=lambda change: change[0].start_mark.index, reverse=True):
        # Always quoted where it was, and where YAML would read a number.
        written = f'"{value}"' if node.style in ("'", '"') or value.isdigit() else value
        text = text[: node.start_mark.index] + written + text[node.end_mark.index :]
    return text


def _node(node: yaml.Node | None, path: tuple[str, ...]) -> yaml.Node:
    for step in path:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for key, value in pairs if key.value == step), None)
        if node is None:
            raise KeyError(".".join(path))
    if not isinstance(node, yaml.ScalarNode):
        raise KeyError(".".join(path))
    return node

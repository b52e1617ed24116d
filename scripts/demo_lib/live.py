"""What is claimed about a live drill, and how it is checked."""

import json
from typing import Any

from . import checks, show
from .cast import LAUNCH_REGION, PAYER, Account
from .claims import Claims, differences, unless
from .cloud import Cloud
from .look import Snapshot
from .mail import Mail

ROLE = "OrganizationAccountAccessRole"
STEPS = {"launched", "running", "found", "stopped", "quarantined", "locked-out", "proven", "mailed"}
# What cannot come before what.
ORDER = [
    ("launched", "running"),
    ("launched", "found"),
    ("found", "stopped"),
    ("found", "quarantined"),
    ("found", "locked-out"),
    ("quarantined", "proven"),
    ("locked-out", "proven"),
    ("proven", "mailed"),
]


def admit_payer(cloud: Cloud, account: Account) -> None:
    """In the demo only: the role that Organizations makes in each account that it creates."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PAYER}:root"}, "Action": "sts:AssumeRole"}
        ],
    }
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    iam = cloud.admin("iam", account.id)
    with show.step(
        f"bridge, only here: make the role {ROLE} in {account.name}, since the emulator's Organizations does not"
    ):
        iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=ROLE, PolicyName="AdministratorAccess", PolicyDocument=json.dumps(everything))


def times(drill: dict[str, Any]) -> dict[str, float]:
    return {one["step"]: one["seconds"] for one in drill.get("steps", [])}


def tell(drill: dict[str, Any]) -> None:
    for step, seconds in times(drill).items():
        show.say(f"  {seconds:7.1f} s  {step}")


def steps_came(claims: Claims, code: int, drill: dict[str, Any], said: str) -> None:
    came = times(drill)
    early = [
        f"{after} after {came[after]} s, before {before}, {came[before]} s"
        for before, after in ORDER
        if came.keys() >= {before, after} and came[after] < came[before]
    ]
    claims.claim(
        f"the drill saw each of {len(STEPS)} steps, from the launch to the mail, each with its time, in an order that"
        " can be",
        unless(code == 0, f"it ended with {code}: {drill.get('problem')} {said[-300:]}"),
        unless(came.keys() == STEPS, f"missing: {STEPS - came.keys()}"),
        unless(not drill.get("missing"), f"it says of itself that these are missing: {drill.get('missing')}"),
        *early,
    )


def ended(claims: Claims, drill: dict[str, Any], account: Account, old: Snapshot, new: Snapshot) -> None:
    instance = drill.get("instance", "")
    state = new.instances.get((LAUNCH_REGION, instance), "gone")
    fresh = {key for key in new.instances if key not in old.instances}
    claims.claim(
        f"it launched one instance in {account.name}, {instance}, and terminated it",
        unless(bool(instance), "it launched none"),
        unless(state in ("terminated", "gone"), f"it is {state}"),
        unless(fresh <= {(LAUNCH_REGION, instance)}, f"there are {sorted(fresh)}"),
    )
    claims.claim(
        f"{account.name} is given back: Released, and nothing of the drill is left",
        unless(drill.get("state") == "Released", f"it is {drill.get('state')}"),
        unless(drill.get("left") == [], f"it says: {drill.get('left')}"),
    )
    keys = [
        f"{name} had {had.keys}, has {new.people.get(name)}"
        for name, had in old.people.items()
        if name not in new.people or new.people[name].keys != had.keys
    ]
    claims.claim(
        f"each key of {account.name} that the halt switched off is on again, though it was made minutes"
        " ago: there was no thief",
        *keys,
    )


def untold(claims: Claims, drill: dict[str, Any]) -> None:
    told = [one["question"] for one in drill.get("questions", []) if one.get("answer")]
    claims.claim(
        "of what only real AWS can tell it claims nothing here, and says so",
        unless(drill.get("emulated") is True, "it takes this for AWS"),
        unless(len(drill.get("questions", [])) > 5, "it asks nothing"),
        *[f"it answers “{question}”" for question in told],
    )


def mailed(claims: Claims, fresh: list[Mail], account: Account) -> None:
    kinds = sorted(one.kind for one in fresh if one.about(account))
    claims.claim(
        "three mails came of it: halt, outcome and release",
        unless(kinds == ["halt", "outcome", "release"], f"there were {kinds}"),
    )


def others(
    claims: Claims, account: Account, accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot]
) -> None:
    rest = [other for other in accounts if other is not account]
    claims.claim(
        f"in the other {len(rest)} accounts no instance and no user changed", *checks.untouched(rest, old, new)
    )


def refused(
    claims: Claims, code: int, drill: dict[str, Any], said: str, account: Account, old: Snapshot, new: Snapshot
) -> None:
    claims.claim(
        f"who cannot enter {account.name} launches nothing, and is told why",
        unless(code == 1 and not drill, f"it ended with {code}: {drill}"),
        unless("sts:AssumeRole" in said, f"it says: {said[-300:]}"),
        *differences("instance", old.instances, new.instances),
    )

"""All checks in their order. One that cannot look says so in its own line and stops no other."""

import argparse
from collections.abc import Callable, Iterator

from .checks import access, account, billing, bootstrap, function, operator, organization, regions, scps, trail
from .cloud import Cloud
from .finding import Finding, unknown
from .ground import Ground, Identity
from .policy import Policy
from .refusal import Refusal

Findings = Iterator[Finding]


def look(cloud: Cloud, policy: Policy, options: argparse.Namespace) -> list[Finding]:
    """Credentials first: without them, or in somebody else's account, the rest would speak of the wrong thing, and is not asked."""
    found, who = _identity(cloud, policy)
    if who is not None:
        ground = Ground(cloud, policy, options, who)
        found += [*_organization(ground), *_account(ground)]
    return [*found, function.function(function.read(options.arch, options.function))]


def _identity(cloud: Cloud, policy: Policy) -> tuple[list[Finding], Identity | None]:
    """Who we are, or None where it makes no sense to go on."""
    try:
        who = account.who(cloud)
    except Refusal as refusal:
        return [unknown("credentials", f"{refusal}; nothing else can be told", refusal.mend)], None
    whose, where = account.account(who, policy), account.region(who, cloud.own_region)
    # With the sample's payer in the policy this may well be the right account, and its answers help to fill the policy.
    right = not where.stops and (not whose.stops or whose.remedy is not None)
    return [account.credentials(who), whose, where], who if right else None


def _organization(ground: Ground) -> Findings:
    try:
        found = organization.read(ground)
    except Refusal as refusal:
        yield unknown("organization", str(refusal), refusal.mend)
        return
    first = organization.organization(found, ground.identity.account)
    yield first
    if found is None or first.stops:
        return
    yield organization.ids(found, ground.policy)
    yield from _one("StackSets access", lambda: [access.access(access.read(ground))])
    yield from _one("SCPs", lambda: _scps(ground, found))


def _scps(ground: Ground, found: organization.Facts) -> list[Finding]:
    facts = scps.read(ground, found)
    return [scps.enabled(facts), *scps.slots(facts)]


def _account(ground: Ground) -> Findings:
    yield from _one("billing alerts", lambda: [billing.alerts(billing.read(ground))], needed=False)
    yield from _one("trail", lambda: [trail.trail(trail.read(ground))], needed=False)
    yield from _one("CDK bootstrap", lambda: [bootstrap.bootstrap(bootstrap.read(ground), ground.identity.account)])
    yield operator.operator(ground.identity, ground.policy.payer_rule)
    policy = ground.policy
    yield from _one("regions", lambda: regions.regions(policy.regions, regions.read(ground), policy.member_region), needed=bool(policy.regions))
    yield from _one("region of the roles", lambda: regions.roles(regions.standing(ground), policy.member_region))


def _one(what: str, check: Callable[[], list[Finding]], needed: bool = True) -> Findings:
    try:
        yield from check()
    except Refusal as refusal:
        yield unknown(what, str(refusal), refusal.mend, needed)

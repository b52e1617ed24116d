"""The least that a halt of one account can take, cold, by the critical path of every call that it must make.

With *call* a round trip and the service's time, and *first* the same on a connection that is opened for it (two round
trips more):

    entry     = max(first ListAccounts, first Query) + first AssumeRole + first DescribeRegions
    look(r)   = entry + first DescribeInstances in r, each page after the one before
    trip      = the earliest time at which the looks that have ended show more than the limit
    held      = trip + max(call TransactWriteItems: the lease and its mail, call AssumeRole: a session that may act)
    intent    = call TransactWriteItems: nothing is done that was not written down first
    stop(r)   = max(look(r), held) + intent + call StopInstances in r + what the quotas need
    frozen    = max(trip + call ListPoliciesForTarget, held) + intent + call AttachPolicy
    users     = max(trip + first GetAccountAuthorizationDetails, held) + intent + call PutUserPolicy
    keys      = max(trip + first GetAccountAuthorizationDetails + call ListAccessKeys, held) + intent
                + call UpdateAccessKey
    roles     = max(trip + first GetAccountAuthorizationDetails, held) + intent + call PutRolePolicy

    the last instance is stopped   = the largest stop(r)
    everything but the clean looks = the largest of all

The brake's slot (a read and a write of the table) is not in it, nor the looks for what relaunches, which must come
before a stop only where there is something that does."""

from dataclasses import dataclass

from .model import Model, stop_tokens


@dataclass(frozen=True)
class Floor:
    """In seconds from the event on."""

    last_stop: float
    everything: float


def of(model: Model, instances: dict[str, int], limit: int, protected: float = 0.0) -> Floor:
    entry = model.entry()
    looks = {region: entry + model.look(region, instances.get(region, 0)) for region in model.round_trips}
    trip, seen = 0.0, 0
    for region in sorted(looks, key=lambda region: looks[region]):
        trip, seen = looks[region], seen + instances.get(region, 0)
        if seen > limit:
            break
    intent = model.call("dynamodb", "TransactWriteItems")
    held = trip + max(intent, model.call("sts", "AssumeRole"))
    stops = [
        max(looks[region], held)
        + intent
        + model.call("ec2", "StopInstances", region)
        + stop_tokens(count, int(count * protected))
        for region, count in instances.items()
    ]
    details = trip + model.first("iam", "GetAccountAuthorizationDetails")
    frozen = max(trip + model.call("organizations", "ListPoliciesForTarget"), held)
    others = [
        frozen + intent + model.call("organizations", "AttachPolicy"),
        max(details, held) + intent + model.call("iam", "PutUserPolicy"),
        max(details + model.call("iam", "ListAccessKeys"), held) + intent + model.call("iam", "UpdateAccessKey"),
    ]
    return Floor(max(stops), max(stops + others))

"""What is claimed about status and release, and how it is checked."""

from .cast import Account
from .claims import Claims, differences, unless
from .lambdas import Answer
from .look import Snapshot
from .mail import Mail


def status(claims: Claims, answer: Answer, accounts: list[Account]) -> None:
    wrong = []
    for account in accounts:
        state = answer.account(account.id).get("state")
        if (state == "Halted") != account.runaway:
            wrong.append(f"{account.name} is {state}")
        if ("unseen" in answer.account(account.id)) == account.enrolled:
            wrong.append(f"{account.name}: unseen is {answer.account(account.id).get('unseen')}")
    claims.claim("status knows every account: which are Halted, and which was never seen", *wrong)


def released(claims: Claims, answer: Answer, account: Account) -> None:
    state = answer.account(account.id).get("state")
    claims.claim(
        f"{account.name} is Released: the halt is over",
        unless(answer.status == 200, f"the answer is {answer.status}: {answer.body}"),
        unless(state == "Released", f"it is {state}"),
    )


def still_locked(
    claims: Claims, answer: Answer, account: Account, user: str, key: str, old: Snapshot, new: Snapshot
) -> None:
    """Everything here was made minutes ago, so a thief may have made it: naming it is not enough."""
    reasons = {
        left.get("item"): str(left.get("reason"))
        for left in answer.account(account.id).get("plan", {}).get("skipped", [])
    }
    items = (f"user {user}", f"key {key} of user {user}")
    claims.claim(
        f"{user} and the key were named, but were made shortly before the halt: both stay locked, and the answer"
        " says why",
        *[
            f"{item}: {reasons.get(item, 'not in the answer')}"
            for item in items
            if "close to the halt" not in reasons.get(item, "")
        ],
    )
    had, has = old.people[user], new.people.get(user)
    claims.claim(
        f"{user} still has the inline deny and no active key",
        unless(had == has, f"had {had}, has {has}"),
        unless(has is not None and has.locked and len(has.inline) > 1, f"{user} is not locked: {has}"),
    )
    claims.claim(
        f"all {len(new.instances)} instances of {account.name} are still stopped: the release did not ask for them",
        *_woken(new),
        *differences("instance", old.instances, new.instances),
    )


def _woken(seen: Snapshot) -> list[str]:
    return [
        f"{identity} in {region} is {state}"
        for (region, identity), state in seen.instances.items()
        if state != "stopped"
    ]


def one_release_mail(claims: Claims, fresh: list[Mail], account: Account) -> None:
    kinds = [one.kind for one in fresh]
    about = all(one.about(account) for one in fresh)
    claims.claim(
        f"one mail came, that {account.name} was released",
        unless(kinds == ["release"] and about, f"there were: {'; '.join(one.subject for one in fresh) or 'none'}"),
    )


def not_halted_again(
    claims: Claims, answer: Answer, account: Account, fresh: list[Mail], old: Snapshot, new: Snapshot
) -> None:
    state = answer.account(account.id).get("state")
    claims.claim(
        f"the next sweep does not halt {account.name} again: it stays Released, nothing in it changes, no mail comes",
        unless(state == "Released", f"it is {state}"),
        *differences("instance", old.instances, new.instances),
        *differences("user", old.people, new.people),
        *[f"a mail said “{one.subject}”" for one in fresh if one.about(account)],
    )

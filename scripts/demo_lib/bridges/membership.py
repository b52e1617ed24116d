"""Which organization an account belongs to: ministack takes each account for the master of its own."""

from ministack.services import organizations


def organization_of(account: str) -> str | None:
    """The id of the organization whose master lists the account."""
    for master, listed in list(organizations._accounts._data):
        if listed == account:
            found = organizations._orgs.get_scoped(master, None, "self")
            if found and (master != account or len(_members(master)) > 1):
                return found["Id"]
    return None


def _members(master: str) -> list[str]:
    return [listed for owner, listed in list(organizations._accounts._data) if owner == master]

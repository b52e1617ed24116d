"""The tables: what a person looks at."""

import json
from collections import Counter

from rich.panel import Panel
from rich.text import Text

from .cast import Account
from .lambdas import Answer
from .look import Snapshot
from .mail import Mail
from .paths import CONTRACT
from .show import console, escape, table

# In red whatever state is one of containment; in bold the one that is proven to hold.
CONTAINED = json.loads(CONTRACT.read_text(encoding="utf-8"))["states"]["contained"]
STATE_STYLE = dict.fromkeys(CONTAINED, "red") | {
    "Halted": "bold red",
    "Unseen": "yellow",
    "Warned": "yellow",
    "Warn": "yellow",
    "Ok": "green",
}


def before(accounts: list[Account], seen: dict[str, Snapshot]) -> None:
    made = table(
        "The organization before",
        "account",
        "name",
        ("limit", "right"),
        ("running", "right"),
        "where",
        "users",
        "what it plays",
    )
    for account in accounts:
        now = seen[account.id]
        regions = Counter(region for region, _ in now.instances)
        style = "bold" if account.runaway else ""
        made.add_row(
            account.id,
            account.name,
            str(account.threshold),
            str(now.running),
            _regions(len(regions)),
            ", ".join(escape(person.name) for person in account.people),
            account.story,
            style=style,
        )
    console.print(made)


def after(accounts: list[Account], old: dict[str, Snapshot], new: dict[str, Snapshot], answer: Answer) -> None:
    made = table(
        "The organization after", "account", "name", ("limit", "right"), ("running", "right"), "users", "state"
    )
    for account in accounts:
        was, now = old[account.id].running, new[account.id].running
        running = Text(f"{was} → {now}", style="bold" if was != now else "")
        made.add_row(
            account.id,
            account.name,
            str(account.threshold),
            running,
            _people(old[account.id], new[account.id]),
            _state(answer.account(account.id)),
        )
    console.print(made)


def _regions(count: int) -> str:
    return "1 region" if count == 1 else f"{count} regions"


def _people(old: Snapshot, new: Snapshot) -> str:
    words = []
    for name in old.people:
        person = new.people.get(name)
        locked = person is None or person.locked
        words.append(f"[red]{escape(name)} locked out[/]" if locked else escape(name))
    return ", ".join(words)


def _state(entry: dict) -> Text:
    if not entry:
        return Text("not in the report", style="red")
    state = "Unseen" if entry.get("unseen") and entry.get("state") == "Ok" else str(entry.get("state"))
    return Text(state, style=STATE_STYLE.get(state, ""))


def states(accounts: list[Account], answer: Answer) -> None:
    """What `status` remembers."""
    made = table("What is remembered", "account", "name", "state", "since", "why")
    for account in accounts:
        entry = answer.account(account.id)
        why = str((entry.get("unseen") or entry).get("why", ""))
        since = str(entry.get("since", ""))[:19].replace("T", " ")
        made.add_row(account.id, account.name, _state(entry), since, Text(_shorten(why, 60)))
    console.print(made)


def money(accounts: list[Account], answer: Answer) -> None:
    """What runs and what was spent, each number with its age and its source."""
    made = table(
        "The money",
        "account",
        ("USD/hour", "right"),
        ("of it estimated", "right"),
        "in 24 hours",
        "this month",
        "state",
    )
    for account in accounts:
        entry = answer.account(account.id)
        burn, spend = entry.get("burn") or {}, entry.get("spend") or {}
        listed, estimated = burn.get("listed", 0.0), burn.get("estimated", 0.0)
        made.add_row(
            account.name,
            f"{listed + estimated:.4f}",
            f"{estimated:.4f}",
            _spent(spend.get("day"), "until"),
            _spent(spend.get("month"), "at"),
            _state(entry),
        )
    console.print(made)


def _spent(seen: dict | None, at: str) -> str:
    if not seen:
        return "[dim]unknown[/]"
    source = {"reports": ", reports"}.get(seen.get("source"), ", estimate")
    return f"{seen['amount']:.2f} [dim]until {str(seen[at])[11:16]} UTC{source}[/]"


def kept_back(entry: dict) -> None:
    """What a release did, and what it did not give back."""
    for outcome in entry.get("outcomes", []):
        console.print(Text(f"    {outcome.get('text')}: {outcome.get('result')}"))
    for skipped in entry.get("plan", {}).get("skipped", []):
        console.print(Text(f"    {skipped.get('item')}: {skipped.get('reason')}", style="dim"))


def plan(answer: Answer, accounts: list[Account], most: int = 8) -> None:
    """What a drill says it would do."""
    for account in accounts:
        entry = answer.account(account.id).get("plan") or {}
        actions = [str(action.get("text")) for action in entry.get("actions", [])]
        left = [f"leave {item.get('item')}: {item.get('reason')}" for item in entry.get("skipped", [])]
        shown = actions[:most] + ([f"… and {len(actions) - most} more actions"] if len(actions) > most else []) + left
        body = Text("\n".join(_shorten(line) for line in shown) or "nothing")
        _panel(body, f"the plan for {account.name}", "dim")


def _shorten(line: str, most: int = 160) -> str:
    return line if len(line) <= most else line[: most - 1] + "…"


def mail(one: Mail) -> None:
    _panel(Text(f"{one.subject}\n\n{one.text.rstrip()}"), f"mail on {one.topic}", "cyan")


def _panel(body: Text, title: str, border: str) -> None:
    bold = f"[bold]{escape(title)}[/]"
    console.print(Panel(body, title=bold, title_align="left", border_style=border, padding=(0, 1)))


def mails(fresh: list[Mail], whole: bool) -> None:
    """Whole mails, or only a line for each."""
    for one in fresh:
        if whole:
            mail(one)
        else:
            console.print(f"  [cyan]✉[/] {escape(one.topic)}: {escape(one.subject)}")


def answered(answer: Answer) -> None:
    console.print(f"  the Lambda: {answer.raw.get('statusCode')}, “{escape(str(answer.raw.get('body')))}”")

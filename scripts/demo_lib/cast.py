"""Who plays: the payer, its sub-accounts, their instances and users. Only data; `stage.py` makes it real."""

from dataclasses import dataclass, field

PAYER = "100000000001"
DEFAULT_LIMIT = 20
# US dollars. Above it an account's own alarm asks the guard to judge that account.
SPEND_MONTH = "5000"
# US dollars an hour, for whoever has no limit of their own.
BURN = 50
# Where Billing's reports are, in the payer.
REPORTS_BUCKET, REPORTS_PREFIX = "demo-cost-reports", "cur"
DEFAULT_LIST = "cloud-team@example.edu"
# Where the rule is deployed that tells of launches. Elsewhere only a sweep finds them: the other acts launch there.
LAUNCH_REGION = "us-west-2"
# EC2 tells of each launch twice, when the instance is pending and when it runs.
EVENTS_A_LAUNCH = 2
# The two whom the original's code spares.
EXEMPT = ("kjanet", "nykamp")


@dataclass(frozen=True)
class Person:
    name: str
    keys: int = 1
    login: bool = True


@dataclass
class Account:
    """One account; what is filled in at run time starts empty."""

    name: str
    story: str
    launches: dict[str, int]
    people: list[Person]
    limit: int | None = None
    limits: dict[str, int] = field(default_factory=dict)  # of its own, besides that of instances
    notify: str | None = None
    users: str | None = None
    enrolled: bool = True
    runaway: bool = False
    id: str = ""
    keys: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def is_payer(self) -> bool:
        return self.id == PAYER

    @property
    def threshold(self) -> int:
        return DEFAULT_LIMIT if self.limit is None else self.limit


def cast() -> list[Account]:
    payer = Account(
        "payer", "pays for all; only drilled", {"us-east-1": 1, "us-west-2": 1}, [Person("admin")], id=PAYER
    )
    quiet = Account("quiet-lab", "nothing happens here", {"us-west-2": 1, "eu-west-1": 1}, [Person("ana")])
    edge = Account("astronomy", "exactly at its limit", {"us-west-2": 2, "ap-south-1": 2}, [Person("tycho")], limit=4)
    physics = Account(
        "physics-lab",
        "3 × t2.micro in each of 3 regions: no single region passes the limit",
        {"us-east-1": 3, "eu-west-1": 3, "ap-southeast-2": 3},
        [Person("kjanet"), Person("mallory", keys=2), Person("postdoc", login=False)],
        limit=4,
        notify="physics@example.edu",
        users="delete-credentials",
        runaway=True,
    )
    genomics = Account(
        "genomics",
        "the original's test: 10 in the US, 5 in Europe, 4 in Asia Pacific, 2 in South America",
        {
            "us-east-1": 4,
            "us-east-2": 3,
            "us-west-2": 3,
            "eu-west-1": 3,
            "eu-central-1": 2,
            "ap-northeast-1": 2,
            "ap-southeast-1": 2,
            "sa-east-1": 2,
        },
        [Person("nykamp"), Person("trudy", keys=2), Person("pipeline", login=False)],
        users="deactivate",
        runaway=True,
    )
    chemistry = Account(
        "chemistry",
        "grows where no rule tells of launches; then its spend alarm rings",
        {"eu-west-1": 3},
        [Person("marie"), Person("reactor", login=False)],
        limit=4,
    )
    robotics = Account(
        "robotics",
        "grows by 200 in seconds, where a rule tells of launches",
        {LAUNCH_REGION: 3},
        [Person("rosie", keys=2)],
        limit=4,
    )
    deep = Account(
        "deep-learning",
        "may use many vCPUs; then starts one p5.48xlarge",
        {"us-east-1": 1},
        [Person("ada", keys=2)],
        limits={"vcpus": 256},
    )
    vision = Account(
        "computer-vision",
        "starts one p5e.48xlarge, for which no price is to be had",
        {"us-east-1": 1},
        [Person("berthe")],
        limits={"burn": 20, "vcpus": 256},
    )
    linguistics = Account(
        "linguistics",
        "spends on what no count of instances sees; the cost reports tell",
        {"us-east-1": 1},
        [Person("noam")],
        limits={"spend24h": 100},
    )
    economics = Account(
        "economics",
        "has a limit of its own for the month, and the payer an alarm on it",
        {"us-east-1": 1},
        [Person("joan")],
        limits={"spendMonth": 500},
    )
    stranger = Account(
        "new-project", "not enrolled: nobody may look inside", {"us-east-1": 3}, [Person("newcomer")], enrolled=False
    )
    canary = Account(
        "canary",
        "nobody works here: a live drill may launch in it",
        {},
        [Person("ranger", login=False)],
        limits={"instances": 0},
    )
    return [
        payer,
        quiet,
        edge,
        physics,
        genomics,
        chemistry,
        robotics,
        deep,
        vision,
        linguistics,
        economics,
        canary,
        stranger,
    ]


def policy_text(accounts: list[Account], organization: str, root: str) -> str:
    """`runawaytrain.yaml` for this organization, whose ids exist only now. Account ids stay in quotes: some begin with
    a zero."""
    lines = [
        f'payer: "{PAYER}"',
        f"organization: {{id: {organization}, root: {root}, regions: [{LAUNCH_REGION}]}}",
        "schedule: 60m",
        "mode: proceed",
        f'canary: {{account: "{next(one.id for one in accounts if one.name == "canary")}", region: {LAUNCH_REGION}}}',
        f"cur: {{bucket: {REPORTS_BUCKET}, prefix: {REPORTS_PREFIX}}}",
        "defaults:",
        f"  limits: {{instances: {DEFAULT_LIMIT}, vcpus: 128, burn: {BURN}, spendMonth: {SPEND_MONTH}}}",
        f"  notify: [{DEFAULT_LIST}]",
        "  contain: {instances: stop, users: deactivate}",
        f"  exempt: {{users: [{', '.join(EXEMPT)}]}}",
        "accounts:",
    ]
    for account in accounts:
        if account.is_payer:
            continue  # without an entry of its own the payer is drilled and its users are left
        entry = [f"name: {account.name}"]
        limits = account.limits if account.limit is None else {"instances": account.limit} | account.limits
        if limits:
            entry.append(f"limits: {{{', '.join(f'{what}: {value}' for what, value in limits.items())}}}")
        if account.notify:
            entry.append(f"notify: [{account.notify}]")
        if account.users:
            entry.append(f"contain: {{users: {account.users}}}")
        lines.append(f'  "{account.id}": {{{", ".join(entry)}}}')
    return "\n".join(lines) + "\n"

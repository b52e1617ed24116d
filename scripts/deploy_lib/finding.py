"""What the preflight says about one thing: plain data, made by pure functions."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "cannot tell"


class Remedy(Enum):
    """What this program can mend by itself, when somebody wants it to: the option that asks for it, and the question at a terminal."""

    FILL_POLICY = ("fill_policy", "Write your organization's ids into the policy file?")
    TRUSTED_ACCESS = ("activate_trusted_access", "Let CloudFormation StackSets work in your organization?")
    SCPS = ("enable_scps", "Enable service control policies on the root of your organization?")
    BOOTSTRAP = ("cdk_bootstrap", "Run `cdk bootstrap` in the payer account?")

    @property
    def option(self) -> str:
        return self.value[0]

    @property
    def question(self) -> str:
        return self.value[1]


@dataclass(frozen=True)
class Finding:
    """`mend` is an exact command or a path through the console. Without `needed` a deployment works all the same, only less well."""

    what: str
    verdict: Verdict
    said: str
    mend: str = ""
    needed: bool = True
    remedy: Remedy | None = None

    @property
    def stops(self) -> bool:
        return self.needed and self.verdict is not Verdict.OK


def ok(what: str, said: str) -> Finding:
    return Finding(what, Verdict.OK, said)


def missing(what: str, said: str, mend: str, needed: bool = True, remedy: Remedy | None = None) -> Finding:
    return Finding(what, Verdict.MISSING, said, mend, needed, remedy)


def unknown(what: str, said: str, mend: str = "", needed: bool = True) -> Finding:
    return Finding(what, Verdict.UNKNOWN, said, mend, needed)

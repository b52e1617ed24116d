"""Names of what is deployed, read from the file that the function's own constants are written to; none is spelled a second time here."""

import json
from types import SimpleNamespace

from .options import ROOT

_contract = json.loads((ROOT / "infra" / "generated" / "contract.json").read_text())
names = SimpleNamespace(**_contract["names"])
PARTITION_KEY = _contract["table"]["partitionKey"]
SORT_KEY = _contract["table"]["sortKey"]

# From the first that is deployed to the last; the cost reports only where the policy asks for them, and they wait for nothing.
COST_STACK = "RunawayTrainCostReports"
STACKS = ("RunawayTrainGuardrails", "RunawayTrain", COST_STACK, "RunawayTrainEnrollment")
GUARD_STACK = "RunawayTrain"
# Optional, and made by hand: no deployment from here has it.
RELEASE_STACK = "RunawayTrainRelease"


def account_topic(account: str) -> str:
    return f"{names.topic}-{account}"

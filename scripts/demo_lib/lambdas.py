"""Asks the deployed Lambda through the emulator's Lambda API."""

import base64
import json
from dataclasses import dataclass

from .cast import PAYER
from .cloud import Cloud
from .process import StepFailed

FUNCTION = "runawaytrain"
HINT = "run again with -v, which shows the Lambda's log; `--keep` leaves all of it running to look at."


@dataclass(frozen=True)
class Answer:
    raw: dict
    log: str

    @property
    def report(self) -> dict:
        return self.raw.get("report") or {}

    def account(self, account: str) -> dict:
        """The report's entry of one account; empty when it has none."""
        return next((entry for entry in self.report.get("accounts", []) if entry.get("account") == account), {})


def invoke(cloud: Cloud, event: dict, log_file) -> Answer:
    """Waits for the answer, however long a sweep takes."""
    answer = cloud.admin("lambda", PAYER).invoke(FunctionName=FUNCTION, Payload=json.dumps(event).encode(), LogType="Tail")
    log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace")
    payload = answer["Payload"].read().decode("utf-8", "replace")
    with log_file.open("a") as out:
        out.write(f"--- {json.dumps(event)}\n{log}\n--- answer\n{payload}\n")
    if "FunctionError" in answer:
        raise StepFailed(f"the Lambda failed on {json.dumps(event)}: {payload[:500]}", log_file, HINT)
    try:
        raw = json.loads(payload)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise StepFailed(f"the Lambda answered {json.dumps(event)} with something that is no JSON object: {payload[:200]}", log_file, HINT)
    return Answer(raw, log)

"""Asks the deployed Lambda through the emulator's Lambda API."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from botocore.exceptions import ClientError

from .cast import PAYER
from .cloud import Cloud
from .process import StepFailed
from .report import Entry, Notices, Report

FUNCTION = "runawaytrain"
HINT = "run again with -v, which shows the Lambda's log; `--keep` leaves all of it running to look at."


@dataclass(frozen=True)
class Answer:
    raw: dict[str, Any]
    log: str

    @property
    def status(self) -> int | None:
        return self.raw.get("statusCode")

    @property
    def body(self) -> str:
        return str(self.raw.get("body"))

    @property
    def report(self) -> Report:
        return cast(Report, self.raw.get("report") or {})

    @property
    def notices(self) -> Notices:
        return self.report.get("notices") or {}

    def account(self, account: str) -> Entry:
        """The report's entry of one account; empty when it has none."""
        none: Entry = {}
        return next((entry for entry in self.report.get("accounts", []) if entry.get("account") == account), none)


@dataclass(frozen=True)
class Reply:
    """What the Lambda API answered: the function's own answer, or the error that came instead."""

    text: str
    log: str
    failed: bool


def send(cloud: Cloud, payload: bytes, log_file: Path) -> Reply:
    """Any bytes; waits for the answer, however long a sweep takes."""
    try:
        answer = cloud.admin("lambda", PAYER).invoke(FunctionName=FUNCTION, Payload=payload, LogType="Tail")
    except ClientError as error:
        reply = Reply(str(error), "", True)
    else:
        log = base64.b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace")
        reply = Reply(answer["Payload"].read().decode("utf-8", "replace"), log, "FunctionError" in answer)
    with log_file.open("a") as out:
        out.write(f"--- {payload.decode('utf-8', 'replace')}\n{reply.log}\n--- answer\n{reply.text}\n")
    return reply


def invoke(cloud: Cloud, event: object, log_file: Path) -> Answer:
    """Any JSON; whatever the Lambda answers must be an answer and no error."""
    said = json.dumps(event)
    reply = send(cloud, said.encode(), log_file)
    if reply.failed:
        raise StepFailed(f"the Lambda failed on {said}: {reply.text[:500]}", log_file, HINT)
    try:
        raw = json.loads(reply.text)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise StepFailed(
            f"the Lambda answered {said} with something that is no JSON object: {reply.text[:200]}", log_file, HINT
        )
    return Answer(raw, reply.log)

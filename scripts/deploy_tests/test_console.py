"""release --console: a one-time console password, made and kept in Secrets Manager, which nobody is shown."""

import json
import re
import string
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from . import payer
from .servers import PAYER, ScriptedDouble
from .test_guarding import DONE, NOT_DONE, Guarding

USER = "ann"
LIFT = {
    "do": "lift-deny",
    "user": USER,
    "text": f"lift the deny from user {USER}, but for sessions that were issued before",
}
NOT_UNDERSTOOD = 2
CALLS = ("AssumeRole", "GetRandomPassword", "CreateSecret", "DeleteSecret", "CreateLoginProfile", "UpdateLoginProfile")
SYMBOLS = "!@#$%^&*()_+-=[]{}|"  # which IAM counts as such in a password


def answer(account: str, plan: dict[str, Any] | None = None, result: str = "done") -> bytes:
    """As the guard answers a release that lifted the user's deny."""
    plan = plan if plan is not None else {"actions": [LIFT], "skipped": []}
    outcomes = [{"text": one["text"], "result": result, "reason": "it was denied"} for one in plan.get("actions", [])]
    entry = {
        "account": account,
        "name": "physics",
        "state": "Released",
        "mode": "proceed",
        "plan": plan,
        "outcomes": outcomes,
    }
    return json.dumps(
        {"statusCode": 200, "body": "It is released.", "report": {"accounts": [entry], "undone": 0}}
    ).encode()


class Console(Guarding):
    """The user is in the member and, by the same name, in the payer."""

    def __init__(self, double: ScriptedDouble, folder: Path):
        super().__init__(double, folder)
        self.iam = payer.inside(self.moto, self.member, "iam")
        self.payers_iam = self.moto.client("iam")
        for iam in (self.iam, self.payers_iam):
            iam.create_user(UserName=USER)
        self.secrets = self.moto.client("secretsmanager")

    def release(self, account: str, *more: str) -> tuple[int, str]:
        return self.say("release", account, "--yes", "--user", USER, "--console", *more)

    def calls(self) -> list[str]:
        return [operation for operation in self.double.asked if operation in CALLS]

    def kept(self) -> list[dict[str, Any]]:
        """The secrets, each without what it holds."""
        secrets: list[dict[str, Any]] = self.secrets.list_secrets()["SecretList"]
        return secrets

    def password(self, secret: str) -> str:
        return str(self.secrets.get_secret_value(SecretId=secret)["SecretString"])

    def told(self, password: str) -> dict[str, str]:
        """Each operation that brought AWS the password, as either protocol writes it, and its request."""
        requests = [
            (operation, body.decode()) for operation, all_of_it in self.double.bodies.items() for body in all_of_it
        ]
        return {
            operation: body
            for operation, body in requests
            if _has(body, password) or _has(urllib.parse.unquote_plus(body), password)
        }


def _has(text: str, password: str) -> bool:
    """In clear, or as JSON writes it."""
    return password in text or json.dumps(password)[1:-1] in text


@pytest.fixture
def command(double: ScriptedDouble, tmp_path: Path) -> Console:
    return Console(double, tmp_path)


def test_a_user_that_is_given_back_gets_a_password_that_is_shown_nowhere(command: Console) -> None:
    command.double.scripted["Invoke"] = answer(command.member)
    code, said = command.release("physics")
    assert code == DONE, said
    name = f"runawaytrain/console/{command.member}/{USER}"
    password = command.password(name)
    assert len(password) == 64
    for characters in (string.ascii_uppercase, string.ascii_lowercase, string.digits, SYMBOLS):
        assert set(characters) & set(password), f"none of {characters}"
    assert not _has(said, password)
    assert f"https://{command.member}.signin.aws.amazon.com/console" in said
    get = f"aws secretsmanager get-secret-value --secret-id '{name}' --region us-east-1"
    assert f"{get} --query SecretString --output text" in said
    assert f"aws secretsmanager delete-secret --secret-id '{name}'" in said
    assert "has to be changed at the first sign-in" in said
    assert command.iam.get_login_profile(UserName=USER)["LoginProfile"]["UserName"] == USER
    told = command.told(password)
    assert set(told) == {"CreateSecret", "CreateLoginProfile"}, "nobody else is told the password"
    assert "&PasswordResetRequired=true" in told["CreateLoginProfile"]
    with pytest.raises(command.payers_iam.exceptions.NoSuchEntityException):
        command.payers_iam.get_login_profile(UserName=USER)
    assert command.calls() == ["AssumeRole", "GetRandomPassword", "CreateSecret", "CreateLoginProfile"]
    [tags] = [one["Tags"] for one in command.kept()]
    assert {"Key": "runawaytrain:account", "Value": command.member} in tags


def test_a_second_password_takes_the_place_of_the_first_and_has_a_secret_of_its_own(command: Console) -> None:
    command.double.scripted["Invoke"] = answer(command.member)
    command.release("physics")
    command.double.asked.clear()
    code, said = command.release("physics", "--output", "json")
    assert code == DONE, said
    document = json.loads(said)
    secret = rf"runawaytrain/console/{command.member}/{USER}-\d{{8}}T\d{{6}}Z"
    assert re.fullmatch(secret, document["console"]["secret"])
    assert command.calls()[-2:] == ["CreateLoginProfile", "UpdateLoginProfile"]
    passwords = {command.password(one["Name"]) for one in command.kept()}
    assert len(passwords) == 2
    for password in passwords:
        assert not _has(said, password)
    assert document["report"]["accounts"][0]["state"] == "Released"
    assert command.iam.get_login_profile(UserName=USER)["LoginProfile"]["PasswordResetRequired"] is True


def test_a_password_that_is_refused_leaves_no_secret(command: Console) -> None:
    command.double.scripted["Invoke"] = answer(PAYER)
    command.double.denied.add("CreateLoginProfile")
    for more in ([], ["--output", "json"]):
        code, said = command.release(PAYER, *more)
        assert code == NOT_DONE, said
        assert f"user {USER} got no console password: needs permission iam:CreateLoginProfile" in said
        assert "its secret was deleted again" in said
        assert command.kept() == []
    command.double.denied.add("DeleteSecret")
    code, said = command.release(PAYER)
    assert code == NOT_DONE, said
    [left] = command.kept()
    assert f"its secret {left['Name']} stands and opens nothing" in said
    assert not _has(said, command.password(left["Name"]))


def test_whoever_the_guard_did_not_give_back_gets_no_password(command: Console) -> None:
    young = {"actions": [], "skipped": [{"item": f"user {USER}", "reason": "made close to the halt"}]}
    for scripted, why in (
        (answer(command.member, young), "made close to the halt"),
        (answer(command.member, result="failed"), "it was denied"),
    ):
        command.double.scripted["Invoke"] = scripted
        code, said = command.release("physics")
        assert code == NOT_DONE, said
        assert f"user {USER} got no console password: the guard did not give it back" in said
        assert why in said
    refusal = {"statusCode": 400, "body": "there is nothing to release"}
    command.double.scripted["Invoke"] = json.dumps(refusal).encode()
    code, said = command.release("physics")
    assert code == NOT_DONE, said
    assert command.calls() == []
    assert command.kept() == []


def test_whoever_cannot_enter_the_account_makes_no_secret(command: Console) -> None:
    command.double.scripted["Invoke"] = answer(command.member)
    command.double.denied.add("AssumeRole")
    code, said = command.release("physics", "--console-role", "Admin")
    assert code == NOT_DONE, said
    assert "needs permission sts:AssumeRole" in said
    assert command.kept() == []


def test_a_console_password_is_for_exactly_one_user(command: Console) -> None:
    code, said = command.release("physics", "--user", "bob")
    assert code == NOT_UNDERSTOOD, said
    assert "--console is for exactly one user: name it with --user" in said
    assert command.double.asked == []

"""release --console: a one-time console password, made and kept in Secrets Manager, which nobody is shown."""

import json
import urllib.parse

import boto3

from . import payer
from .command import OPERATOR, Command
from .servers import PAYER

POLICY = """\
payer: "123456789012"
organization: {id: o-exampleorg, root: r-exam}
defaults:
  limits: {instances: 4}
  notify: [cloud-team@example.edu]
accounts:
  "MEMBER":
    name: physics
"""
USER = "ann"
LIFT = {
    "do": "lift-deny",
    "user": USER,
    "text": f"lift the deny from user {USER}, but for sessions that were issued before",
}
DONE, NOT_DONE, NOT_UNDERSTOOD = 0, 1, 2
CALLS = ("AssumeRole", "GetRandomPassword", "CreateSecret", "DeleteSecret", "CreateLoginProfile", "UpdateLoginProfile")


def answer(account: str, plan: dict | None = None, result: str = "done") -> bytes:
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


class Console(Command):
    def setUp(self):
        super().setUp()
        organization, _ = payer.organization(self.moto)
        created = self.moto.client("organizations").create_account(Email="a@example.edu", AccountName="physics")
        self.member = created["CreateAccountStatus"]["AccountId"]
        self.write(POLICY.replace("MEMBER", self.member).replace("o-exampleorg", organization))
        self.inside("iam").create_user(UserName=USER)
        self.moto.client("iam").create_user(UserName=USER)
        self.bodies: list[tuple[str, str]] = []
        answer_of_double = self.double.answer

        def heard(operation: str, request, body: bytes) -> tuple[int, str, bytes]:
            self.bodies.append((operation, urllib.parse.unquote_plus(body.decode(errors="replace"))))
            return answer_of_double(operation, request, body)

        self.double.answer = heard
        self.double.asked.clear()

    def inside(self, service: str):
        """A client of the member account."""
        role = f"arn:aws:iam::{self.member}:role/OrganizationAccountAccessRole"
        given = self.moto.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        keys = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }
        return boto3.client(service, region_name="us-east-1", endpoint_url=self.moto.endpoint, **keys)

    def release(self, account: str, *more: str) -> tuple[int, str]:
        return self._run(
            [OPERATOR, "release", account, "--yes", "--user", USER, "--console", *more, "--policy", self.policy], {}
        )

    def calls(self) -> list[str]:
        return [operation for operation in self.double.asked if operation in CALLS]

    def secrets(self) -> list[dict]:
        return self.moto.client("secretsmanager").list_secrets()["SecretList"]

    def test_a_user_that_is_given_back_gets_a_password_that_is_shown_nowhere(self):
        self.double.scripted["Invoke"] = answer(self.member)
        code, said = self.release("physics")
        self.assertEqual(code, DONE, said)
        name = f"runawaytrain/console/{self.member}/{USER}"
        password = self.moto.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        self.assertEqual(len(password), 64)
        for sort in (str.isupper, str.islower, str.isdigit, lambda one: one in "!@#$%^&*()_+-=[]{}|"):
            self.assertTrue(any(map(sort, password)))
        self.assertNotIn(password, said)
        self.assertIn(f"https://{self.member}.signin.aws.amazon.com/console", said)
        self.assertIn(
            f"aws secretsmanager get-secret-value --secret-id '{name}' --region us-east-1 --query SecretString --output text",
            said,
        )
        self.assertIn(f"aws secretsmanager delete-secret --secret-id '{name}'", said)
        self.assertIn("has to be changed at the first sign-in", said)
        self.assertEqual(self.inside("iam").get_login_profile(UserName=USER)["LoginProfile"]["UserName"], USER)
        told = {
            operation: body for operation, body in self.bodies if password in body or json.dumps(password)[1:-1] in body
        }
        self.assertEqual(set(told), {"CreateSecret", "CreateLoginProfile"}, "nobody else is told the password")
        self.assertIn("&PasswordResetRequired=true", told["CreateLoginProfile"])
        with self.assertRaises(self.moto.client("iam").exceptions.NoSuchEntityException):
            self.moto.client("iam").get_login_profile(UserName=USER)
        self.assertEqual(self.calls(), ["AssumeRole", "GetRandomPassword", "CreateSecret", "CreateLoginProfile"])
        [tags] = [one["Tags"] for one in self.secrets()]
        self.assertIn({"Key": "runawaytrain:account", "Value": self.member}, tags)

    def test_a_second_password_takes_the_place_of_the_first_and_has_a_secret_of_its_own(self):
        self.double.scripted["Invoke"] = answer(self.member)
        self.release("physics")
        self.double.asked.clear()
        code, said = self.release("physics", "--output", "json")
        self.assertEqual(code, DONE, said)
        document = json.loads(said)
        self.assertRegex(
            document["console"]["secret"], rf"^runawaytrain/console/{self.member}/{USER}-\d{{8}}T\d{{6}}Z$"
        )
        self.assertEqual(self.calls()[-2:], ["CreateLoginProfile", "UpdateLoginProfile"])
        secrets = self.moto.client("secretsmanager")
        passwords = {secrets.get_secret_value(SecretId=one["Name"])["SecretString"] for one in self.secrets()}
        self.assertEqual(len(passwords), 2)
        for password in passwords:
            self.assertNotIn(password, said)
            self.assertNotIn(json.dumps(password)[1:-1], said)
        self.assertEqual(document["report"]["accounts"][0]["state"], "Released")
        self.assertTrue(self.inside("iam").get_login_profile(UserName=USER)["LoginProfile"]["PasswordResetRequired"])

    def test_a_password_that_is_refused_leaves_no_secret(self):
        self.double.scripted["Invoke"] = answer(PAYER)
        self.double.denied.add("CreateLoginProfile")
        for more in ([], ["--output", "json"]):
            code, said = self.release(PAYER, *more)
            self.assertEqual(code, NOT_DONE, said)
            self.assertIn(f"user {USER} got no console password: needs permission iam:CreateLoginProfile", said)
            self.assertIn("its secret was deleted again", said)
            self.assertEqual(self.secrets(), [])
        self.double.denied.add("DeleteSecret")
        code, said = self.release(PAYER)
        [left] = self.secrets()
        self.assertIn(f"its secret {left['Name']} stands and opens nothing", said)
        self.assertNotIn(
            self.moto.client("secretsmanager").get_secret_value(SecretId=left["Name"])["SecretString"], said
        )

    def test_whoever_the_guard_did_not_give_back_gets_no_password(self):
        young = {"actions": [], "skipped": [{"item": f"user {USER}", "reason": "made close to the halt"}]}
        for scripted, why in (
            (answer(self.member, young), "made close to the halt"),
            (answer(self.member, result="failed"), "it was denied"),
        ):
            self.double.scripted["Invoke"] = scripted
            code, said = self.release("physics")
            self.assertEqual(code, NOT_DONE, said)
            self.assertIn(f"user {USER} got no console password: the guard did not give it back", said)
            self.assertIn(why, said)
        self.double.scripted["Invoke"] = json.dumps({"statusCode": 400, "body": "there is nothing to release"}).encode()
        self.assertEqual(self.release("physics")[0], NOT_DONE)
        self.assertEqual(self.calls(), [])
        self.assertEqual(self.secrets(), [])

    def test_whoever_cannot_enter_the_account_makes_no_secret(self):
        self.double.scripted["Invoke"] = answer(self.member)
        self.double.denied.add("AssumeRole")
        code, said = self.release("physics", "--console-role", "Admin")
        self.assertEqual(code, NOT_DONE)
        self.assertIn("needs permission sts:AssumeRole", said)
        self.assertEqual(self.secrets(), [])

    def test_a_console_password_is_for_exactly_one_user(self):
        code, said = self.release("physics", "--user", "bob")
        self.assertEqual(code, NOT_UNDERSTOOD)
        self.assertIn("--console is for exactly one user: name it with --user", said)
        self.assertEqual(self.double.asked, [])

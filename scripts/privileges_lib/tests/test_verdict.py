"""Each rule is broken once, and must say so."""

import unittest
from dataclasses import replace

from privileges_lib.borrowed import Borrowed
from privileges_lib.calls import Operation
from privileges_lib.grants import Statement
from privileges_lib.verdict import Evidence, problems
from privileges_lib.wire import ACTING, DOUBLE, FUNCTION, LOOKING, Request

LOOK = Operation("aws_sdk_ec2", "describe_instances", ("ec2:DescribeInstances",), {"observe"}, True)
STOP = Operation("aws_sdk_ec2", "stop_instances", ("ec2:StopInstances",), {"act"}, True)
MAIL = Operation("aws_sdk_sns", "publish", ("sns:Publish",), {"courier"}, False)
KEEP = Borrowed("sqs:SendMessage", "the failure queue", "Lambda keeps failed invocations")
LIMITS = frozenset({"ec2:DescribeInstances"})


def grant(*actions: str, on: str = "*") -> Statement:
    return Statement("Sid", actions, (on,), ())


def sound() -> Evidence:
    responder = [grant("ec2:DescribeInstances"), grant("ec2:StopInstances", on="instances")]
    return Evidence(
        operations=[LOOK, STOP, MAIL],
        requests=[
            Request("e2e/function", FUNCTION, ("sns:Publish",)), Request("e2e/function", LOOKING, ("ec2:DescribeInstances",), LIMITS),
            Request("rust/double", DOUBLE, ("ec2:StopInstances",)),
        ],
        granted={
            FUNCTION: [grant("sns:Publish", on="topic"), grant("sqs:SendMessage", on=KEEP.resource)],
            "responder of the payer": responder, "responder of a member": list(responder),
        },
        borrowed=[KEEP],
        contract={"observe": {"ec2:DescribeInstances"}, "contain": {"ec2:StopInstances"}},
    )


class Rules(unittest.TestCase):
    def says(self, evidence: Evidence, *expected: str) -> None:
        found = problems(evidence)
        self.assertEqual(len(found), len(expected), found)
        for sentence, words in zip(found, expected):
            self.assertIn(words, sentence)

    def test_what_fits_is_silent(self):
        self.says(sound())

    def test_a_call_that_nobody_may_make(self):
        evidence = sound()
        evidence.granted[FUNCTION].pop(0)
        self.says(evidence, "function: sns:Publish is called and not granted")

    def test_a_call_that_the_wrong_role_may_make(self):
        evidence = sound()
        evidence.granted[FUNCTION].append(grant("ec2:StopInstances"))
        self.says(evidence, "function: ec2:StopInstances is granted and never called")

    def test_a_grant_that_one_of_the_two_responders_lacks(self):
        evidence = sound()
        evidence.granted["responder of a member"].pop()
        self.says(evidence, "responder of a member: ec2:StopInstances is called and not granted")

    def test_what_lambda_needs_of_the_role_is_granted_on_just_that(self):
        evidence = sound()
        evidence.granted[FUNCTION][1] = grant("sqs:SendMessage", on="*")
        self.says(evidence, "granted on *; Lambda needs it on the failure queue")
        evidence.granted[FUNCTION].pop()
        self.says(evidence, "sqs:SendMessage is what Lambda needs of the role and not granted")

    def test_what_lambda_has_no_use_for(self):
        evidence = sound()
        evidence.borrowed.clear()
        self.says(evidence, "sqs:SendMessage is granted and never called")

    def test_a_call_that_no_test_makes(self):
        evidence = sound()
        evidence.requests.pop()
        self.says(evidence, "ec2:StopInstances is called, and was seen on no wire")

    def test_a_request_that_the_code_does_not_make(self):
        evidence = sound()
        evidence.requests.append(Request("e2e/function", FUNCTION, ("ec2:RunInstances",)))
        self.says(evidence, "ec2:RunInstances was seen on the wire, and the compiled crate does not call it")

    def test_a_look_that_stops_something(self):
        evidence = sound()
        evidence.requests.append(Request("e2e/function", LOOKING, ("ec2:StopInstances",)))
        self.says(evidence, "ec2:StopInstances was asked for by looking in e2e/function")

    def test_a_halt_that_acts_as_the_function_itself(self):
        evidence = sound()
        evidence.requests += [Request("e2e/function", ACTING, ("ec2:StopInstances",)), Request("e2e/function", FUNCTION, ("ec2:StopInstances",))]
        self.says(evidence, "ec2:StopInstances was asked for by function in e2e/function")

    def test_a_session_to_look_with_that_may_do_more(self):
        evidence = sound()
        evidence.requests.append(Request("e2e/function", FUNCTION, ("sns:Publish",), LIMITS | {"ec2:StopInstances"}))
        self.says(evidence, "not limited to the list observe: ec2:StopInstances")

    def test_a_list_that_the_code_has_outgrown_or_left_behind(self):
        evidence = sound()
        evidence.contract["contain"] = {"iam:DeleteUser"}
        self.says(evidence, "ec2:StopInstances is called, and missing in the list contain", "iam:DeleteUser is in the list contain, and never called")

    def test_a_call_in_an_account_by_neither_of_the_two(self):
        evidence = sound()
        evidence.operations[1] = replace(STOP, files={"courier"})
        evidence.contract["contain"] = set()
        self.says(evidence, "ec2:StopInstances is called in an account, but neither by observe nor by act")

    def test_a_call_of_both(self):
        evidence = sound()
        evidence.operations[0] = replace(LOOK, files={"observe", "act"})
        evidence.contract["contain"].add("ec2:DescribeInstances")
        self.says(evidence, "called by observe and by act")


if __name__ == "__main__":
    unittest.main()

"""Each rule is broken once, and must say so."""

from dataclasses import replace

from privileges_lib.borrowed import Borrowed
from privileges_lib.calls import Operation
from privileges_lib.grants import Statement
from privileges_lib.verdict import IN_ACCOUNTS, IN_PAYER, Evidence, problems
from privileges_lib.wire import ACTING, DOUBLE, FUNCTION, LOOKING, Request

INSTANCES = {"resource/instances.rs"}
LOOK = Operation("aws_sdk_ec2", "describe_instances", ("ec2:DescribeInstances",), INSTANCES, True)
STOP = Operation("aws_sdk_ec2", "stop_instances", ("ec2:StopInstances",), INSTANCES, True)
MAIL = Operation("aws_sdk_sns", "publish", ("sns:Publish",), {"notifier.rs"}, False)
KEEP = Borrowed("sqs:SendMessage", "the failure queue", "Lambda keeps failed invocations")
LIMITS = frozenset({"ec2:DescribeInstances"})


def grant(*actions: str, on: str = "*") -> Statement:
    return Statement("Sid", actions, (on,), ())


def sound() -> Evidence:
    responder = [grant("ec2:DescribeInstances"), grant("ec2:StopInstances", on="instances")]
    return Evidence(
        operations=[LOOK, STOP, MAIL],
        requests=[
            Request("e2e/function", FUNCTION, ("sns:Publish",)),
            Request("e2e/function", LOOKING, ("ec2:DescribeInstances",), LIMITS),
            Request("rust/double", DOUBLE, ("ec2:StopInstances",)),
        ],
        granted={
            FUNCTION: [grant("sns:Publish", on="topic"), grant("sqs:SendMessage", on=KEEP.resource)],
            "responder of the payer": responder,
            "responder of a member": list(responder),
        },
        borrowed=[KEEP],
        observe=LIMITS,
        contain=frozenset({"ec2:StopInstances"}),
    )


def says(evidence: Evidence, *expected: str) -> None:
    found = problems(evidence)
    assert len(found) == len(expected), found
    for sentence, words in zip(found, expected, strict=True):
        assert words in sentence


def test_what_fits_is_silent() -> None:
    says(sound())


def test_a_call_that_nobody_may_make() -> None:
    evidence = sound()
    evidence.granted[FUNCTION].pop(0)
    says(evidence, "function: sns:Publish is called and not granted")


def test_a_call_that_the_wrong_role_may_make() -> None:
    evidence = sound()
    evidence.granted[FUNCTION].append(grant("ec2:StopInstances"))
    says(evidence, "function: ec2:StopInstances is granted and never called")


def test_a_grant_that_one_of_the_two_responders_lacks() -> None:
    evidence = sound()
    evidence.granted["responder of a member"].pop()
    says(evidence, "responder of a member: ec2:StopInstances is called and not granted")


def test_what_lambda_needs_of_the_role_is_granted_on_just_that() -> None:
    evidence = sound()
    evidence.granted[FUNCTION][1] = grant("sqs:SendMessage", on="*")
    says(evidence, "granted on *; Lambda needs it on the failure queue")
    evidence.granted[FUNCTION].pop()
    says(evidence, "sqs:SendMessage is what Lambda needs of the role and not granted")


def test_what_lambda_has_no_use_for() -> None:
    evidence = sound()
    evidence.borrowed.clear()
    says(evidence, "sqs:SendMessage is granted and never called")


def test_a_call_that_no_test_makes() -> None:
    evidence = sound()
    evidence.requests.pop()
    says(evidence, "ec2:StopInstances is called, and was seen on no wire")


def test_a_request_that_the_code_does_not_make() -> None:
    evidence = sound()
    evidence.requests.append(Request("e2e/function", FUNCTION, ("ec2:RunInstances",)))
    says(evidence, "ec2:RunInstances was seen on the wire, and the compiled crate does not call it")


def test_a_look_that_stops_something() -> None:
    evidence = sound()
    evidence.requests.append(Request("e2e/function", LOOKING, ("ec2:StopInstances",)))
    says(evidence, "ec2:StopInstances was asked for by looking in e2e/function")


def test_a_halt_that_acts_as_the_function_itself() -> None:
    evidence = sound()
    for by in (ACTING, FUNCTION):
        evidence.requests.append(Request("e2e/function", by, ("ec2:StopInstances",)))
    says(evidence, "ec2:StopInstances was asked for by function in e2e/function")


def test_a_session_to_look_with_that_may_do_more() -> None:
    evidence = sound()
    evidence.requests.append(Request("e2e/function", FUNCTION, ("sns:Publish",), LIMITS | {"ec2:StopInstances"}))
    says(evidence, "not limited to what the kinds have in READS: it differs in ec2:StopInstances")


def test_a_session_to_look_with_that_may_do_less() -> None:
    evidence = sound()
    evidence.requests.append(Request("e2e/function", FUNCTION, ("sns:Publish",), frozenset()))
    says(evidence, "it differs in ec2:DescribeInstances")


def test_what_acts_does_not_look_with_a_session_to_act_with() -> None:
    evidence = sound()
    evidence.requests.append(Request("e2e/function", ACTING, ("ec2:DescribeInstances",)))
    says(evidence, "ec2:DescribeInstances was asked for by acting in e2e/function")


def test_a_call_that_no_kind_lists() -> None:
    evidence = sound()
    evidence.contain = frozenset()
    says(
        evidence,
        "ec2:StopInstances is called in an account, by lambda/aws/src/resource/instances.rs, and no kind of "
        "resource lists it: add it to its kind in lambda/core/src/resource/, to READS if it changes nothing, "
        "else to CALLS",
    )


def test_a_kind_that_lists_what_is_never_called() -> None:
    evidence = sound()
    evidence.contain |= {"iam:DeleteUser"}
    says(
        evidence,
        "iam:DeleteUser is in CALLS of a kind of resource, and is never called in an account: take it out, in "
        "lambda/core/src/resource/",
    )
    evidence = sound()
    evidence.observe |= {"iam:ListUsers"}
    says(evidence, "iam:ListUsers is in READS", "not limited to what the kinds have in READS")


def test_a_kind_that_lists_what_is_called_in_the_payer_only() -> None:
    evidence = sound()
    evidence.contain |= {"sns:Publish"}
    says(evidence, "sns:Publish is in CALLS of a kind of resource, and is never called in an account")


def test_what_is_in_both_lists() -> None:
    evidence = sound()
    evidence.contain |= {"ec2:DescribeInstances"}
    says(evidence, "ec2:DescribeInstances is both in READS and in CALLS: a look must not be able to act")


def test_a_look_that_could_stop_something() -> None:
    evidence = sound()
    evidence.observe, evidence.contain = LIMITS | {"ec2:StopInstances"}, frozenset()
    evidence.requests[1] = replace(evidence.requests[1], limited_to=evidence.observe)
    says(evidence, "ec2:StopInstances is in READS of a kind of resource, and by its name it changes something")


def test_a_call_in_an_account_by_a_module_that_has_no_business_there() -> None:
    evidence = sound()
    evidence.operations[1] = replace(STOP, files=INSTANCES | {"notifier.rs"})
    says(
        evidence,
        "the module notifier calls ec2:StopInstances in an account, and has no business there: only "
        "actuator, observer, regions, resource, simulator call with a session's credentials",
    )


def test_a_module_that_nobody_knows() -> None:
    evidence = sound()
    evidence.operations[1:] = replace(STOP, files={"courier/stop.rs"}), replace(MAIL, files={"courier.rs"})
    says(
        evidence,
        "the module courier, which is not known here, calls ec2:StopInstances, sns:Publish: add it to IN_ACCOUNTS "
        "or IN_PAYER in scripts/privileges_lib/verdict.py",
    )


def test_a_kind_of_resource_may_call_in_the_payer() -> None:
    evidence = sound()
    evidence.operations[2] = replace(MAIL, files={"resource/quarantine.rs"})
    says(evidence)


def test_no_module_has_both_meanings() -> None:
    assert set() == IN_ACCOUNTS & IN_PAYER

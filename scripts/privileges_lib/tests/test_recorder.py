"""A recorder between a real client and a real server, both on this machine."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from privileges_lib import wire
from privileges_lib.recorder import Record, handler

OURS = "aws-sdk-rust/1.4 os/linux lang/rust/1.94 app/runawaytrain"
SCOPE = "AWS4-HMAC-SHA256 Credential={key}/20261124/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
GIVEN = (
    b'<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
    b"<AccessKeyId>ASIASESSION</AccessKeyId></Credentials></AssumeRoleResult></AssumeRoleResponse>"
)


class Upstream(BaseHTTPRequestHandler):
    """Answers AssumeRole with a key, all else with what it was asked."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"teapot" in body:
            self.answer(418, b"no")
            return
        self.answer(
            200,
            GIVEN if b"Action=AssumeRole" in body else f"{self.path} {self.headers['Host']} {body.decode()}".encode(),
        )

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Amzn-RequestId", "one")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Serve = Callable[[type[BaseHTTPRequestHandler]], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves in a thread of its own until the test ends, and answers the port."""
    servers = []

    def start(what: type[BaseHTTPRequestHandler]) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), what)
        server.daemon_threads = True
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class Answer:
    status: int
    headers: Message
    content: bytes


class Recording:
    def __init__(self, folder: Path, serve: Serve):
        self.folder, self.file = folder, folder / "adapters" / "moto.jsonl"
        upstream = f"http://127.0.0.1:{serve(Upstream)}"
        self.client = http.client.HTTPConnection("127.0.0.1", serve(handler(upstream, Record(self.file))), timeout=60)

    def post(self, body: str, key: str = "AKIAOWN", service: str = "ec2", agent: str = OURS, **headers: str) -> Answer:
        signed = {"Authorization": SCOPE.format(key=key, service=service), "User-Agent": agent, **headers}
        self.client.request("POST", "/", body, signed)
        answer = self.client.getresponse()
        return Answer(answer.status, answer.headers, answer.read())

    def requests(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(request.by, request.actions) for request in wire.read(self.folder)]


@pytest.fixture
def recording(tmp_path: Path, serve: Serve) -> Iterator[Recording]:
    recording = Recording(tmp_path, serve)
    yield recording
    recording.client.close()


def test_everything_is_handed_on_as_it_is(recording: Recording) -> None:
    answer = recording.post("Action=StopInstances", Host="ec2.us-east-1.amazonaws.com")
    assert answer.content == b"/ ec2.us-east-1.amazonaws.com Action=StopInstances"
    assert (answer.status, answer.headers["X-Amzn-RequestId"]) == (200, "one")
    assert recording.post("teapot=1&Action=StopInstances").status == 418


def test_only_our_own_requests_are_recorded(recording: Recording) -> None:
    recording.post("Action=RunInstances", agent="aws-sdk-rust/1.4 os/linux")
    recording.post("Action=StopInstances")
    assert recording.requests() == [(wire.FUNCTION, ("ec2:StopInstances",))]


def test_sessions_are_told_apart_by_the_key_that_was_given(recording: Recording) -> None:
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": ["ec2:DescribeInstances"], "Resource": "*"}]})
    recording.post(f"Action=AssumeRole&Policy={policy}", service="sts")
    recording.post("Action=DescribeInstances", key="ASIASESSION")
    recording.post("Action=AssumeRole", service="sts")
    recording.post("Action=StopInstances", key="ASIASESSION")
    assume = (wire.FUNCTION, ("sts:AssumeRole",))
    assert recording.requests() == [
        assume,
        (wire.LOOKING, ("ec2:DescribeInstances",)),
        assume,
        (wire.ACTING, ("ec2:StopInstances",)),
    ]
    assert [request.limited_to for request in wire.read(recording.folder)] == [
        frozenset({"ec2:DescribeInstances"}),
        None,
        None,
        None,
    ]


def test_each_protocol_names_its_operation(recording: Recording) -> None:
    items: dict[str, Any] = {"TransactItems": [{"ConditionCheck": {}}, {"Put": {}}, {"Put": {}}]}
    recording.post(json.dumps(items), service="dynamodb", **{"X-Amz-Target": "DynamoDB_20120810.TransactWriteItems"})
    recording.client.request(
        "POST",
        "/service/GraniteServiceVersion20100801/operation/PutMetricData",
        "cbor",
        {"Authorization": SCOPE.format(key="AKIAOWN", service="monitoring"), "User-Agent": OURS},
    )
    recording.client.getresponse().read()
    transaction = ("dynamodb:ConditionCheckItem", "dynamodb:PutItem")
    assert recording.requests() == [(wire.FUNCTION, transaction), (wire.FUNCTION, ("cloudwatch:PutMetricData",))]


def test_what_cannot_be_named_is_not_passed_over(recording: Recording) -> None:
    recording.post("{}", service="lambda")
    with pytest.raises(wire.Unnamed):
        recording.requests()


def test_a_server_that_is_gone_is_a_connection_that_ends(tmp_path: Path, serve: Serve) -> None:
    gone = serve(handler("http://127.0.0.1:9", Record(tmp_path / "gone.jsonl")))
    with closing(http.client.HTTPConnection("127.0.0.1", gone, timeout=60)) as client:
        client.request("POST", "/", "Action=StopInstances")
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()

"""A recorder between a real client and a real server, both on this machine."""

import http.client
import json
import tempfile
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

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

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if b"teapot" in body:
            return self.answer(418, b"no")
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

    def log_message(self, *_):
        pass


def serve(test: unittest.TestCase, what: type[BaseHTTPRequestHandler]) -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), what)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    test.addCleanup(server.server_close)
    test.addCleanup(server.shutdown)
    return server.server_port


class Recording(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "adapters" / "moto.jsonl"
        self.upstream = serve(self, Upstream)
        self.client = http.client.HTTPConnection(
            "127.0.0.1", serve(self, handler(f"http://127.0.0.1:{self.upstream}", Record(self.file))), timeout=60
        )
        self.addCleanup(self.client.close)

    def post(
        self, body: str, key: str = "AKIAOWN", service: str = "ec2", agent: str = OURS, **headers: str
    ) -> http.client.HTTPResponse:
        signed = {"Authorization": SCOPE.format(key=key, service=service), "User-Agent": agent, **headers}
        self.client.request("POST", "/", body, signed)
        answer = self.client.getresponse()
        answer.content = answer.read()
        return answer

    def requests(self) -> list[tuple[str, tuple[str, ...]]]:
        return [(request.by, request.actions) for request in wire.read(self.folder)]

    def test_everything_is_handed_on_as_it_is(self):
        answer = self.post("Action=StopInstances", Host="ec2.us-east-1.amazonaws.com")
        self.assertEqual(answer.content, b"/ ec2.us-east-1.amazonaws.com Action=StopInstances")
        self.assertEqual((answer.status, answer.getheader("X-Amzn-RequestId")), (200, "one"))
        self.assertEqual(self.post("teapot=1&Action=StopInstances").status, 418)

    def test_only_our_own_requests_are_recorded(self):
        self.post("Action=RunInstances", agent="aws-sdk-rust/1.4 os/linux")
        self.post("Action=StopInstances")
        self.assertEqual(self.requests(), [(wire.FUNCTION, ("ec2:StopInstances",))])

    def test_sessions_are_told_apart_by_the_key_that_was_given(self):
        policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": ["ec2:DescribeInstances"], "Resource": "*"}]})
        self.post(f"Action=AssumeRole&Policy={policy}", service="sts")
        self.post("Action=DescribeInstances", key="ASIASESSION")
        self.post("Action=AssumeRole", service="sts")
        self.post("Action=StopInstances", key="ASIASESSION")
        assume = (wire.FUNCTION, ("sts:AssumeRole",))
        self.assertEqual(
            self.requests(),
            [assume, (wire.LOOKING, ("ec2:DescribeInstances",)), assume, (wire.ACTING, ("ec2:StopInstances",))],
        )
        self.assertEqual(
            [request.limited_to for request in wire.read(self.folder)],
            [frozenset({"ec2:DescribeInstances"}), None, None, None],
        )

    def test_each_protocol_names_its_operation(self):
        items = {"TransactItems": [{"ConditionCheck": {}}, {"Put": {}}, {"Put": {}}]}
        self.post(json.dumps(items), service="dynamodb", **{"X-Amz-Target": "DynamoDB_20120810.TransactWriteItems"})
        self.client.request(
            "POST",
            "/service/GraniteServiceVersion20100801/operation/PutMetricData",
            "cbor",
            {"Authorization": SCOPE.format(key="AKIAOWN", service="monitoring"), "User-Agent": OURS},
        )
        self.client.getresponse().read()
        transaction = ("dynamodb:ConditionCheckItem", "dynamodb:PutItem")
        self.assertEqual(
            self.requests(), [(wire.FUNCTION, transaction), (wire.FUNCTION, ("cloudwatch:PutMetricData",))]
        )

    def test_what_cannot_be_named_is_not_passed_over(self):
        self.post("{}", service="lambda")
        self.assertRaises(wire.Unnamed, self.requests)

    def test_a_server_that_is_gone_is_a_connection_that_ends(self):
        gone = serve(self, handler("http://127.0.0.1:9", Record(self.file)))
        client = http.client.HTTPConnection("127.0.0.1", gone, timeout=60)
        self.addCleanup(client.close)
        client.request("POST", "/", "Action=StopInstances")
        self.assertRaises(http.client.RemoteDisconnected, client.getresponse)


if __name__ == "__main__":
    unittest.main()

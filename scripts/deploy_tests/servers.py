"""What stands in for AWS in these tests: moto, a server that somebody else wrote, and before it a scripted HTTP double
for what moto lacks."""

import http.client
import json
import os
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3

from demo_lib.cloud import Client
from lib.emulated import emulator, free_port

JSON = "application/x-amz-json-1.1"
# Some of AWS's, as an account has them that opted into nothing.
REGIONS = {
    "us-east-1": "ENABLED_BY_DEFAULT",
    "us-east-2": "ENABLED_BY_DEFAULT",
    "us-west-2": "ENABLED_BY_DEFAULT",
    "eu-central-1": "ENABLED_BY_DEFAULT",
    "ap-east-1": "DISABLED",
}
PAYER = "123456789012"  # the one account that moto gives to keys that it does not know


def environment(endpoint: str) -> dict[str, str]:
    """For a program that must find the endpoint, and nothing of this machine's own AWS settings."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return clean | {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_COLOR": "1",
    }


@dataclass
class Moto:
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        urllib.request.urlopen(
            urllib.request.Request(f"{self.endpoint}/moto-api/reset", method="POST"), timeout=30
        ).close()

    def client(self, service: str) -> Client:
        return boto3.client(
            service,
            region_name="us-east-1",
            endpoint_url=self.endpoint,
            aws_access_key_id="a",
            aws_secret_access_key="b",
        )


@contextmanager
def moto() -> Iterator[Moto]:
    server = Moto(free_port())
    # Without the variable moto loads a machine image list for every account and region: gigabytes.
    settings = {"MOTO_EC2_LOAD_DEFAULT_AMIS": "false"}
    where = ["--host", "127.0.0.1", "--port", str(server.port)]
    with emulator("moto_server", f"{server.endpoint}/moto-api/", where, settings):
        yield server


@dataclass
class ScriptedDouble:
    """Before moto: what moto lacks (StackSets access, the account's regions, delegated administrators of StackSets, the
    definitions of reports, the policy that delegates), by a state of its own; refusals and answers as a test scripts
    them; everything else goes to moto unchanged. Answers have the shapes of the services' own protocols, so the SDK is
    the judge of them."""

    moto: Moto
    access: str = "DISABLED"
    delegates: list[dict[str, Any]] = field(default_factory=list)  # for StackSets, which moto knows no delegates for
    delegation: dict[str, Any] | None = None  # the organization's resource policy
    reports: list[dict[str, Any]] = field(default_factory=list)  # as DescribeReportDefinitions has them
    denied: set[str] = field(default_factory=set)  # operations, `ListRoots`
    refused: dict[str, bytes] = field(default_factory=dict)  # operation → the error, sent with 400
    scripted: dict[str, bytes | list[bytes]] = field(default_factory=dict)  # operation → body or bodies, sent with 200
    asked: list[str] = field(default_factory=list)
    bodies: dict[str, list[bytes]] = field(default_factory=dict)  # operation → what each request of it brought
    held: set[str] = field(default_factory=set)  # operations that are never answered
    let_go: list[str] = field(default_factory=list)  # held ones that whoever asked has left

    def __post_init__(self) -> None:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:  # whoever asked has ended
                    self.close_connection = True

            def do_ANY(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operation = _operation(self.path, self.headers, body)
                double.asked.append(operation)
                double.bodies.setdefault(operation, []).append(body)
                if operation in double.held:
                    self.connection.recv(1)
                    double.let_go.append(operation)
                    self.close_connection = True
                    return
                status, kind, answer = double.answer(operation, self, body)
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except ConnectionError:  # whoever asked was told to end
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_ANY

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        self.access, self.delegates, self.delegation, self.reports = "DISABLED", [], None, []
        for script in (self.denied, self.refused, self.scripted, self.asked, self.bodies, self.held, self.let_go):
            script.clear()

    def answer(self, operation: str, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        if operation in self.denied:
            return _denial(request)
        if error := self.refused.get(operation):
            return 400, "text/xml", error
        if said := self.scripted.get(operation):
            if isinstance(said, list):  # one after the other, and the last for ever
                said = said.pop(0) if len(said) > 1 else said[0]
            return 200, "application/json" if said[:1] == b"{" else "text/xml", said
        if operation == "ActivateOrganizationsAccess":
            self.access = "ENABLED"
            return 200, "text/xml", query_answer(operation, "")
        if operation == "DescribeOrganizationsAccess":
            return 200, "text/xml", query_answer(operation, f"<Status>{self.access}</Status>")
        if operation == "listRegions":
            return (
                200,
                "application/json",
                json.dumps(
                    {"Regions": [{"RegionName": name, "RegionOptStatus": status} for name, status in REGIONS.items()]}
                ).encode(),
            )
        if operation == "ListMetrics":
            return 200, "application/cbor", cbor({"Metrics": self._charges()})
        if operation == "ListDelegatedAdministrators":
            return 200, JSON, json.dumps({"DelegatedAdministrators": self.delegates}).encode()
        if operation == "DescribeReportDefinitions":
            return 200, JSON, json.dumps({"ReportDefinitions": self.reports}).encode()
        if operation == "DescribeResourcePolicy" and self.delegation is None:
            return (
                400,
                JSON,
                json.dumps({"__type": "ResourcePolicyNotFoundException", "Message": "there is none"}).encode(),
            )
        if operation == "DescribeResourcePolicy":
            return 200, JSON, json.dumps({"ResourcePolicy": {"Content": json.dumps(self.delegation)}}).encode()
        answer = self._forward(request, body)
        return self._with_version(answer) if operation == "DescribeStacks" else answer

    def _with_version(self, answer: tuple[int, str, bytes]) -> tuple[int, str, bytes]:
        """The stack of `cdk bootstrap` gives out what its parameter holds, and moto's gives out nothing."""
        status, kind, said = answer
        name = b"<StackName>CDKToolkit</StackName>"
        if status != 200 or name not in said or b"<OutputKey>BootstrapVersion<" in said:
            return answer
        version = self.moto.client("ssm").get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"]
        member = f"<OutputKey>BootstrapVersion</OutputKey><OutputValue>{version}</OutputValue>"
        output = f"<Outputs><member>{member}</member></Outputs>".encode()
        before, after = said.split(name, 1)
        return status, kind, before + name + after.replace(b"<StackStatus>", output + b"<StackStatus>", 1)

    def _charges(self) -> list[dict[str, Any]]:
        """CloudWatch speaks CBOR, and moto's does not."""
        dimensions = [{"Name": "LinkedAccount"}]
        found = self.moto.client("cloudwatch").list_metrics(
            Namespace="AWS/Billing", MetricName="EstimatedCharges", Dimensions=dimensions
        )["Metrics"]
        return [{"MetricName": one["MetricName"], "Dimensions": one["Dimensions"]} for one in found]

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.moto.port, timeout=60)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("connection", "content-length")
        }
        connection.request(request.command, request.path, body or None, headers)
        answer = connection.getresponse()
        read = answer.read()
        connection.close()
        return answer.status, answer.headers.get("Content-Type", "text/xml"), read

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def query_answer(operation: str, inner: str) -> bytes:
    """The query protocol's envelope.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeOrganizationsAccess.html"""
    result, more = f"<{operation}Result>{inner}</{operation}Result>", "<RequestId>1</RequestId>"
    return f"<{operation}Response>{result}<ResponseMetadata>{more}</ResponseMetadata></{operation}Response>".encode()


def _operation(path: str, headers: Message, body: bytes) -> str:
    """By the target of the JSON protocols, the Action of the query ones, or the end of the path."""
    if target := headers.get("X-Amz-Target"):
        return target.rsplit(".", 1)[-1]
    if action := urllib.parse.parse_qs(body.decode("utf-8", "replace")).get("Action"):
        return action[0]
    return "Invoke" if path.endswith("/invocations") else path.rsplit("/", 1)[-1]


def cbor(value: dict[str, Any] | list[Any] | str) -> bytes:
    """RFC 8949, as much of it as is needed: maps, lists and texts."""

    def head(major: int, length: int) -> bytes:
        return bytes([major << 5 | length]) if length < 24 else bytes([major << 5 | 25]) + length.to_bytes(2, "big")

    match value:
        case dict():
            return head(5, len(value)) + b"".join(cbor(key) + cbor(one) for key, one in value.items())
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case str():
            return head(3, len(value.encode())) + value.encode()


def _denial(request: BaseHTTPRequestHandler) -> tuple[int, str, bytes]:
    said = "you are not authorized to do this"
    if request.headers.get("X-Amz-Target"):
        return (
            400,
            "application/x-amz-json-1.1",
            json.dumps({"__type": "AccessDeniedException", "message": said}).encode(),
        )
    return (
        403,
        "text/xml",
        f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>{said}</Message></Error><RequestId>1</RequestId></ErrorResponse>".encode(),
    )

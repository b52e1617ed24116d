"""Stands between the function and an emulator, hands everything on as it is, and writes down what the function asked
for.

Only the function's own requests, which it signs with its name in the User-Agent: a test sets its scene through the same
door. The Host header is handed on too, for the signature covers it. Only the standard library: it is started like a
server."""

import argparse
import http.client
import json
import ssl
import sys
import threading
from contextlib import closing
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

OURS = "app/runawaytrain"
# Headers that tell who asks for what.
TELLING = ("authorization", "user-agent", "x-amz-target")
# They speak of one connection, and there are two here.
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
PER_CONNECTION = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
PATIENCE = 900.0  # seconds; as long as a Lambda may run


class Record:
    """A file of one line a request."""

    def __init__(self, file: Path):
        file.parent.mkdir(parents=True, exist_ok=True)
        self._out = file.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def keep(self, method: str, uri: str, headers: Message, body: bytes, answer: bytes) -> None:
        if OURS not in headers.get("user-agent", ""):
            return
        line: dict[str, object] = {
            "method": method,
            "uri": uri,
            "headers": {name: headers[name] for name in TELLING if name in headers},
            "body": body.decode("utf-8", "replace"),
        }
        if b"<AssumeRoleResult>" in answer:
            line["given"] = given_key(answer)
        with self._lock:
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()


def given_key(answer: bytes) -> str | None:
    """The access key that an answer of AssumeRole gives: later requests are signed with it."""
    found = (
        element.text
        for element in ElementTree.fromstring(answer).iter()
        if element.tag.endswith("}AccessKeyId") or element.tag == "AccessKeyId"
    )
    return next(found, None)


def handler(upstream: str, record: Record) -> type[BaseHTTPRequestHandler]:
    to = urlsplit(upstream)
    host = to.hostname or ""

    def connection() -> http.client.HTTPConnection:
        """One a request: the emulator closes those that were idle for seconds, and whoever asks us would not know."""
        if to.scheme == "http":
            return http.client.HTTPConnection(host, to.port, timeout=PATIENCE)
        # The emulator's certificate is its own. Whoever asks us checks it, for it is ours too.
        return http.client.HTTPSConnection(host, to.port, timeout=PATIENCE, context=ssl._create_unverified_context())

    class Recorder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def hand_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                answer, content = self.ask(body)
            except (OSError, http.client.HTTPException):
                # As if we were not there: the emulator is gone, or closed without an answer.
                self.close_connection = True
                return
            # Before anyone can act on the answer: a session's first request must find its line written.
            record.keep(self.command, self.path, self.headers, body, content)
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in PER_CONNECTION | {"content-length"}:
                    self.send_header(name, value)
            # Of HEAD, the length of what is not sent.
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            if length is not None and answer.status not in (204, 304):
                self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        def ask(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
            with closing(connection()) as asking:
                asking.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in PER_CONNECTION:
                        asking.putheader(name, value)
                asking.endheaders(body or None)
                answer = asking.getresponse()
                return answer, answer.read()

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = hand_on

        def log_message(self, *_: object) -> None:
            pass

    return Recorder


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="where to listen, on 127.0.0.1")
    parser.add_argument("--to", required=True, metavar="URL", help="where to hand on to")
    parser.add_argument("--record", type=Path, required=True, metavar="FILE")
    parser.add_argument("--certificate", type=Path, help="speak TLS with this certificate")
    parser.add_argument("--key", type=Path, help="the certificate's key")
    options = parser.parse_args()
    server = ThreadingHTTPServer(
        ("127.0.0.1", options.port), handler(options.to, Record(options.record)), bind_and_activate=False
    )
    server.daemon_threads, server.request_queue_size, server.allow_reuse_address = True, 256, True
    server.server_bind()
    server.server_activate()
    if options.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
        # The handshake in the thread of the connection: here it would hold up all others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())

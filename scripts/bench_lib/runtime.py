"""Lambda's runtime API, for one function at a time.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html"""

import json
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

# Of an invocation, in seconds: the most that Lambda gives one.
DEADLINE = 900.0
FUNCTION = "runawaytrain"


@dataclass(frozen=True)
class Reply:
    """What the function answered, and between when; times in seconds since 1970."""

    answer: Any
    failed: bool
    handed: float
    answered: float

    @property
    def seconds(self) -> float:
        return self.answered - self.handed


class Runtime:
    def __init__(self, port: int):
        self.address = f"127.0.0.1:{port}"
        self.events: queue.Queue[bytes] = queue.Queue()
        self.replies: queue.Queue[Reply] = queue.Queue()
        self.polls: queue.Queue[float] = queue.Queue()
        self.over = Event()
        self.handed = 0.0

    def first_poll(self, seconds: float = 60.0) -> float:
        """When the function first asked for an event."""
        return self.polls.get(timeout=seconds)

    def invoke(self, event: object, seconds: float = DEADLINE + 30) -> Reply:
        self.events.put(json.dumps(event).encode())
        return self.replies.get(timeout=seconds)

    def next_event(self) -> bytes | None:
        while not self.over.is_set():
            try:
                return self.events.get(timeout=0.2)
            except queue.Empty:
                pass
        return None


@contextmanager
def running() -> Iterator[Runtime]:
    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one packet: the second of two would wait for the first to be acknowledged.
        wbufsize = -1

        def do_GET(self) -> None:
            runtime.polls.put(time.time())
            event = runtime.next_event()
            if event is None:
                self.close_connection = True
                return
            runtime.handed = time.time()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", f"00000000-0000-0000-0000-{time.time_ns() % 10**12:012}")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((runtime.handed + DEADLINE) * 1000)))
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:us-east-1:1:function:{FUNCTION}")
            self._end(event)

        def do_POST(self) -> None:
            body = self._body()
            answered = time.time()
            self.send_response(202)
            self._end(b"{}")
            failed = self.path.endswith("/error")
            runtime.replies.put(Reply(json.loads(body), failed, runtime.handed, answered))

        def _body(self) -> bytes:
            length = self.headers.get("Content-Length")
            if length is not None:
                return self.rfile.read(int(length))
            whole = b""  # in chunks
            while size := int(self.rfile.readline(), 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _end(self, body: bytes) -> None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    runtime = Runtime(server.server_port)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield runtime
    finally:
        runtime.over.set()
        server.shutdown()
        server.server_close()

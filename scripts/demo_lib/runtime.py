"""A Lambda runtime of our own, for one event: bytes that neither Lambda's API nor the emulator would hand on as they
are."""

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from . import process
from .cast import PAYER
from .cloud import ADMIN_SECRET, HOME_REGION, Cloud
from .lambdas import FUNCTION, Reply

PATIENCE = 20.0  # seconds
HEADERS = {
    "Lambda-Runtime-Aws-Request-Id": "00000000-0000-0000-0000-000000000001",
    "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:{HOME_REGION}:{PAYER}:function:{FUNCTION}",
}


def deliver(cloud: Cloud, binary: Path, package: Path, payload: bytes, log: Path) -> Reply:
    """Starts the binary with the payer's own rights, so that nothing but itself keeps it from touching things."""
    variables = cloud.admin("lambda", PAYER).get_function_configuration(FunctionName=FUNCTION)["Environment"][
        "Variables"
    ]
    with _api(payload) as (address, answers):
        env = variables | {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_FUNCTION_NAME": FUNCTION,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "LAMBDA_TASK_ROOT": str(package),
            "PATH": os.environ["PATH"],
            "AWS_REGION": HOME_REGION,
            "AWS_ACCESS_KEY_ID": PAYER,
            "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "SSL_CERT_FILE": str(cloud.certificate),
        }
        child = process.start([binary], log, package, env)
        try:
            path, text = answers.get(timeout=PATIENCE)
        except queue.Empty:
            raise process.StepFailed(f"the Lambda did not answer {payload!r} within {PATIENCE:g} s", log) from None
        finally:
            process.end(child)
    return Reply(text, "", path.endswith("/error"))


@contextmanager
def _api(payload: bytes) -> Iterator[tuple[str, queue.Queue[tuple[str, str]]]]:
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html"""
    answers: queue.Queue[tuple[str, str]] = queue.Queue()
    given, over = Event(), Event()

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if given.is_set():
                over.wait()  # there is no second event
                return
            given.set()
            self.send_response(200)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
            self._end(payload)

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
            self.send_response(202)
            self._end(b"")
            answers.put((self.path, text))

        def _end(self, body: bytes) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", answers
    finally:
        over.set()
        server.shutdown()
        server.server_close()

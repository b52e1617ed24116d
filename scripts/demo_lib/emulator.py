"""The emulator: ministack, with AUTH on, so that keys, roles and their trust are really checked.

It speaks TLS, with a certificate that it makes for itself: the stack's topics, its queue and the CDK's bucket refuse
plain HTTP, and the demo deploys them as they are.
"""

import os
import shutil
import ssl
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lib.emulated import free_port

from . import process, show
from .bridges import BRIDGES
from .paths import ROOT, Places

START_SECONDS = 60  # a busy machine takes long to import ninety services
RECORDER = ROOT / "scripts" / "privileges_lib" / "recorder.py"
# `scripts/test` names a folder here: what the function asks for is then recorded on its way to the emulator.
RECORD_IN = "RUNAWAYTRAIN_WIRE"


@dataclass
class Emulator:
    endpoint: str
    certificate: Path
    child: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        process.end(self.child)


def environment(places: Places, port: int, functions_port: int, certificate: Path) -> dict[str, Any]:
    """The emulator hands its own environment to the functions it runs, so it gets a small one."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "scripts"),
        "HOME": str(places.temp),
        "TMPDIR": str(places.temp),
        "AUTH": "true",
        "USE_SSL": "1",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        # Its MQTT and SFTP servers want fixed ports, where a second emulator would clash with the first.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # For the function: where AWS is, and whom to trust there.
        "AWS_ENDPOINT_URL": f"https://127.0.0.1:{functions_port}",
        "SSL_CERT_FILE": str(certificate),
    }


def start(places: Places) -> Emulator:
    if not shutil.which("openssl"):
        raise process.StepFailed(
            "the command `openssl` is missing", hint="install it; the emulator makes its certificate with it."
        )
    log, certificate = places.logs / "emulator.log", places.temp / "ministack-tls" / "server.crt"
    with show.step("start the emulator (ministack, with its authentication on)", log) as done:
        port, record = free_port(), os.environ.get(RECORD_IN)
        functions_port = free_port() if record else port
        child = process.start(
            [sys.executable, "-m", "demo_lib.bridged_emulator"],
            log,
            places.temp,
            environment(places, port, functions_port, certificate),
        )
        emulator = Emulator(f"https://127.0.0.1:{port}", certificate, child, log)
        until = time.monotonic() + START_SECONDS
        while not _answers(emulator):
            if child.poll() is not None:
                hint = "see its last words above; `scripts/setup --force` installs it anew."
                raise process.StepFailed(f"the emulator ended with code {child.returncode}", log, hint)
            if time.monotonic() > until:
                raise process.StepFailed(
                    f"the emulator did not answer within {START_SECONDS} s",
                    log,
                    "try again when the machine is less busy.",
                )
            time.sleep(0.1)
        done.note = emulator.endpoint
        if record:
            _record(emulator, functions_port, Path(record) / "function.jsonl", places)
            done.note += f", by way of a recorder at {functions_port} for the function"
    for what in BRIDGES.values():
        show.say(f"  bridge, only here: {what}")
    return emulator


def _record(emulator: Emulator, port: int, file: Path, places: Places) -> None:
    """Between the function and the emulator, with the emulator's own certificate."""
    command = [sys.executable, RECORDER, "--port", port, "--to", emulator.endpoint, "--record", file.absolute()]
    command += ["--certificate", emulator.certificate, "--key", emulator.certificate.with_suffix(".key")]
    process.start(command, places.logs / "recorder.log", places.temp)


def _answers(emulator: Emulator) -> bool:
    try:
        trust = ssl.create_default_context(cafile=emulator.certificate)
        with urllib.request.urlopen(f"{emulator.endpoint}/_ministack/health", timeout=2, context=trust) as answer:
            return answer.status == 200
    except (OSError, ssl.SSLError):
        return False  # not there yet, or its certificate is not written yet

"""scripts/build before it builds: what it cannot build for is said at once, and nothing is downloaded for it."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(__file__).resolve().parents[1] / "build"
SECONDS = 60


class Build(unittest.TestCase):
    def test_an_architecture_without_its_standard_library_is_told_how_to_get_one(self):
        for arch, triple in (("arm64", "aarch64-unknown-linux-gnu"), ("x86_64", "x86_64-unknown-linux-gnu")):
            with self.subTest(arch), tempfile.TemporaryDirectory() as folder:
                rustc = Path(folder) / "rustc"
                rustc.write_text(f"#!/bin/sh\necho {folder}\n")
                rustc.chmod(0o755)
                self.refused({"PATH": f"{folder}:{os.environ['PATH']}"}, arch, f"rustup target add {triple}")

    def test_an_architecture_that_lambda_does_not_have(self):
        self.refused({}, "mips", "knows x86_64 and arm64, not 'mips'")

    def refused(self, environment: dict[str, str], arch: str, words: str) -> None:
        said = subprocess.run(
            [BUILD, "--arch", arch],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        self.assertEqual((said.returncode, said.stdout), (1, ""), said.stderr)
        self.assertIn(words, said.stderr)


if __name__ == "__main__":
    unittest.main()

"""What the drill after a deployment says: whether the new release can see and decide, told without the names of
accounts."""

import json
from pathlib import Path

from .problem import Problem


def judge(file: Path) -> str:
    """The drill's sentence, when it succeeded. `file` is what the function answered."""
    try:
        answer = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise Problem(f"the drill gave no answer that can be read: {error}") from error
    if not isinstance(answer, dict) or answer.get("statusCode") != 200:
        raise Problem(
            f"the drill failed: {_words(answer)}. The release is deployed; look at the function's log, and roll back if"
            " it stays so."
        )
    return f"The drill says: {answer.get('body', '')}"


def _words(answer: object) -> str:
    if not isinstance(answer, dict):
        return "its answer is no object"
    # A function that broke answers with an error of Lambda's making, which has no status.
    return str(answer.get("body") or answer.get("errorMessage") or "it said nothing")

"""The process of one contender: answers questions about a model, one after another.

    python -m multinet.compare.worker THREADS CLASS

reads lines of JSON and writes one for each (`process` tells their form). What a program
of the user prints goes to the errors, so that it is no answer.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from multinet.compare.process import keep_to

Answer = dict[str, Any]
Question = Callable[..., Answer]


def main() -> None:
    """Answer until there are no more questions."""
    answers = _private_output()
    threads = int(sys.argv[1])
    keep_to(threads)
    try:
        questions = _questions(sys.argv[2], threads)
    except Exception as error:
        _fail(answers, error)
        return
    _say(answers, {"ok": questions["about"]()})
    for line in sys.stdin:
        arguments = json.loads(line)
        try:
            found = questions[arguments.pop("do")](**arguments)
        except Exception as error:  # of any kind: the user's code runs here too
            _fail(answers, error)
        else:
            _say(answers, {"ok": found})


def _questions(kind: str, threads: int) -> Mapping[str, Question]:
    """Return what the class of a contender answers, as "module:Name", made now.

    This is what takes time: importing it, and the backend. An error is an answer.
    """
    module, _, name = kind.partition(":")
    return getattr(importlib.import_module(module), name)(threads).questions()


def _private_output() -> TextIO:
    """Return the standard output for answers alone; what is printed is an error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, what: Answer) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


def _fail(answers: TextIO, error: Exception) -> None:
    traceback.print_exc()
    text = " ".join(str(error).split())
    _say(answers, {"error": f"{type(error).__name__}: {text}" if text else repr(error)})


if __name__ == "__main__":
    main()

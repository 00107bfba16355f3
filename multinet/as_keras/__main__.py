"""Runs a program that uses Keras on Multinet."""

from __future__ import annotations

import os
import runpy
import sys

from multinet.as_keras import as_keras

USAGE = """Usage:
    python -m multinet.as_keras script.py [its arguments]
    python -m multinet.as_keras -m module [its arguments]"""


def main() -> None:
    """Run what the command line names as the program itself."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["-m"] and len(arguments) > 1:
        sys.argv = arguments[1:]
        as_keras()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments and not arguments[0].startswith("-"):
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        as_keras()
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        raise SystemExit(USAGE)


if __name__ == "__main__":
    main()

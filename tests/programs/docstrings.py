"""Run the programs inside Keras's docstrings on Multinet, beside Keras itself.

    python tests/programs/docstrings.py --backend numpy jax torch tensorflow
    python tests/programs/docstrings.py --backend numpy --only layers.Dense
    python tests/programs/docstrings.py --backend numpy jax --write docstrings.md

Nothing of them is kept: they are read from the Keras that is installed. A program is
run statement by statement, twice on Keras and once on each backend. What both runs of
Keras agree on is compared, the values of expressions and of names that were assigned;
of random numbers there are the shapes and dtypes.
"""

import argparse
import ast
import collections
import contextlib
import copy
import io
import os
import signal
import socket
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras
import numpy as np
from docstring_blocks import Imports, Program, names_in, programs
from docstring_values import difference, plain

import multinet
from multinet.registry import use_backend

ABSENT = "yet; Keras 3 has it"
SECONDS = 10
KINDS = {
    "missing": "A name or an option that Multinet does not have yet.",
    "after": "It uses what an earlier statement should have made.",
    "error": "Multinet refuses it, or fails.",
    "value": "Another value than Keras gives.",
}


class Failure(NamedTuple):
    """A statement of a program that goes another way than on Keras."""

    program: str
    number: int
    kind: str
    text: str


class Side:
    """A place where statements run, with what they have made there."""

    def __init__(self, module, seed, backend=None):
        self.module, self.backend = module, backend
        self.names = {"np": np, "keras": module, "__name__": "__main__"}
        for name in ("layers", "ops", "models", "losses", "metrics", "optimizers"):
            self.names[name] = getattr(module, name)
        self.broken = set()
        _as_it_was(module)
        module.utils.set_random_seed(seed)

    def run(self, statement):
        """Return what a statement gave, as plain values: itself, and its names."""
        node = copy.deepcopy(statement)
        if self.module is multinet:
            node = ast.fix_missing_locations(Imports().visit(node))
        value = None
        with contextlib.ExitStack() as stack:
            if self.backend:
                stack.enter_context(use_backend(self.backend))
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
            stack.enter_context(_limited())
            if isinstance(node, ast.Expr):
                code = compile(ast.Expression(node.value), "<docstring>", "eval")
                value = eval(code, self.names)
            else:
                module = ast.Module([node], [])
                exec(compile(module, "<docstring>", "exec"), self.names)
            made = {n: self.names.get(n) for n in names_in(node, ast.Store)}
            return plain(self.module, {"value": value, **made})


@contextlib.contextmanager
def _limited():
    def late(*_):
        raise TimeoutError(f"It took more than {SECONDS} seconds.")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _as_it_was(module):
    """Undo what an earlier program may have set for the process."""
    module.config.set_floatx("float32")
    module.config.set_epsilon(1e-7)
    module.config.set_image_data_format("channels_last")
    module.config.set_dtype_policy("float32")


def run(program: Program, backends: list[str]):
    """Return the failures of a program by backend, and how many statements Keras ran.

    A statement that Keras does not run either, such as one about data that nobody has
    made, is passed over.
    """
    first, second = Side(keras, 1), Side(keras, 2)
    sides = {name: Side(multinet, 1, name) for name in backends}
    failures = {name: [] for name in backends}
    count = 0
    for number, statement in enumerate(program.statements, 1):
        try:
            expected, again = first.run(statement), second.run(statement)
        except (Exception, SystemExit):
            continue
        count += 1
        for name, side in sides.items():
            found = compare(side, statement, expected, again)
            if found:
                failures[name].append(Failure(program.name, number, *found))
    return failures, count


def compare(side, statement, expected, again):
    """Return how a statement fails, a kind and a sentence, or None."""
    made = names_in(statement, ast.Store)
    uses = names_in(statement, ast.Load) & side.broken
    try:
        got = side.run(statement)
    except (Exception, SystemExit) as error:
        side.broken |= made
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        if uses:
            return "after", f"uses {', '.join(sorted(uses))}"
        return ("missing" if ABSENT in text else "error"), text
    side.broken -= made
    text = difference(got, expected, again)
    if text is None:
        return None
    return ("after", f"uses {', '.join(sorted(uses))}") if uses else ("value", text)


def run_all(backends, only):
    """Return the failures by backend, and the counts of programs by module."""
    failures = {name: [] for name in backends}
    counts = collections.defaultdict(collections.Counter)
    for program in programs(keras):
        if only and not any(part in program.name for part in only):
            continue
        found, count = run(program, backends)
        parts = program.name.split(".")
        module = parts[1] if parts[1].islower() else "keras"
        counts[module].update(programs=int(count > 0), statements=count)
        counts[module].update(unread=program.unread)
        for name, some in found.items():
            failures[name] += some
            for failure in some:
                print(f"{name}: {failure.program} {failure.number}", end=" ")
                print(f"[{failure.kind}] {failure.text}", flush=True)
    return failures, counts


def report(failures, counts) -> str:
    """Return the page that says what failed and why."""
    lines = [
        "# The programs inside Keras's docstrings",
        "",
        f"Made by `tests/programs/docstrings.py` with Keras {keras.__version__}, whose",
        f"backend was {keras.backend.backend()}. Statements that Keras itself does not",
        "run (no data, no files, no network) do not count.",
        "",
        "| module | programs | statements |" + "".join(f" {b} |" for b in failures),
        "|---|---|---|" + "---|" * len(failures),
    ]
    for module, count in sorted(counts.items()):
        row = [module, str(count["programs"]), str(count["statements"])]
        for found in failures.values():
            mine = [f for f in found if _module(f) == module]
            wrong = sum(f.kind in ("error", "value") for f in mine)
            row.append(f"{wrong} wrong, {len(mine) - wrong} missing")
        lines.append(f"| {' | '.join(row)} |")
    merged = collections.defaultdict(list)
    for backend, found in failures.items():
        for failure in found:
            merged[failure].append(backend)
    for kind, meaning in KINDS.items():
        lines += ["", f"## {kind}", "", meaning, ""]
        rows = [(f, b) for f, b in merged.items() if f.kind == kind]
        if kind in ("missing", "after"):
            programs = collections.Counter(f.program for f, _ in rows)
            lines += [f"- {p}: {n}" for p, n in sorted(programs.items())]
            continue
        for failure, where in sorted(rows):
            on = "" if len(where) == len(failures) else f" ({', '.join(where)})"
            lines.append(f"- {failure.program}, {failure.number}{on}: {failure.text}")
    return "\n".join(lines) + "\n"


def _module(failure):
    part = failure.program.split(".")[1]
    return part if part.islower() else "keras"


def _no_network(*_, **__):
    raise OSError("Programs of docstrings have no network.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backend", nargs="+", default=["numpy"])
    parser.add_argument(
        "--only", nargs="+", help="parts of the names, such as layers.Dense"
    )
    parser.add_argument("--write", type=Path, help="the page to write")
    options = parser.parse_args()
    target = options.write and options.write.resolve()
    warnings.simplefilter("ignore")
    socket.socket.connect = _no_network
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        failures, counts = run_all(options.backend, options.only)
    for name, found in failures.items():
        kinds = collections.Counter(f.kind for f in found)
        total = sum(c["statements"] for c in counts.values())
        print(f"{name}: {total} statements, {dict(kinds)}")
    if target:
        target.write_text(report(failures, counts))


if __name__ == "__main__":
    main()

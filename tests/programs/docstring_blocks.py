"""The programs inside the docstrings of the installed Keras, read when they are run."""

import ast
import doctest
import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import NamedTuple

# Other names of what is elsewhere, data and models from the net, other frameworks.
LEFT_OUT = {"applications", "datasets", "legacy", "distribution", "export", "src"}
FENCE = re.compile(r"^[ ]*```(\w*)[^\n]*\n(.*?)^[ ]*```", re.DOTALL | re.MULTILINE)
LANGUAGES = {"", "python", "py", "python3"}


class Program(NamedTuple):
    """What one docstring says to run: its statements, one after the other."""

    name: str
    statements: list[ast.stmt]
    unread: int  # blocks that are no Python


def programs(module: ModuleType) -> Iterator[Program]:
    """Yield the programs of a module's public objects."""
    for name, thing in _objects(module, module.__name__, set()):
        statements, unread = [], 0
        for source in _blocks(inspect.getdoc(thing) or ""):
            try:
                statements += ast.parse(source).body
            except SyntaxError:
                unread += 1
        if statements or unread:
            yield Program(name, statements, unread)


def _objects(module: ModuleType, path: str, seen: set[int]) -> Iterator:
    """Yield functions, classes and methods, each under the first of its names."""
    parts = [(n, getattr(module, n)) for n in sorted(dir(module)) if n[0] != "_"]
    for name, part in parts:
        if id(part) in seen or name in LEFT_OUT or inspect.ismodule(part):
            continue
        seen.add(id(part))
        if callable(part):
            yield f"{path}.{name}", part
        if inspect.isclass(part):
            yield from _methods(part, f"{path}.{name}", seen)
    for name, part in parts:
        inner = inspect.ismodule(part) and part.__name__.startswith("keras.")
        if inner and name not in LEFT_OUT and id(part) not in seen:
            seen.add(id(part))
            yield from _objects(part, f"{path}.{name}", seen)


def _methods(cls: type, path: str, seen: set[int]) -> Iterator:
    for name, method in vars(cls).items():
        method = getattr(method, "__func__", method)
        if name[0] == "_" or id(method) in seen:
            continue
        if callable(method) or isinstance(method, property):
            seen.add(id(method))
            yield f"{path}.{name}", method


def _blocks(text: str) -> Iterator[str]:
    """Yield the code of a docstring in its order: fenced, or after `>>>`."""
    last = 0
    for fence in FENCE.finditer(text):
        yield from _examples(text[last : fence.start()])
        last = fence.end()
        if fence[1] not in LANGUAGES:
            continue
        code = inspect.cleandoc("\n" + fence[2])
        yield from _examples(code) if ">>>" in code else [code]
    yield from _examples(text[last:])


def _examples(text: str) -> Iterator[str]:
    try:
        examples = doctest.DocTestParser().get_examples(text)
    except ValueError:  # prompts that are not in a column
        yield ">>>"
        return
    for example in examples:
        yield example.source


class Imports(ast.NodeTransformer):
    """Says `multinet` where an import says `keras`."""

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            if alias.name.split(".")[0] == "keras":
                alias.asname = alias.asname or "keras"
                alias.name = "multinet" + alias.name.removeprefix("keras")
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        if node.module and node.module.split(".")[0] == "keras":
            node.module = "multinet" + node.module.removeprefix("keras")
        return node


def names_in(node: ast.AST, kind: type) -> set[str]:
    """Return the names that a statement loads, or stores."""
    found = {
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, kind)
    }
    if kind is ast.Store:
        for part in [node]:
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                found.add(part.name)
            elif isinstance(part, ast.Import | ast.ImportFrom):
                found |= {(a.asname or a.name).split(".")[0] for a in part.names}
    return found

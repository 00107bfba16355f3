"""The imports of Python files, read from their syntax: nothing is run."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TYPING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
# Comments that are for tools, and say nothing to a reader.
_FOR_TOOLS = re.compile(r"#\s*(noqa|type:|pyright:|fmt:|ruff:|isort:).*")


@dataclass(frozen=True)
class Import:
    """One module that a file imports, and where.

    `inside` is true in a function; `typing` under `if TYPE_CHECKING`, which a type
    checker reads and no program runs.
    """

    module: str
    line: int
    inside: bool
    typing: bool


def files(*folders: Path) -> list[Path]:
    """Return the Python files under folders; one that is not there has none."""
    return sorted(path for folder in folders for path in folder.rglob("*.py"))


def name_of(path: Path, root: Path) -> str:
    """Return the name by which a file is imported where `root` is on the path."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path, known: Collection[str] = ()) -> list[Import]:
    """Return the imports of a file, those in functions included.

    `from package import name` is an import of the module package.name if that is known,
    else of the package.
    """
    return list(_imports(_parsed(path.read_text()), known, False, False))


@functools.cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


def _imports(
    node: ast.AST, known: Collection[str], inside: bool, typing: bool
) -> Iterator[Import]:
    inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, inside, typing)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"relative import in line {child.lineno}"
            for alias in child.names:
                module = f"{child.module}.{alias.name}"
                found = module if module in known else str(child.module)
                yield Import(found, child.lineno, inside, typing)
        elif isinstance(child, ast.If) and ast.unparse(child.test) in _TYPING:
            for part in child.body:
                holder = ast.Module([part], [])
                yield from _imports(holder, known, inside, True)
            holder = ast.Module(child.orelse, [])
            yield from _imports(holder, known, inside, typing)
        else:
            yield from _imports(child, known, inside, typing)


def graph(modules: Mapping[str, Path]) -> dict[str, set[str]]:
    """Return which of the modules each of them imports while a program runs.

    An import of a package's module runs the package's `__init__` too. That is no import
    here: a package that makes its own parts known to users would be a circle.
    """
    return {
        name: {
            found.module
            for found in imports(path, modules)
            if found.module in modules and found.module != name and not found.typing
        }
        for name, path in modules.items()
    }


def circle(edges: Mapping[str, Collection[str]]) -> list[str]:
    """Return a shortest circle, its first node again at the end; empty if none."""
    circles = [found for node in sorted(edges) if (found := _way_back(edges, node))]
    return min(circles, key=len, default=[])


def _way_back(edges: Mapping[str, Collection[str]], start: str) -> list[str]:
    ways, seen = [[start]], {start}
    while ways:
        longer = []
        for way in ways:
            for node in sorted(edges.get(way[-1], ())):
                if node == start:
                    return [*way, start]
                if node not in seen:
                    seen.add(node)
                    longer.append([*way, node])
        ways = longer
    return []


def unexplained(path: Path) -> list[str]:
    """Return the imports in functions that no comment gives a reason for.

    The comment stands on a line of the import or above it; imports that follow each
    other share one.
    """
    text = path.read_text()
    comments = _comments(text)
    found = []
    for body in _bodies(_parsed(text)):
        for block in _blocks(body):
            lines = range(block[0].lineno - 1, (block[-1].end_lineno or 0) + 1)
            if not comments.intersection(lines):
                found.append(f"{path}:{block[0].lineno}: {ast.unparse(block[0])}")
    return found


def _comments(text: str) -> set[int]:
    """Return the lines with a comment that is for readers."""
    return {
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT and not _FOR_TOOLS.fullmatch(token.string)
    }


def _bodies(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    """Yield the lists of statements inside of functions."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tops = [node for node in ast.walk(tree) if isinstance(node, functions)]
    inside = {id(node): node for top in tops for node in ast.walk(top)}
    for node in inside.values():
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                yield body


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Yield the runs of imports in a list of statements."""
    block: list[ast.stmt] = []
    for statement in [*body, ast.Pass()]:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            block.append(statement)
        elif block:
            yield block
            block = []

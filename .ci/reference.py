"""The reference of every public name, made of its signature and its docstring.

Names are imported when they are asked for, and constructors often are a base class's,
so the pages are made by looking at the objects and not at their files.
"""

import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import multinet

FOR_PLUGINS = ("interface", "dtypes", "philox", "registry", "conformance")
CODE = re.compile(r"(```.*?```|`[^`]*`|\*\*\w[^*]*\*\*|(?m:^    .*$))", re.S)
SIGNS = re.compile(r"([*_<\[\]])")
EXAMPLE = re.compile(r"(?m)^ *>>>.*\n?(?:^ *\S.*\n?)*")


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name and the Markdown text of each page."""
    modules = list(_modules())
    yield "index", _index(modules)
    for module in modules:
        yield module.__name__, _page(module)


def _modules() -> Iterator[ModuleType]:
    """Yield the public modules, those for authors of backends last."""
    yield from _under(multinet)
    for name in FOR_PLUGINS:
        yield importlib.import_module(f"multinet.{name}")


def _under(module: ModuleType) -> Iterator[ModuleType]:
    """Yield a module and the public ones in it."""
    yield module
    for name in dir(module):
        part = getattr(module, name)
        if isinstance(part, ModuleType):
            yield from _under(part)


def _index(modules: list[ModuleType]) -> str:
    """Return the list of the modules."""
    lines = ["# Reference", "", "| module | what is in it |", "|---|---|"]
    for module in modules:
        first = inspect.cleandoc(module.__doc__ or "").split("\n\n")[0]
        words = first.replace("\n", " ")
        lines.append(f"| [`{module.__name__}`]({module.__name__}.md) | {words} |")
    return "\n".join(lines) + "\n"


def _page(module: ModuleType) -> str:
    """Return the page of a module: each name, once for all that are the same."""
    lines = [f"# `{module.__name__}`", "", _prose(module), ""]
    seen: dict[int, str] = {}
    for name in dir(module):
        part = getattr(module, name)
        if isinstance(part, ModuleType):
            lines += [f"- [`{part.__name__}`]({part.__name__}.md)", ""]
        elif name != "__version__":
            first = seen.setdefault(id(part), name) if callable(part) else name
            lines += [f"## {name} {{#{name}}}", ""]
            lines += [f"The same as [{first}](#{first}).", ""]
            if first == name:
                lines[-2:] = _thing(name, part)
    return "\n".join(lines) + "\n"


def _thing(name: str, part: object) -> list[str]:
    """Return the lines on a function, a class or a constant."""
    if not callable(part) or getattr(part, "__module__", "") == "builtins":
        return [f"`{getattr(part, '__name__', repr(part))}`", ""]
    lines = ["```python", _call(name, part), "```", "", _prose(part), ""]
    return lines + (_methods(part) if inspect.isclass(part) else [])


def _methods(kind: type) -> list[str]:
    """Return the lines on the methods that no base of a class has."""
    lines = []
    for name, part in vars(kind).items():
        inherited = any(hasattr(base, name) for base in kind.__mro__[1:])
        if name.startswith("_") or inherited or not inspect.getdoc(part):
            continue
        bound = getattr(kind, name)  # of a static or class method, the function
        if isinstance(part, property | functools.cached_property):
            lines += [f"**{name}**", "", _prose(part), ""]
        elif inspect.isroutine(bound):
            call = _call(f".{name}", bound)
            lines += ["```python", call, "```", "", _prose(bound), ""]
    return lines


def _call(name: str, part: object) -> str:
    """Return how a thing is called, a parameter a line where one line is too short."""
    try:
        signature = inspect.signature(part)  # pyright: ignore[reportArgumentType]
    except ValueError:
        return f"{name}(...)"
    parameters = [
        str(p.replace(annotation=inspect.Parameter.empty))
        for p in signature.parameters.values()
        if p.name != "self"
    ]
    line = f"{name}({', '.join(parameters)})"
    if len(line) <= 88:
        return line
    return f"{name}(\n" + "".join(f"    {p},\n" for p in parameters) + ")"


def _prose(part: object) -> str:
    """Return a docstring as Markdown, its examples and formulas as they stand."""
    text = EXAMPLE.sub(_fenced, inspect.getdoc(part) or "")
    return "".join(
        piece if piece.startswith(("`", "    ", "**")) else SIGNS.sub(r"\\\1", piece)
        for piece in CODE.split(text)
    )


def _fenced(example: re.Match[str]) -> str:
    """Return an indented example between fences."""
    code = inspect.cleandoc(example[0]).rstrip()
    return f"```pycon\n{code}\n```\n"

"""Write docs/names.md: the public names of Keras, here and not, and what is added.

KERAS_BACKEND=jax python .ci/names.py
"""

import inspect
from pathlib import Path
from types import ModuleType

import absent  # a neighbour of this file
import keras

import multinet

PAGE = Path(__file__).parents[1] / "docs" / "names.md"
HEAD = """# Names of Keras

What Keras {version} has in each public namespace, and whether Multinet has it under the
same name. A name that is absent says so where a program asks for it. This page is made
by a command:

```sh
KERAS_BACKEND=jax python .ci/names.py
```

| namespace | names in Keras | here | absent |
|---|--:|--:|---|
"""
MORE = """
## More than in Keras

Names and arguments that Multinet alone has; what they are for is in the
[reference](reference/index.md).

| namespace | names |
|---|---|
"""


def page() -> str:
    """Return the page as Markdown text."""
    pairs = [*absent._namespaces(multinet, keras)]
    head = HEAD.format(version=keras.__version__)
    here = "".join(_row(*pair) for pair in pairs)
    more = "".join(_added(*pair) for pair in pairs)
    arguments = "".join(sorted({line for pair in pairs for line in _arguments(*pair)}))
    table = f"\n| function or class | arguments |\n|---|---|\n{arguments}"
    return head + here + MORE + more + table


def _row(ours: ModuleType, theirs: ModuleType) -> str:
    """Return the line on what is here of a namespace."""
    names = absent._public(theirs)
    missing = [name for name in names if not hasattr(ours, name)]
    shown = ", ".join(f"`{name}`" for name in missing)
    here = len(names) - len(missing)
    return f"| `{ours.__name__}` | {len(names)} | {here} | {shown} |\n"


def _added(ours: ModuleType, theirs: ModuleType) -> str:
    """Return the line on the names that a namespace has in Multinet alone."""
    own = [name for name in dir(ours) if not hasattr(theirs, name)]
    shown = ", ".join(f"`{name}`" for name in own)
    return f"| `{ours.__name__}` | {shown} |\n" if own else ""


def _arguments(ours: ModuleType, theirs: ModuleType) -> list[str]:
    """Return lines on the arguments that functions and classes have here alone."""
    lines = []
    for name in absent._public(theirs):
        pair = getattr(ours, name, None), getattr(theirs, name)
        if not all(map(callable, pair)):
            continue
        mine, other = map(_parameters, pair)
        own = [f"`{p}`" for p in mine or () if other and p not in other]
        if own:
            lines.append(f"| `{ours.__name__}.{name}` | {', '.join(own)} |\n")
    return lines


def _parameters(thing: object) -> list[str]:
    """Return the named parameters of a function, or of a class's constructor."""
    try:
        signature = inspect.signature(thing)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [p.name for p in signature.parameters.values() if p.kind not in kinds]


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

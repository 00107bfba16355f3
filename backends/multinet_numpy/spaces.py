"""The table of gradient rules, and the two namespaces of primitives.

`raw` computes on plain arrays, `traced` also records on the tape. The modules `rules_*`
fill the table, `primitives.py` the namespaces, by which the operators find the tape.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

Rule = Callable[..., Sequence[Any]]
RULES: dict[str, Rule] = {}
raw: Any = SimpleNamespace()
traced: Any = SimpleNamespace()

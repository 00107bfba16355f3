"""JSON that keeps tuples apart from lists."""

import json
from typing import Any


def _marked(value: Any) -> Any:
    if isinstance(value, tuple):
        return {"__tuple__": [_marked(item) for item in value]}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def _unmarked(value: dict[str, Any]) -> Any:
    return tuple(value["__tuple__"]) if set(value) == {"__tuple__"} else value


def dumps(value: Any) -> str:
    """Return the text of a value."""
    return json.dumps(_marked(value), sort_keys=True)


def loads(text: str) -> Any:
    """Return the value of a text."""
    return json.loads(text, object_hook=_unmarked)

"""What layers of many options share: their configuration, by names of attributes."""

from __future__ import annotations

from typing import Any

from multinet.configurable import as_argument


def config_of(layer: Any, *names: str) -> dict[str, Any]:
    """Return attributes as data."""
    return {name: as_argument(getattr(layer, name)) for name in names}

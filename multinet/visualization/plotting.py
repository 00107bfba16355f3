"""matplotlib, for those who have it."""

from __future__ import annotations

from types import ModuleType

from multinet.errors import BackendError


def pyplot_for(what: str) -> ModuleType:
    """Return `matplotlib.pyplot`; `BackendError` names `what` needs it."""
    try:
        from matplotlib import pyplot  # optional, and slow to import
    except ImportError as error:
        raise BackendError(
            f"{what} plotted by matplotlib, which is not installed. Install it with: "
            "pip install matplotlib."
        ) from error
    return pyplot

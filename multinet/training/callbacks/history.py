"""History and LambdaCallback."""

from __future__ import annotations

from typing import Any

from multinet.errors import ArgumentError
from multinet.training.callbacks.base import Callback
from multinet.typing import Data


class History(Callback):
    """Records the logs of each epoch: `history.history["loss"]` is a list of floats."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start anew."""
        self.history, self.epoch = {}, []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Append the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        last = ", ".join(f"{k}: {v[-1]:.4g}" for k, v in self.history.items() if v)
        return (
            f"<History of {len(self.epoch)} epochs{', at the end ' * bool(last)}{last}>"
        )

    def _repr_html_(self) -> str:
        """Return the learning curves, as notebooks show them."""
        from multinet.training.callbacks.curves import curves  # here, as few need it

        return curves(self.history, self.epoch)

    def get_state(self) -> dict[str, Data]:
        """Return what was recorded."""
        return {"epoch": self.epoch, "history": self.history}

    def set_state(self, state: dict[str, Data]) -> None:
        """Go on with what was recorded elsewhere."""
        self.epoch, self.history = state["epoch"], state["history"]


class LambdaCallback(Callback):
    """A callback made of functions, given by hook: `LambdaCallback(on_epoch_end=f)`.

    Anything whose name does not begin with `on_` is kept as an attribute.
    """

    def __init__(self, **hooks: Any) -> None:
        super().__init__()
        known = [name for name in dir(Callback) if name.startswith("on_")]
        asked = {name for name in hooks if name.startswith("on_")}
        unknown = sorted(asked - set(known))
        if unknown:
            raise ArgumentError(f"Unknown hooks {unknown}. There are: {known}.")
        for name in set(hooks) - asked:
            setattr(self, name, hooks[name])
        # A class of its own, so that CallbackList sees which hooks are overridden.
        methods = {name: staticmethod(hooks[name]) for name in asked}
        own: Any = type("LambdaCallback", (LambdaCallback,), methods)
        self.__class__ = own

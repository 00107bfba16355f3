"""CallbackList: several callbacks in the place of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet.training.callbacks.bar import ProgbarLogger
from multinet.training.callbacks.base import (
    Callback,
    Callbacks,
    listed,
    warn_of_misspelt_hooks,
)
from multinet.training.callbacks.history import History
from multinet.typing import AnyModel

# What a hook calls by default, so that a callback may override either.
_OLDER = {
    "on_train_batch_begin": "on_batch_begin",
    "on_train_batch_end": "on_batch_end",
}


class CallbackList(Callback):
    """Calls callbacks in order, and knows which hooks anyone listens to.

    `add_history` and `add_progbar` add a `History` and a `ProgbarLogger` where there
    are none. `params` are what each callback has as `params`. For loops of one's own:

    >>> calls = CallbackList([CSVLogger("log.csv")], model=model, epochs=2)
    >>> calls.on_train_begin()
    """

    def __init__(
        self,
        callbacks: Callbacks = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: AnyModel | None = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks = listed(callbacks)
        for callback in self.callbacks:
            warn_of_misspelt_hooks(type(callback))
        for wanted, kind in ((add_history, History), (add_progbar, ProgbarLogger)):
            if wanted and not any(isinstance(x, kind) for x in self.callbacks):
                self.callbacks.append(kind())
        self.set_params(params)
        if model is not None:
            self.set_model(model)

    def _listed(self) -> list[Callback]:
        return list(self.callbacks)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks += listed(callback)

    def set_model(self, model: AnyModel) -> None:
        """Set the model of each callback."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Set the parameters of each callback."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params)

    def listens(self, hook: str) -> bool:
        """Return whether a callback overrides `hook`."""
        names = [hook, _OLDER[hook]] if hook in _OLDER else [hook]
        return any(_overrides(x, name) for name in names for x in self.callbacks)

    def call(self, hook: str, *args: Any) -> None:
        """Call `hook` of each callback."""
        for callback in self.callbacks:
            getattr(callback, hook)(*args)


def _overrides(callback: Callback, hook: str) -> bool:
    own = getattr(callback, hook)
    return getattr(own, "__func__", own) is not getattr(Callback, hook)


def _calling(hook: str) -> Callable[..., None]:
    """Return a hook of the list, which calls that of each callback."""

    def every(self: CallbackList, *args: Any, **kwargs: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*args, **kwargs)

    every.__name__, every.__doc__ = hook, getattr(Callback, hook).__doc__
    return every


for _hook in [name for name in dir(Callback) if name.startswith("on_")]:
    setattr(CallbackList, _hook, _calling(_hook))

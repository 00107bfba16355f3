"""Config: named values of a program, which can be frozen."""

from __future__ import annotations

import difflib
import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from multinet.errors import ArgumentError


class Config:
    """Named values, as attributes and as items; `freeze` refuses further changes.

    >>> config = Config(learning_rate=0.1)
    >>> config.seed = 1
    >>> config["learning_rate"]
    0.1
    """

    _config: dict[str, object]
    _frozen: bool

    def __init__(self, **kwargs: object) -> None:
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, object]:
        """Return the values by name, in a new dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """Return the values as JSON; `TypeError` for what JSON has no form for."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._config.keys()

    def values(self) -> ValuesView[object]:
        """Return the values."""
        return self._config.values()

    def items(self) -> ItemsView[str, object]:
        """Return the names and values."""
        return self._config.items()

    def get(self, keyname: str, value: object = None) -> object:
        """Return the value of a name, or `value` if there is none."""
        return self._config.get(keyname, value)

    def pop(self, *args: object) -> object:
        """Take out a name and return its value: `pop(name)` or `pop(name, default)`."""
        return self._open().pop(*args)  # type: ignore[call-overload]

    def update(self, *args: Mapping[str, object], **kwargs: object) -> None:
        """Set values, as `dict.update` does."""
        self._open().update(*args, **kwargs)

    def _open(self) -> dict[str, Any]:
        if self._frozen:
            raise ArgumentError(
                "The config is frozen. Call unfreeze() before you change it."
            )
        return self._config

    def __getattr__(self, name: str) -> object:
        """Return the value of a name."""
        values = self.__dict__.get("_config", {})
        if name in values:
            return values[name]
        near = difflib.get_close_matches(name, values, n=1, cutoff=0.7)
        hint = f". Did you mean: {near[0]!r}?" if near else ""
        raise AttributeError(f"The config has no {name!r}{hint}")

    def __setattr__(self, name: str, value: object) -> None:
        """Set the value of a name."""
        if hasattr(type(self), name) or name in self.__dict__:
            raise ArgumentError(
                f"Expected a name other than {name!r}, which the config itself has. "
                f"Set config[{name!r}] instead."
            )
        self._open()[name] = value

    def __getitem__(self, key: str) -> object:
        """Return the value of a name."""
        return self._config[key]

    def __setitem__(self, key: str, item: object) -> None:
        """Set the value of a name."""
        self._open()[key] = item

    def __delitem__(self, key: str) -> None:
        """Take out a name."""
        del self._open()[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of the alphabet."""
        return iter(sorted(self._config))

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(self._config)

    def __contains__(self, item: str) -> bool:
        """Return whether a name has a value."""
        return item in self._config

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy holds."""
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what another held."""
        self.__dict__.update(state)

    def __repr__(self) -> str:
        """Show the names and values."""
        return f"<Config {self._config}>"

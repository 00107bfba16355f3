"""Layers as data: their configuration, and the shapes that they were built for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from multinet import dtype_policies
from multinet.configurable import (
    Configurable,
    arguments,
    parameters,
    revived,
    signature,
)
from multinet.typing import Config

_STANDARD = ("name", "trainable", "dtype")  # what each configuration begins with
# Not written, as in Keras: a class decides whether its inputs are cast.
_ONLY_IF_GIVEN = ("activity_regularizer", "lora_rank", "lora_alpha")
_LEFT_OUT = (("autocast", True), ("autocast", False))


class Configured(Configurable):
    """The part of a layer that turns it into data, and builds it again."""

    name: str
    trainable: Any
    dtype_policy: Any
    build: Callable[..., None]
    _input_shape_hint: tuple[Any, ...] | None

    def get_config(self) -> Config:
        """Return what `from_config` needs: the arguments of the constructor."""
        standard = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        config = {k: v for k, v in standard.items() if k not in self._unwritten}
        if self._input_shape_hint is not None:
            config["input_shape"] = self._input_shape_hint
        own = signature(type(self))
        for name, value in arguments(self, Configured).items():
            usual = (name, value) in _LEFT_OUT and name not in own
            usual = usual or (name in _ONLY_IF_GIVEN and value is None)
            if name not in standard and not usual:
                config[name] = value
        return config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer of this configuration, with fresh weights.

        The name and `trainable` are set where the constructor does not take them.
        """
        given, takes = revived(cls, config), parameters(cls)
        later = {n: given.pop(n) for n in _STANDARD if n in given and n not in takes}
        layer = cls(**given)
        for name, value in later.items():
            name = "dtype_policy" if name == "dtype" else name
            if value != getattr(layer, name):
                setattr(layer, name, value)
        return layer

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes that the layer was built for, None if it has no `build`."""
        shapes = vars(self).get("_build_shapes")
        if shapes is None or len(shapes) > 1:
            return None if shapes is None else {"shapes_dict": dict(shapes)}
        return {"input_shape": next(iter(shapes.values()), None)}

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build for the shapes of `get_build_config`."""
        shapes = config.get("shapes_dict", {})
        if config.get("input_shape") is not None:
            self.build(_as_shapes(config["input_shape"]))
        elif shapes:
            self.build(**{name: _as_shapes(shape) for name, shape in shapes.items()})


def _as_shapes(shapes: Any) -> Any:
    """Return shapes, or trees of them, with tuples where JSON made lists."""
    if isinstance(shapes, Mapping):
        return {name: _as_shapes(shape) for name, shape in shapes.items()}
    if isinstance(shapes, list | tuple):
        return tuple([_as_shapes(shape) for shape in shapes])
    return shapes

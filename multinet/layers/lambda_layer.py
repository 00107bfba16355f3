"""Lambda: a function as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import Any, Self

import optree

from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.signatures import is_shape
from multinet.objects import custom_object_scope, registration
from multinet.objects.serialization import from_data, to_data
from multinet.typing import Config, Shapes, Tensors


class Lambda(Layer):
    """Apply a `function`: call(inputs) -> function(inputs, **`arguments`).

    The function gets `mask` and `training` too if it takes them. `output_shape` is the
    shape of a sample, or a function of the input shape; without it the function is run
    on shapes. `mask` is that of the output, or a function of inputs and their mask.

    A function is saved under its name. A lambda has none, and code is neither written
    nor read: of a model with lambdas a file has all but them. It is loaded with
    `custom_objects={"name of the layer": function}`.

    >>> layers.Lambda(lambda x: ops.square(x))(np.array([2.0, 3.0]))
    array([4., 9.], dtype=float32)
    """

    _unwritten = frozenset({"function", "output_shape", "mask", "arguments"})

    def __init__(
        self,
        function: Callable[..., Tensors],
        output_shape: Sequence[Any] | Callable[[Shapes], Shapes] | None = None,
        mask: Tensors | Callable[..., Tensors] | None = None,
        arguments: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        if not callable(function):
            raise ArgumentError(f"Lambda expects a function, got {function!r}.")
        super().__init__(**options)
        self.function, self.output_shape, self.mask = function, output_shape, mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        self._handed = [n for n in ("mask", "training") if n in _parameters(function)]

    def call(
        self,
        inputs: Tensors,
        mask: Tensors | None = None,
        training: bool | None = None,
    ) -> Tensors:
        """Return function(inputs, **arguments)."""
        known = {"mask": mask, "training": training}
        handed = {name: known[name] for name in self._handed}
        return self.function(inputs, **self.arguments, **handed)

    def compute_mask(
        self, inputs: Tensors, mask: Tensors | None = None
    ) -> Tensors | None:
        """Return `mask`, or what it makes of the inputs and their mask."""
        given = self.mask
        return given(inputs, mask) if callable(given) else given

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return what `output_shape` says, or what the function makes of shapes."""
        given = self.output_shape
        if given is None:
            return super().compute_output_shape(input_shape)
        if callable(given):
            return given(input_shape)
        first = optree.tree_leaves(input_shape, none_is_leaf=True)[0]  # type: ignore[arg-type]
        return optree.tree_map(lambda s: (first, *s), given, is_leaf=is_shape)  # type: ignore[arg-type]

    # -- as data -----------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return what `from_config` needs: functions by their names.

        A lambda stays in the configuration as long as that is in this process.
        """
        own = {
            "function": self._described(self.function),
            "output_shape": self._described(self.output_shape),
            "mask": self._described(self.mask),
            "arguments": to_data(self.arguments),
        }
        return super().get_config() | {k: v for k, v in own.items() if v is not None}

    def _described(self, value: Any) -> Any:
        if isinstance(value, FunctionType) and value.__name__ == "<lambda>":
            return _Body(value, self.name)
        return to_data(value)

    @classmethod
    def from_config(
        cls,
        config: Config,
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """Return a layer of this configuration.

        A lambda of a file is looked up by the name of the layer, among
        `custom_objects`; code is not run with `safe_mode=False` either.
        """
        given, name = dict(config), config.get("name", "lambda")
        with custom_object_scope(custom_objects):
            for part in ("function", "output_shape", "mask"):
                if part in given:
                    given[part] = _revived(given[part], part, name)
            given["arguments"] = from_data(given.get("arguments", {}))
            return super().from_config(given)


class _Body(dict[str, Any]):
    """The place of a lambda in a configuration; the function itself is beside it."""

    def __init__(self, function: FunctionType, layer: str) -> None:
        note = f"The lambda of {layer!r} is code, which Multinet does not write."
        inner = {"code": note, "defaults": None, "closure": None}
        super().__init__(class_name="__lambda__", config=inner)
        self.function = function


def _revived(data: Any, part: str, layer: str) -> Any:
    if isinstance(data, _Body):
        return data.function
    if isinstance(data, Mapping) and data.get("class_name") == "__lambda__":
        found = registration.find(layer)
        if part == "function" and found is not None:
            return found
        raise ArgumentError(
            f"The {part} of the Lambda layer {layer!r} is a lambda, which is code: it "
            "is neither written to a file nor read from one. Give the function by "
            f"custom_objects={{{layer!r}: function}}, or define it with def, register "
            "it, and save the model anew."
        )
    value = from_data(data)
    return tuple(value) if isinstance(value, list) and is_shape(value) else value


def _parameters(function: Callable[..., Any]) -> Iterable[str]:
    """Return the names of what a function takes, none of one in C that tells none."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return ()

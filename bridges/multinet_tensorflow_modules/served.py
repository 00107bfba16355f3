"""Endpoints of a SavedModel as functions of inputs and of its variables' values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from multinet.errors import ArgumentError
from multinet.typing import Tensor, Tensors


class Endpoint:
    """A function of a SavedModel, and the variables that it may use.

    The variables are where the function finds values, and no more: each run puts in
    the values that it was given, and derivatives are with respect to those.
    """

    def __init__(
        self, function: Callable[..., Any], variables: Sequence[Any], opened: Any
    ) -> None:
        self.function, self.variables = function, list(variables)
        self.opened = opened  # which keeps the variables alive
        signature = getattr(function, "structured_input_signature", ((), {}))
        self.names = list(signature[1]) if not signature[0] else []

    def run(
        self, values: Sequence[Tensor], inputs: Tensors
    ) -> tuple[Tensors, list[tuple[int, Tensor]]]:
        """Return the outputs, and the new values of variables that are not trained."""
        count, structure = len(values), []

        @tf.custom_gradient
        def compute(*given: Any) -> Any:
            outputs, written = self._with(given[:count], given[count:], inputs)
            structure[:] = [outputs]
            flat = tf.nest.flatten(outputs)

            def gradient(*upstream: Any, variables: Any = ()) -> Any:
                found = self._gradient(
                    given[:count], given[count:], inputs, upstream[: len(flat)]
                )
                return found, [None for _ in variables]

            return [*flat, *written], gradient

        results = compute(*values, *tf.nest.flatten(inputs))
        kept = [i for i, v in enumerate(self.variables) if not v.trainable]
        number = len(results) - len(kept)
        outputs = tf.nest.pack_sequence_as(structure[0], results[:number])
        return outputs, list(zip(kept, results[number:]))

    def _with(
        self, values: Sequence[Any], leaves: Sequence[Any], inputs: Tensors
    ) -> tuple[Any, list[Any]]:
        """Return the outputs with these values, and what is kept of what it wrote."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
        outputs = self._called(tf.nest.pack_sequence_as(inputs, leaves))
        return outputs, [v.read_value() for v in self.variables if not v.trainable]

    def _called(self, inputs: Any) -> Any:
        if not self.names:
            return self.function(inputs)
        if isinstance(inputs, Mapping):
            return self.function(**inputs)
        if len(self.names) > 1:
            raise ArgumentError(
                f"This endpoint takes several inputs: a dict with {self.names}."
            )
        return self.function(**{self.names[0]: inputs})

    def _gradient(
        self,
        values: Sequence[Any],
        leaves: Sequence[Any],
        inputs: Tensors,
        upstream: Sequence[Any],
    ) -> list[Any]:
        """Return the gradients for the values and the inputs, None of integers."""
        with tf.GradientTape() as tape:
            for leaf in leaves:
                if leaf.dtype.is_floating:
                    tape.watch(leaf)
            outputs, _ = self._with(values, leaves, inputs)
            flat = tf.nest.flatten(outputs)
        return tape.gradient(flat, [*self.variables, *leaves], list(upstream))


def endpoints(filepath: str, names: Sequence[str]) -> list[Endpoint]:
    """Open a SavedModel; return its endpoints of these names."""
    opened = tf.saved_model.load(filepath)
    found = [_named(opened, filepath, name) for name in names]
    used = {id(v): v for function in found for v in _variables(function)}
    return [Endpoint(function, list(used.values()), opened) for function in found]


def _named(opened: Any, filepath: str, name: str) -> Any:
    function = getattr(opened, name, None)
    if callable(function):
        return function
    if name in opened.signatures:
        return opened.signatures[name]
    functions = [n for n in dir(opened) if hasattr(getattr(opened, n), "function_spec")]
    raise ArgumentError(
        f"The SavedModel {filepath!r} has no endpoint {name!r}. It has "
        f"{sorted({*functions, *opened.signatures})}."
    )


def _variables(function: Any) -> list[Any]:
    """Return the variables that a function or one of its traces uses."""
    traces = getattr(function, "concrete_functions", None) or [function]
    return [variable for trace in traces for variable in trace.variables]

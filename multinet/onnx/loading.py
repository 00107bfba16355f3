"""An ONNX file as a functional model, one layer a node."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from multinet import dtypes
from multinet.errors import FileError, NotWritten
from multinet.layers import Input
from multinet.models import Model
from multinet.onnx.bodies import Body, Call, Step, free, read
from multinet.onnx.host import on_host
from multinet.onnx.operator import Operator, unknown
from multinet.onnx.operators import TABLE
from multinet.onnx.reading import Declared, File, read_file
from multinet.onnx.values import (
    Sizes,
    array_data,
    formula,
    is_host,
    narrow,
)
from multinet.symbolic.dims import Dim, same, unknowns
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Host

#: Elements up to which a constant is in the configuration of its layer.
_SMALL = 64
#: The inputs that are moments, which no gradient trains.
_MOMENTS = {"BatchNormalization": (3, 4)}
#: Gates of the recurrences whose two biases are only ever added.
_SUMMED = {"LSTM": 4, "GRU": 3, "RNN": 1}


@shortening
def load(filepath: str | os.PathLike[str]) -> AnyModel:
    """Return the functional model that an ONNX file is, one layer a node.

    It computes, is trained, saved, frozen and exported as any other. Inputs and outputs
    have the names of the file, "/" as ".", and unknown sizes stay unknown. Integers of
    64 bits are of 32 here, as all data is.

    The weights are the float initializers of one axis or more; moments of
    BatchNormalization stay, and so do constants. An initializer that several nodes
    read is one weight, held by an Identity. The biases of input and state of a
    recurrence that only adds them are one, their sum.

    `NotWritten` names an operator that is not read, `FileError` tells of a damaged file
    or one that reaches out of its folder. Reading a file runs nothing of it.

    >>> model = multinet.onnx.load("model.onnx")
    """
    return _Loader(read_file(filepath)).model()


class _Weight(NamedTuple):
    """An initializer that becomes a Variable."""

    name: str
    trainable: bool


class _Loader:
    """The tensors of a file by name: symbolic ones, arrays, sizes, or weights."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.arrays = dict(file.initializers)
        self.values: dict[str, Any] = dict(file.constants)
        self.taken: set[str] = set()
        self.places: dict[Dim, tuple[KerasTensor, int]] = {}
        self.owners: dict[str, KerasTensor] = {}
        self.read = Counter(n for step in file.steps for n in set(read(step)))
        moments = {
            name
            for step in file.steps
            for place in _MOMENTS.get(step.operator, ())
            for name in step.inputs[place : place + 1]
        }
        for name, array in self.arrays.items():
            trained = name not in moments and self._is_trained(name, array)
            held = trained or name in moments
            self.values[name] = _Weight(name, trained) if held else array

    def _is_trained(self, name: str, array: Host) -> bool:
        if not dtypes.is_float(dtypes.standardize(array.dtype)):
            return False
        if self.file.trained is not None:
            return name in self.file.trained
        return array.ndim > 0 and bool(np.isfinite(array.astype("float32")).all())

    def model(self) -> AnyModel:
        """Return the model."""
        file = self.file
        self._refuse_unknown(file.steps)
        inputs = [self._input(x) for x in file.inputs]
        if not inputs:
            raise NotWritten(f"{file.name} has no inputs, so it is no model.")
        self.anchor = inputs[0]
        wanted = {*self.read, *file.outputs}
        for step, name in zip(file.steps, file.names, strict=True):
            while step.outputs and step.outputs[-1] not in wanted:
                step = step._replace(outputs=step.outputs[:-1])
            if step.outputs:
                self._enter(step, name)
        outputs = [self._output(name) for name in file.outputs]
        name = _plain(file.name) or "onnx_model"
        ends: list[Any] = [x[0] if len(x) == 1 else x for x in (inputs, outputs)]
        return Model(*ends, name=name)

    def _refuse_unknown(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.operator not in {*TABLE.tensors, *TABLE.mixed, "Shape", "Size"}:
                raise NotWritten(unknown(step.operator))
            for value in step.attributes.values():
                if isinstance(value, dict) and "steps" in value:
                    self._refuse_unknown(Body.of(value).steps)

    def _input(self, given: Declared) -> KerasTensor:
        name = self._unused(_plain(given.name))
        dtype = narrow(given.dtype)
        tensor = Input(batch_shape=given.shape, dtype=dtype, name=name)
        self._bind(given.name, tensor)
        return tensor

    def _bind(self, name: str, tensor: KerasTensor) -> None:
        self.values[name] = tensor
        for axis, size in enumerate(tensor.array.shape):
            if isinstance(size, Dim) and unknowns(size) == [size]:
                self.places.setdefault(size, (tensor, axis))

    def _unused(self, name: str) -> str:
        found, count = name, 0
        while found in self.taken:
            count += 1
            found = f"{name}_{count}"
        self.taken.add(found)
        return found

    def _value(self, name: str) -> Any:
        if name not in self.values:
            raise FileError(
                f"A node of {self.file.name} reads {name!r}, which no node before it "
                "gives."
            )
        return self.values[name]

    # -- nodes -------------------------------------------------------------------------

    def _enter(self, step: Step, name: str) -> None:
        """Compute a node here, if shapes say what it gives, or make it a layer."""
        inputs = [self._value(n) if n else None for n in step.inputs]
        call = Call(step, name, self.file.version, TABLE, {})
        if step.operator in ("Shape", "Size") and isinstance(inputs[0], _Weight):
            inputs = [self.arrays[inputs[0].name]]
        if not any(isinstance(x, _Weight) for x in inputs):
            found = on_host(call, inputs)
            if found is not None:
                self.values.update(zip(step.outputs, found))
                return
        self._layer(step, name, inputs)

    def _layer(self, step: Step, name: str, inputs: list[Any]) -> None:
        slots = _Slots(self)
        merged = self._summed(step, inputs)
        for place in _MOMENTS.get(step.operator, ()):
            if isinstance(inputs[place], np.ndarray):  # not from an initializer
                self.arrays[step.inputs[place]] = inputs[place]
                inputs[place] = _Weight(step.inputs[place], False)
        given = [None if x is None else slots.add(x) for x in inputs]
        around = {n: slots.add(self._value(n)) for n in _around(step)}
        if not slots.tensors:
            slots.tensors.append(self.anchor)
        layer = Operator(
            step.operator,
            step.attributes,
            given,
            step.outputs,
            slots.holds,
            around,
            self.file.version,
            dtype=slots.dtype(),
            name=self._unused(self._name(step, name)),
        )
        one = slots.tensors[0] if len(slots.tensors) == 1 else slots.tensors
        results = layer(one)
        for key, array in slots.arrays.items():
            layer.held[key].assign(array)
        self.arrays.update(merged)
        outputs = results if isinstance(results, list | tuple) else [results]
        for output, tensor in zip(step.outputs, outputs, strict=True):
            self._bind(output, tensor)

    def _name(self, step: Step, name: str) -> str:
        """Return the name of a layer: that of the output it makes, or of its node."""
        own = [n for n in step.outputs if n in self.file.outputs]
        if len(step.outputs) == 1 and own:
            name = own[0]
        return _plain(name) or step.operator.lower()

    def _summed(self, step: Step, inputs: list[Any]) -> dict[str, Host]:
        """Let the two biases of a recurrence be one where they are only added."""
        gates = _SUMMED.get(step.operator)
        after = step.attributes.get("linear_before_reset", 0)
        bias = inputs[3] if len(inputs) > 3 else None
        if gates is None or after or not isinstance(bias, _Weight):
            return {}
        array = self.arrays[bias.name]
        if self.read[bias.name] > 1 or array.shape[1] == gates * _size(step):
            return {}
        kept = array
        self.arrays[bias.name] = np.add(*np.split(array, 2, axis=1))
        return {bias.name: kept}

    def _output(self, name: str) -> KerasTensor:
        value = self._value(name)
        made = isinstance(value, KerasTensor) and value is not self.anchor
        if made and name not in {x.name for x in self.file.inputs}:
            return value
        self._layer(Step("Identity", {}, [name], [f"{name}:out"]), name, [value])
        return self.values[f"{name}:out"]

    def owner(self, weight: _Weight) -> KerasTensor:
        """Return a weight that several nodes read as the result of its only owner."""
        if weight.name not in self.owners:
            self.read[weight.name] = 1
            step = Step("Identity", {}, [weight.name], [f"{weight.name}:held"])
            self._layer(step, weight.name, [weight])
            self.owners[weight.name] = self.values[f"{weight.name}:held"]
        return self.owners[weight.name]


class _Slots:
    """What the inputs of a node are to its layer."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.tensors: list[KerasTensor] = []
        self.holds: dict[str, Any] = {}
        self.arrays: dict[str, Host] = {}

    def add(self, value: Any) -> dict[str, Any]:
        """Return how the layer finds a value in what it is given and holds."""
        if isinstance(value, _Weight):
            if self.loader.read[value.name] > 1 or value.name in self.loader.owners:
                return {"tensor": self._place(self.loader.owner(value))}
            array = self.loader.arrays[value.name]
            return self._held(_plain(value.name), array, value.trainable)
        if isinstance(value, Sizes):
            formulas = [formula(n, self._size) for n in value.array.flat]
            shape = list(value.array.shape)
            return {
                "sizes": {"formulas": formulas, "shape": shape, "dtype": value.dtype}
            }
        if not is_host(value):
            return {"tensor": self._place(value)}
        if value.size <= _SMALL or value.dtype == bool and value.size <= 8 * _SMALL:
            return {"value": array_data(value)}
        return self._held(f"constant_{len(self.holds)}", value, False)

    def _held(self, name: str, array: Host, trainable: bool) -> dict[str, Any]:
        if name not in self.holds:
            self.holds[name] = {
                "shape": list(array.shape),
                "dtype": narrow(array.dtype),
                "trainable": trainable,
            }
            self.arrays[name] = array
        return {"weight": name}

    def _place(self, tensor: KerasTensor) -> int:
        for i, known in enumerate(self.tensors):
            if known is tensor:
                return i
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def _size(self, size: Dim) -> tuple[int, int]:
        """Return the tensor and the axis that have an unknown size."""
        for i, tensor in enumerate(self.tensors):
            for axis, n in enumerate(tensor.array.shape):
                if same(n, size):
                    return i, axis
        tensor, axis = self.loader.places[size]
        return self._place(tensor), axis

    def dtype(self) -> str:
        """Return the dtype of the first float, which the layer says it has."""
        kinds = [x.dtype for x in self.tensors]
        kinds += [given["dtype"] for given in self.holds.values()]
        return next((k for k in kinds if dtypes.is_float(k)), dtypes.floatx())


def _around(step: Step) -> list[str]:
    """Return the names that the graphs inside of a node take from around it."""
    found: dict[str, None] = {}
    for value in step.attributes.values():
        if isinstance(value, dict) and "steps" in value:
            found |= dict.fromkeys(free(Body.of(value)))
    return list(found)


def _size(step: Step) -> int:
    return int(step.attributes["hidden_size"])


def _plain(name: str) -> str:
    """Return a name as layers and weights may have it."""
    return name.strip("/").replace("/", ".")

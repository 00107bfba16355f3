"""One node of an ONNX file as a layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multinet import random
from multinet.errors import NotWritten
from multinet.layers.arguments import generator_of
from multinet.layers.base import Layer
from multinet.onnx.bodies import Call, Step, compute
from multinet.onnx.operators import TABLE
from multinet.onnx.values import array_from, settled, sizes_of, solved, tensor
from multinet.typing import Data, PolicyLike, Tensors
from multinet.variables import Variable


class Operator(Layer):
    """An operator of ONNX with its attributes and weights; `onnx.load` makes them.

    `inputs` says for each input of the node what it is: {"tensor": i}, the i-th of
    those that the layer is called on, {"weight": name}, {"value": array}, {"sizes":
    formulas of the sizes of these tensors}, or None for one that is left out. `outputs`
    are the names of those that are read, `holds` the shape, the dtype and `trainable`
    of each weight. A graph inside, such as a loop's, takes what it reads from around it
    by the names of `around`. `version` is the opset.

    In training, BatchNormalization normalizes by the batch and moves its moments, and
    Dropout drops.
    """

    def __init__(
        self,
        operator: str,
        attributes: Mapping[str, Data] | None = None,
        inputs: Sequence[Data] = (),
        outputs: Sequence[str] = ("output",),
        holds: Mapping[str, Data] | None = None,
        around: Mapping[str, Data] | None = None,
        version: int = 18,
        *,
        trainable: bool = True,
        dtype: PolicyLike | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable, autocast=False)
        if operator not in TABLE.tensors and operator not in TABLE.mixed:
            raise NotWritten(unknown(operator))
        self.operator, self.version = operator, version
        self.attributes, self.holds = dict(attributes or {}), dict(holds or {})
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.around = dict(around or {})
        self.generator = generator_of(None) if operator == "Dropout" else None
        self.held: dict[str, Variable] = {}
        for key, given in self.holds.items():
            self.held[key] = self.add_weight(
                tuple(given["shape"]),
                "zeros",
                given["dtype"],
                trainable=given["trainable"],
                autocast=False,
                name=key,
            )

    def call(self, inputs: Tensors, training: bool | None = None) -> Tensors:
        """Return what the operator gives for a tensor, or a list of them."""
        tensors = inputs if isinstance(inputs, list | tuple) else [inputs]
        step = Step(self.operator, self.attributes, [], self.outputs)
        scope = {name: self._value(x, tensors) for name, x in self.around.items()}
        call = Call(step, self.name, self.version, TABLE, scope, self, bool(training))
        given = [self._value(x, tensors) for x in self.inputs]
        results = [tensor(x) for x in compute(call, given)[: len(self.outputs)]]
        return results[0] if len(results) == 1 else results

    def _value(self, given: Any, tensors: Sequence[Any]) -> Any:
        if given is None:
            return None
        ((kind, what),) = given.items()
        if kind == "tensor":
            return tensors[what]
        if kind == "weight":
            return self.held[what]
        if kind == "value":
            return array_from(what)
        shapes = [sizes_of(x) for x in tensors]
        found = [solved(size, shapes) for size in what["formulas"]]
        array = settled(found, what["dtype"])
        shape = tuple(what["shape"])
        if isinstance(array, tuple):
            return array._replace(array=array.array.reshape(shape))
        return array.reshape(shape)

    def dropped(self, x: Tensors, rate: float) -> Tensors:
        """Return a tensor of which dropout left some, for nodes that drop."""
        return random.dropout(x, rate, seed=self.generator)


def unknown(operator: str) -> str:
    """Return what is said of an operator that is not read."""
    known = {*TABLE.tensors, *TABLE.mixed}
    near = [name for name in sorted(known) if name.lower() == operator.lower()]
    hint = f" Is {near[0]} meant?" if near else ""
    return (
        f"The operator {operator!r} of ONNX is not read.{hint} Export the model with "
        "operators that are, or cut the file before it by onnx.utils.extract_model."
    )

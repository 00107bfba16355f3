"""Calls of operators, and graphs inside of them, as data that is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from multinet import dtypes
from multinet.errors import NotWritten
from multinet.onnx.host import on_host
from multinet.onnx.values import array_from, tensor
from multinet.typing import Data, Host, Made


class Table(NamedTuple):
    """What computes operators: of tensors, and of values of which some are known."""

    tensors: Mapping[str, Made]
    mixed: Mapping[str, Made]


class Step(NamedTuple):
    """One node of a graph: names of its inputs and outputs, "" for none."""

    operator: str
    attributes: dict[str, Any]
    inputs: list[str]
    outputs: list[str]


class Body(NamedTuple):
    """A graph inside of an operator; it sees names of those around, too."""

    inputs: list[str]
    outputs: list[str]
    steps: list[Step]

    @classmethod
    def of(cls, data: Data) -> Body:
        """Return the body of its data."""
        steps = [Step(**step) for step in data["steps"]]
        return cls(list(data["inputs"]), list(data["outputs"]), steps)

    def giving(self, outputs: Sequence[str]) -> Body:
        """Return the body with other outputs, and the steps that these need."""
        needed, kept = set(outputs), []
        for step in reversed(self.steps):
            if needed & set(step.outputs):
                kept.append(step)
                needed |= set(read(step))
        return Body(self.inputs, list(outputs), kept[::-1])


def read(step: Step) -> list[str]:
    """Return the names that a step reads, those of the graphs inside too."""
    found = [name for name in step.inputs if name]
    for value in step.attributes.values():
        if isinstance(value, Mapping) and "steps" in value:
            found += free(Body.of(value))
    return found


def free(body: Body) -> list[str]:
    """Return the names that a body takes from around it, each once."""
    made, found = set(body.inputs), {}
    for step in body.steps:
        found |= dict.fromkeys(name for name in read(step) if name not in made)
        made |= set(step.outputs)
    found |= dict.fromkeys(name for name in body.outputs if name not in made)
    return list(found)


class Call:
    """An operator that is being computed: what its node says, and what is around."""

    def __init__(
        self,
        step: Step,
        name: str,
        version: int,
        table: Table,
        scope: Mapping[str, Any],
        owner: Made = None,
        training: bool = False,
    ) -> None:
        self.operator, self.attributes = step.operator, step.attributes
        self.outputs = len(step.outputs)
        self.name, self.version = name, version
        self.table, self.scope = table, scope
        self.owner, self.training = owner, training

    @property
    def trainable(self) -> bool:
        """Whether the layer is not frozen."""
        return self.owner is not None and self.owner.trainable

    def get(self, name: str, default: Made = None) -> Made:
        """Return an attribute of the node."""
        return self.attributes.get(name, default)

    def dtype(self, name: str) -> str:
        """Return an attribute that is a dtype."""
        return dtypes.standardize(self.attributes[name])

    def array(self, name: str, default: Host) -> Host:
        """Return an attribute that is an array."""
        data = self.attributes.get(name)
        return default if data is None else array_from(data)

    def body(self, name: str) -> Body:
        """Return an attribute that is a graph."""
        return Body.of(self.attributes[name])

    def alone(self, count: int) -> None:
        """Refuse a node of which somebody reads more than the first outputs."""
        if self.outputs > count:
            raise self.refused(f"more than {count} output")

    def refused(self, what: str) -> NotWritten:
        """Return the error that the node has something that is not read."""
        return NotWritten(f"The {self.operator} {self.name!r} has {what}, not read.")

    def inner(self, step: Step, scope: Mapping[str, Any]) -> Call:
        """Return the call of a step of a graph inside."""
        name, known = f"{self.name}/{step.outputs[0]}", (self.version, self.table)
        return Call(step, name, *known, scope, self.owner, self.training)


def compute(call: Call, inputs: Sequence[Any]) -> list[Any]:
    """Return what an operator gives, on the host where that needs no data."""
    found = on_host(call, inputs)
    if found is not None:
        return found
    function = call.table.tensors.get(call.operator)
    if function is not None:
        inputs = [None if x is None else tensor(x) for x in inputs]
    else:
        function = call.table.mixed[call.operator]
    results = function(call, *inputs)
    return list(results) if isinstance(results, list | tuple) else [results]


def run(call: Call, body: Body, given: Mapping[str, Any]) -> list[Any]:
    """Return the outputs of a graph inside of an operator."""
    values = {**call.scope, **given}
    for step in body.steps:
        inputs = [values[name] if name else None for name in step.inputs]
        values.update(zip(step.outputs, compute(call.inner(step, values), inputs)))
    return [values[name] for name in body.outputs]


def known_values(call: Call, body: Body, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a graph makes of values and shapes that are known beforehand."""
    values = {**call.scope, **given}
    for step in body.steps:
        if all(not name or name in values for name in step.inputs):
            inputs = [values[name] if name else None for name in step.inputs]
            found = on_host(call.inner(step, values), inputs)
            if found is not None:
                values.update(zip(step.outputs, found))
    return {
        name: x for name, x in values.items() if name in given or name not in call.scope
    }


def same_as(body: Body, name: str) -> str:
    """Return the name of what a graph passes on under another one."""
    for step in reversed(body.steps):
        if step.operator == "Identity" and step.outputs[0] == name:
            name = step.inputs[0]
    return name

"""An ONNX file as plain data: its nodes, and its constants as arrays.

A file is data only: reading runs nothing of it, and reads no file that is not in the
folder of the model.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from multinet import dtypes
from multinet.errors import FileError, NoFile, NotWritten
from multinet.onnx.bodies import Step
from multinet.onnx.library import TRAINED, library
from multinet.onnx.values import array_data
from multinet.typing import Host, Made, Shape

#: Opsets before this one are rewritten by the package onnx first.
_OLD = 13


class Declared(NamedTuple):
    """An input of a file."""

    name: str
    shape: Shape
    dtype: str


class File(NamedTuple):
    """A graph as data: names of tensors are unique, also those of the graphs inside."""

    name: str
    version: int
    inputs: list[Declared]
    outputs: list[str]
    steps: list[Step]
    names: list[str]  # of the nodes
    constants: dict[str, Host]  # what nodes hold
    initializers: dict[str, Host]
    trained: set[str] | None  # those of the initializers; None if the file says nothing


def read_file(path: str | os.PathLike[str]) -> File:
    """Return what a file says; `FileError` if it is damaged or reaches elsewhere."""
    onnx, place = library(), Path(path)
    if not place.is_file():
        raise NoFile(f"There is no file {os.fspath(path)!r}.")
    try:
        model = onnx.load(str(place), load_external_data=False)
    except Exception as error:  # of protobuf, whose classes vary
        raise FileError(f"{place.name} is no ONNX file, or damaged: {error}") from error
    if not model.HasField("graph"):
        raise FileError(f"{place.name} has no graph.")
    if model.functions:
        from onnx.inliner import inline_local_functions  # part of onnx, optional

        model = inline_local_functions(model)
    version = _version(model, place.name)
    if version < _OLD:
        from onnx.version_converter import convert_version  # part of onnx, optional

        model, version = convert_version(model, 18), 18
    return _Reader(onnx, place, model).file(version)


def _version(model: Any, name: str) -> int:
    versions = {x.domain: x.version for x in model.opset_import}
    found = versions.get("", versions.get("ai.onnx"))
    if found is None:
        raise FileError(f"{name} names no opset of ONNX.")
    return found


class _Reader:
    def __init__(self, onnx: Any, path: Path, model: Any) -> None:
        self.onnx, self.path, self.model = onnx, path, model
        self.constants: dict[str, Host] = {}
        self.initializers: dict[str, Host] = {}

    def file(self, version: int) -> File:
        graph = self.model.graph
        told = {x.key: x.value for x in self.model.metadata_props}
        trained = told.get(TRAINED)
        steps, names = self._steps(graph)
        declared = [x for x in graph.input if x.name not in self.initializers]
        return File(
            graph.name,
            version,
            [self._declared(x) for x in declared],
            [x.name for x in graph.output],
            steps,
            names,
            self.constants,
            self.initializers,
            None if trained is None else set(trained.split("\n")),
        )

    def _declared(self, value: Any) -> Declared:
        kind = value.type.tensor_type
        if not value.type.HasField("tensor_type") or not kind.HasField("shape"):
            raise NotWritten(
                f"The input {value.name!r} is no tensor of a known rank, not read."
            )
        if not kind.shape.dim:
            raise NotWritten(
                f"The input {value.name!r} is a number, and inputs of a model have a "
                "first axis, of the samples."
            )
        sizes = [
            d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None
            for d in kind.shape.dim
        ]
        return Declared(value.name, tuple(sizes), self._dtype(kind.elem_type))

    def _dtype(self, number: int) -> str:
        name = self.onnx.TensorProto.DataType.Name(number).lower()
        names = {"float": "float32", "double": "float64"}
        try:
            return dtypes.standardize(names.get(name, name))
        except (ValueError, TypeError) as error:
            raise NotWritten(f"The dtype {name} of ONNX is not read.") from error

    def _steps(self, graph: Any) -> tuple[list[Step], list[str]]:
        for x in graph.initializer:
            self.initializers[x.name] = self._array(x)
        if graph.sparse_initializer:
            raise NotWritten("Sparse constants of ONNX files are not read.")
        steps, names = [], []
        for node in graph.node:
            if node.op_type == "Constant" and node.domain in ("", "ai.onnx"):
                self.constants[node.output[0]] = self._constant(node)
                continue
            kind = node.op_type
            if node.domain not in ("", "ai.onnx"):
                kind = f"{node.domain}.{kind}"
            given = {a.name: self._attribute(a) for a in node.attribute}
            inputs, outputs = list(node.input), list(node.output)
            while inputs and not inputs[-1]:
                inputs.pop()
            steps.append(Step(kind, given, inputs, outputs))
            names.append(node.name)
        return steps, names

    def _constant(self, node: Any) -> Host:
        (given,) = node.attribute
        if given.name == "value":
            return self._array(given.t)
        value = self.onnx.helper.get_attribute_value(given)
        kind = {"value_int": "int64", "value_ints": "int64"}.get(given.name, "float32")
        if given.name not in ("value_int", "value_ints", "value_float", "value_floats"):
            raise NotWritten(f"Constants of the kind {given.name} are not read.")
        return np.asarray(value, kind)

    def _attribute(self, given: Any) -> Made:
        kind = given.type
        kinds = self.onnx.AttributeProto
        if given.ref_attr_name:
            raise FileError(f"The attribute {given.name} refers to a function's.")
        if kind == kinds.TENSOR:
            return array_data(self._array(given.t))
        if kind == kinds.GRAPH:
            steps, _ = self._steps(given.g)
            return {
                "inputs": [x.name for x in given.g.input],
                "outputs": [x.name for x in given.g.output],
                "steps": [step._asdict() for step in steps],
            }
        if given.name in ("to", "dtype") and kind == kinds.INT:
            return self._dtype(given.i)
        if kind not in (
            kinds.INT,
            kinds.INTS,
            kinds.FLOAT,
            kinds.FLOATS,
            kinds.STRING,
            kinds.STRINGS,
        ):
            raise NotWritten(f"The attribute {given.name} is of a kind not read.")
        return _plain(self.onnx.helper.get_attribute_value(given))

    def _array(self, x: Any) -> Host:
        if x.data_type == self.onnx.TensorProto.STRING:
            raise NotWritten(f"The constant {x.name!r} holds texts, not read.")
        self._dtype(x.data_type)  # one that there is
        if x.data_location != self.onnx.TensorProto.EXTERNAL:
            return self.onnx.numpy_helper.to_array(x)
        told = {entry.key: entry.value for entry in x.external_data}
        dtype = self.onnx.helper.tensor_dtype_to_np_dtype(x.data_type)
        count = int(np.prod(x.dims, dtype="int64"))
        start, size = int(told.get("offset", 0)), count * dtype.itemsize
        if int(told.get("length", size)) != size or start < 0:
            raise FileError(
                f"{x.name!r} has {told.get('length')} bytes in {told.get('location')}, "
                f"its shape {tuple(x.dims)} needs {size}."
            )
        return _external(self.path, told, start, size).view(dtype).reshape(x.dims)


def _external(path: Path, told: Mapping[str, str], start: int, size: int) -> Host:
    """Return bytes of the file beside the model that a constant names."""
    location = told.get("location", "")
    folder = path.parent.resolve()
    place = folder / location
    inside = place.resolve().is_relative_to(folder)
    if not location or Path(location).is_absolute() or not inside:
        raise FileError(
            f"{path.name} names {location!r} for its constants, which is not in its "
            "folder. Data are read from there alone."
        )
    if not place.is_file():
        raise NoFile(f"{path.name} needs {location!r}, which is not beside it.")
    if place.stat().st_size < start + size:
        raise FileError(f"{location} ends before the constants of {path.name}.")
    with place.open("rb") as file:
        file.seek(start)
        return np.fromfile(file, "uint8", size)


def _plain(value: Any) -> Made:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value

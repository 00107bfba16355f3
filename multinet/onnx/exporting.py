"""Writing a model, a function or a graph to an ONNX file."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import optree

from multinet.errors import ArgumentError, NotWritten
from multinet.graph import Graph, Spec, capture
from multinet.graph.expansion import expanded
from multinet.layers.signatures import is_shape
from multinet.onnx.library import TRAINED, library
from multinet.onnx.running import check_file
from multinet.onnx.table import RULES, WHOLE, exportable
from multinet.onnx.writer import Writer
from multinet.saving import atomic
from multinet.typing import AnyLayer, Host, Made, Tensors, Tree
from multinet.version import __version__

OPSETS = tuple(range(18, 24))
#: Bytes of constants from which they are in a file of their own; a message of the
#: format holds less than 2 GiB.
_LARGE = 2**31 - 2**24


def export(
    target: AnyLayer | Graph | Callable[..., Tensors],
    filepath: str | os.PathLike[str],
    *args: Tree,
    opset_version: int | None = None,
    check: bool = True,
) -> None:
    """Write what a model, a function or a graph computes to an ONNX file.

    `args` are what it is called on, as for `multinet.graph.capture`; a functional model
    and a graph need none. Unknown sizes stay unknown, under their names. The inputs of
    the file are the leaves of the arguments, under the names of `Input`s, the outputs
    those of what is returned. The file is the same from every backend.

    `opset_version` is 18 to 23, by default 18; from 20 on `gelu`, from 23 on attention
    is one operator. Weights of 2 GiB and more are in a file beside, `model.onnx.data`.

    With `check` ONNX Runtime, where it is installed, runs the file on data of two sets
    of sizes, and `CheckFailed` tells what it computes otherwise. `NotWritten` names the
    method of the interface that ONNX has no operator for.

    >>> multinet.onnx.export(model, "model.onnx")
    """
    graph = target if isinstance(target, Graph) else capture(target, *args)
    names, trained = _output_names(graph, target), _trained(graph, target)
    _export(graph, filepath, names, trained, opset_version, check)


def _export(
    graph: Graph,
    filepath: str | os.PathLike[str],
    names: list[str],
    trained: set[str],
    opset_version: int | None = None,
    check: bool = True,
) -> None:
    library()
    opset = OPSETS[0] if opset_version is None else opset_version
    if opset not in OPSETS:
        first, last = OPSETS[0], OPSETS[-1]
        raise ArgumentError(
            f"Expected an opset_version from {first} to {last}, got {opset!r}."
        )
    if graph.updates:
        raise NotWritten(
            f"{graph.name} sets {', '.join(graph.updates)}, and an ONNX file keeps "
            "nothing from run to run. Export it without state, or with that as inputs "
            "and outputs."
        )
    model, size = _model(graph, opset, names, trained)
    path = atomic.local(filepath)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".multinet") as folder:
        written = Path(folder) / path.name
        _save(model, written, size)
        if check:
            check_file(graph, written)
        for file in sorted(Path(folder).iterdir(), reverse=True):  # the data first
            os.replace(file, path.parent / file.name)


def export_model(
    model: AnyLayer,
    filepath: str | os.PathLike[str],
    input_signature: Tree = None,
    **options: Any,
) -> None:
    """Write a model to an ONNX file; see `Model.export`.

    Without a signature it takes what its graph does, or what it was built for.
    """
    given: Any = input_signature
    if given is None and getattr(model, "_graph", None) is None:
        built = vars(model).get("_build_shapes") or {}
        given = [
            optree.tree_map(_Built, tree, is_leaf=is_shape) for tree in built.values()
        ]
    trees: Any = given if isinstance(given, list | tuple) else [given]
    leaves: Any = [] if given is None else optree.tree_leaves(trees)
    specs = optree.tree_map(functools.partial(_spec, model), trees) if leaves else ()
    captured = capture(model, *specs)
    for value, leaf in zip(captured.inputs, leaves):
        value.name = getattr(leaf, "name", None) or value.name
    names = _output_names(captured, model)
    _export(captured, filepath, names, _trained(captured, model), **options)


class _Built:
    """What a model was built for: any number of samples of a shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = (None, *shape[1:])


def _spec(model: AnyLayer, leaf: Any) -> Spec:
    dtype = getattr(leaf, "dtype", None) or model.input_dtype
    first, *rest = leaf.shape
    return Spec((first or "batch", *rest), getattr(dtype, "name", str(dtype)))


def _trained(graph: Graph, target: Any) -> set[str]:
    """Return the paths of the weights that training would change."""
    variables = {path: variable for path, (_, variable) in graph.variables.items()}
    given = getattr(target, "trainable_variables", None)
    ids = set(map(id, variables.values() if given is None else given))
    return {p for p, v in variables.items() if v.trainable and id(v) in ids}


def _model(
    graph: Graph, opset: int, names: list[str], trained: set[str]
) -> tuple[Made, int]:
    """Return a graph as a model of the format, and how many bytes constants have."""
    plain = expanded(graph, WHOLE, exportable(opset))
    w = Writer(RULES)
    helper = w.onnx.helper
    inputs = []
    for value in plain.inputs:
        name = w.unused(value.name)
        w.bind(value, name)
        inputs.append(w.declared(value, name))
    outputs = [w.unused(name) for name in names]
    for value, name in zip(plain.outputs, outputs):
        w.wanted.setdefault(id(value), name)
    for path, (value, variable) in plain.variables.items():
        name = w.constant(variable.numpy(), path)
        w.trained |= {name} if path in trained else set()
        w.bind(value, name)
    for value, array in plain.constants:
        w.bind(value, w.constant(array, value.name))
    for name, found in zip(outputs, w.run(plain)):
        if name != found:
            w.node("Identity", [found], [name], {})
    arrays = {n: w.arrays[n] for n in _read(w.frame.nodes) if n in w.arrays}
    made = helper.make_graph(
        w.frame.nodes,
        graph.name,
        inputs,
        [w.declared(x, name) for x, name in zip(plain.outputs, outputs)],
        [w.onnx.numpy_helper.from_array(x, name) for name, x in arrays.items()],
    )
    versions = [helper.make_opsetid("", opset)]
    model = helper.make_model(
        made,
        opset_imports=versions,
        ir_version=helper.find_min_ir_version_for(versions),
        producer_name="multinet",
        producer_version=__version__,
    )
    helper.set_model_props(
        model, {TRAINED: "\n".join(name for name in arrays if name in w.trained)}
    )
    return model, sum(_bytes(x) for x in arrays.values())


def _bytes(array: Host) -> int:
    return array.nbytes


def _read(nodes: Iterable[Any]) -> dict[str, None]:
    """Return the names that nodes read, those of the graphs inside too, in order."""
    found: dict[str, None] = {}
    for node in nodes:
        found |= dict.fromkeys(node.input)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found |= _read(attribute.g.node)
    return found


def _output_names(graph: Graph, target: Any) -> list[str]:
    """Return the names of outputs: those of a model's, else their places in a tree."""
    structure = graph.output_structure
    paths = optree.treespec_paths(structure)
    names = ["_".join(map(str, path)) or "output" for path in paths]
    if getattr(target, "_graph", None) is not None and not any(
        isinstance(part, str) for path in paths for part in path
    ):
        known = list(target.output_names)
        names = known if len(known) == len(names) else names
    return [name if not name[:1].isdigit() else f"output_{name}" for name in names]


def _save(model: Made, path: Path, size: int) -> None:
    onnx = library()
    if size < _LARGE:
        data = model.SerializeToString(deterministic=True)
        path.write_bytes(data)
        onnx.checker.check_model(data, full_check=True)
        return
    onnx.save_model(
        model,
        str(path),
        save_as_external_data=True,
        all_tensors_to_one_file=True,
        location=f"{path.name}.data",
    )
    onnx.checker.check_model(str(path))

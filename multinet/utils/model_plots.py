"""Drawings of models as graphs of boxes, by pydot and Graphviz."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import optree

from multinet.checks import one_of
from multinet.errors import ArgumentError, NeverCalled
from multinet.layers import Layer
from multinet.tracebacks import shortening
from multinet.typing import AnyModel, Made, Tree

_FONT = {"fontname": "Helvetica", "fontsize": 10}


class Shown(NamedTuple):
    """What each box tells of its layer, beside its class."""

    shapes: bool
    dtype: bool
    names: bool
    activations: bool
    trainable: bool


class Picture:
    """A file with a picture, which a notebook shows."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<Picture {self.path}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        kinds = {".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml"}
        kind = kinds.get(Path(self.path).suffix)
        if kind is None:
            return {"text/plain": repr(self)}
        data = Path(self.path).read_bytes()
        return {kind: data.decode() if kind.endswith("xml") else data}


@shortening
def model_to_dot(
    model: AnyModel,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Made:
    """Return a model as a graph of pydot, a box for each layer or op.

    The boxes tell the classes, and as asked the names, the shapes that go in and come
    out, the dtypes, the activations, and whether the weights are trained.
    `rankdir` is where the calls lead: "TB" from top to bottom, "LR" from left to right.
    `expand_nested` draws what is in models inside, `subgraph` returns a part of another
    graph, `splines` is how Graphviz draws the lines. A model without a graph, such as a
    subclass, is one box for each of its layers.

    Needs the package pydot: `pip install pydot`. `NeverCalled` for a model that is not
    built yet.

    >>> print(model_to_dot(model).to_string())
    """
    one_of(rankdir, "rankdir", ("TB", "LR", "BT", "RL"))
    if not model.built:
        raise NeverCalled(
            f"{model.name} has no layers with shapes yet. Build it by `build`, or call "
            "it on data."
        )
    told = Shown(
        shapes=show_shapes,
        dtype=show_dtype,
        names=show_layer_names,
        activations=show_layer_activations,
        trainable=show_trainable,
    )
    drawing = _Drawing(pydot(), told, expand_nested)
    if subgraph:
        return drawing.cluster(model, model.name)
    return drawing.whole(model, rankdir=rankdir, dpi=dpi, splines=splines)


@shortening
def plot_model(
    model: AnyModel,
    to_file: str | os.PathLike[str] = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Picture:
    """Draw a model into a file, and return a picture that a notebook shows.

    The ending of `to_file` is the format, such as .png, .svg or .pdf; .dot writes the
    graph itself. The other arguments are those of `model_to_dot`.

    Needs pydot and, but for .dot, the program `dot` of Graphviz. `ArgumentError` for a
    file without an ending, or where Graphviz is not installed.
    """
    dot = model_to_dot(
        model,
        show_shapes=show_shapes,
        show_dtype=show_dtype,
        show_layer_names=show_layer_names,
        rankdir=rankdir,
        expand_nested=expand_nested,
        dpi=dpi,
        show_layer_activations=show_layer_activations,
        show_trainable=show_trainable,
        splines=splines,
    )
    return written(dot, to_file)


def written(dot: Made, to_file: str | os.PathLike[str]) -> Picture:
    """Draw a graph of pydot into a file, in the format that its ending says."""
    path = os.fspath(to_file)
    kind = Path(path).suffix.removeprefix(".")
    if not kind:
        raise ArgumentError(f"Expected to_file with an ending, as .png, got {path!r}.")
    try:
        data = dot.to_string().encode() if kind == "dot" else dot.create(format=kind)
    except FileNotFoundError:
        raise ArgumentError(
            "A drawing needs the program dot of Graphviz: install it by the system's "
            "package manager, or write to_file='model.dot'."
        ) from None
    except AssertionError as error:  # of pydot, with what dot has said
        raise ArgumentError(f"Graphviz does not draw {path!r}: {error}.") from None
    Path(path).write_bytes(data)
    return Picture(path)


def pydot() -> ModuleType:
    """Return the package pydot."""
    try:
        import pydot  # optional
    except ImportError:
        raise ImportError(
            "Drawings of models need the package pydot: pip install pydot."
        ) from None
    return pydot


class _Drawing:
    """A graph of pydot in the making: boxes by the addresses of what they stand for."""

    def __init__(self, pydot: Any, told: Shown, expand: bool) -> None:
        self.pydot, self.told, self.expand = pydot, told, expand

    def whole(self, model: Any, **options: Any) -> Any:
        """Return the graph of a model."""
        graph = self.pydot.Dot(quoted(model.name), graph_type="digraph", strict=True)
        for name, value in options.items():
            graph.set(name, value)
        self._fill(graph, model, model.name)
        return graph

    def cluster(self, model: Any, address: str) -> Any:
        """Return a frame around the boxes of a model, for a graph of another."""
        graph = self.pydot.Cluster(quoted(address), label=quoted(model.name), **_FONT)
        self._fill(graph, model, address)
        return graph

    def _fill(self, graph: Any, model: Any, address: str) -> None:
        """Draw the operations of a model, and the lines between them."""
        graph.set_node_defaults(shape="plaintext", **_FONT)
        for operation in _operations(model):
            place = f"{address}/{operation.name}"
            if self._expands(operation):
                graph.add_subgraph(self.cluster(operation, place))
            else:
                label = f"<{_table(operation, self.told)}>"
                graph.add_node(self.pydot.Node(quoted(place), label=label))
        for source, target in _lines(model):
            ends = self._ends(source, address, "outputs")
            starts = self._ends(target, address, "inputs")
            for end in ends:
                for start in starts:
                    graph.add_edge(self.pydot.Edge(quoted(end), quoted(start)))

    def _expands(self, operation: Any) -> bool:
        return self.expand and getattr(operation, "_graph", None) is not None

    def _ends(self, operation: Any, address: str, side: str) -> list[str]:
        """Return the boxes by which lines enter or leave an operation."""
        place = f"{address}/{operation.name}"
        if not self._expands(operation):
            return [place]
        tensors = getattr(operation._graph, f"flat_{side}")
        found = dict.fromkeys(t.node.operation for t in tensors if t.node is not None)
        return [end for each in found for end in self._ends(each, place, side)]


def _operations(model: Any) -> list[Any]:
    """Return the layers and ops of a model, each once."""
    if model._graph is None:
        return list(model.layers)
    return list(model._graph.operations)


def _lines(model: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of operations of which one feeds the other, each once."""
    seen = set()
    for node in model._graph.nodes if model._graph is not None else ():
        for tensor in node.inputs:
            if tensor.node is None:
                continue
            pair = tensor.node.operation, node.operation
            if tuple(map(id, pair)) not in seen:
                seen.add(tuple(map(id, pair)))
                yield pair


def _table(operation: Any, told: Shown) -> str:
    """Return what a box says, as Graphviz reads it."""
    kind = type(operation).__name__ if isinstance(operation, Layer) else "op"
    head = f"{operation.name} ({kind})" if told.names else kind
    if kind == "op" and not told.names:
        head = operation.name
    rows = [f"<b>{escape(head)}</b>", *map(escape, _facts(operation, told))]
    cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
    options = 'border="0" cellborder="1" cellspacing="0" cellpadding="6"'
    return f"<table {options}>{cells}</table>"


def _facts(operation: Any, told: Shown) -> Iterator[str]:
    """Yield the lines below the name."""
    activation = getattr(operation, "activation", None)
    if told.activations and activation is not None:
        name = getattr(activation, "__name__", getattr(activation, "name", None))
        yield f"activation: {name}"
    nodes = operation._nodes[-1:]
    if told.shapes and nodes:
        given, made = _leaves(nodes[0].inputs), _leaves(nodes[0].outputs)
        if given:
            yield f"in: {', '.join(str(x.shape) for x in given)}"
        yield f"out: {', '.join(str(x.shape) for x in made)}"
    if told.dtype and nodes:
        made = _leaves(nodes[0].outputs)
        yield f"dtype: {', '.join(dict.fromkeys(str(x.dtype) for x in made))}"
    if told.trainable and getattr(operation, "weights", ()):
        trained = operation.trainable and operation.trainable_weights
        yield f"trainable: {'yes' if trained else 'no'}"


def _leaves(tree: Tree | Iterable[Any]) -> list[Any]:
    return optree.tree_leaves(tree)  # type: ignore[arg-type]


def quoted(name: str) -> str:
    """Return a name as Graphviz takes any."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

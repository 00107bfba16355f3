"""The table that `model.summary()` prints."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import optree

from multinet import dtypes
from multinet.errors import ArgumentError, MultinetError, NeverCalled
from multinet.layers.base import Layer
from multinet.layers.signatures import is_shape
from multinet.symbolic.tensor import KerasTensor, Node
from multinet.typing import AnyModel

if TYPE_CHECKING:  # it comes when somebody asks for operations
    from multinet.graph import Costs

_JUSTIFIED: dict[str, Any] = {
    "Weights": "right",
    "FLOPs": "right",
    "Trainable": "center",
}


class Row(NamedTuple):
    """A layer or op of the table, how deep it lies, and the calls that feed it."""

    operation: Any
    depth: int
    sources: list[KerasTensor]


def summarize(
    model: AnyModel,
    line_length: int | None,
    expand_nested: bool,
    show_trainable: bool,
    layer_range: Sequence[str] | None = None,
    flops: bool = False,
) -> str:
    """Return the summary of a model as text."""
    # Here, not at the top: `import multinet` must stay quick.
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    costs = _costs(model) if flops else None
    table = Table(title=f'Model: "{escape(model.name)}"', title_justify="left")
    names = heads(model, expand_nested, show_trainable, flops)
    for name in names:
        table.add_column(name, overflow="fold", justify=_JUSTIFIED.get(name, "left"))
    for row in _within(rows(model, expand_nested), layer_range):
        table.add_row(*map(escape, cells(row, names, costs)))
    width = line_length or _columns()
    console = Console(width=width, no_color=True, highlight=False, markup=True)
    with console.capture() as capture:
        console.print(table)
        console.print(totals(model), markup=False)
        if costs is not None:
            console.print(f"Total FLOPs: {costs.total.flops}", markup=False)
    return "\n".join(map(str.rstrip, capture.get().rstrip().splitlines()))


def heads(
    model: AnyModel,
    expand_nested: bool = False,
    show_trainable: bool = False,
    flops: bool = False,
) -> list[str]:
    """Return the names of the columns."""
    wired = any(map(_is_wired, _graphs(model, expand_nested)))
    names = ["Layer (type)", "Output shape", "Weights", *["FLOPs"] * flops]
    return names + ["Connected to"] * wired + ["Trainable"] * show_trainable


def rows(model: AnyModel, expand_nested: bool = False) -> list[Row]:
    """Return the layers and ops of a model, and of those inside if asked."""
    return list(_rows(model, expand_nested, 0))


def cells(row: Row, names: Sequence[str], costs: Costs | None = None) -> list[str]:
    """Return the texts of a row in the columns of these names."""
    found = {
        "Layer (type)": _name,
        "Output shape": lambda row: _output_shape(row.operation),
        "Weights": lambda row: _weights(row.operation),
        "FLOPs": lambda row: "-" if costs is None else _operations(row, costs),
        "Connected to": lambda row: ", ".join(map(_source, row.sources)) or "-",
        "Trainable": lambda row: _trains(row.operation),
    }
    return [found[name](row) for name in names]


def is_model(operation: object) -> bool:
    """Return whether a layer shows layers of its own."""
    return hasattr(operation, "layers") and hasattr(operation, "_graph")


def _columns() -> int:
    import shutil  # slow: all kinds of compression come with it

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 80


def _rows(model: Any, expand: bool, depth: int) -> Any:
    graph = model._graph
    nodes: dict[int, list[Node]] = {}
    for node in graph.nodes if graph is not None else ():
        nodes.setdefault(id(node.operation), []).append(node)
    layers = model.layers
    known = set(map(id, layers))  # a Sequential does not show its input
    for operation in layers if graph is None else graph.operations:
        if isinstance(operation, Layer) and id(operation) not in known:
            continue
        calls = nodes.get(id(operation), [])
        yield Row(operation, depth, [x for node in calls for x in node.inputs])
        if expand and is_model(operation):
            yield from _rows(operation, expand, depth + 1)


def _within(rows: list[Row], names: Sequence[str] | None) -> list[Row]:
    """Return the rows from the first whose name matches to the last."""
    if names is None:
        return rows
    if len(names) != 2:
        raise ArgumentError(f"Expected layer_range as two names, got {names!r}.")
    found = [
        [i for i, row in enumerate(rows) if re.match(name, row.operation.name)]
        for name in names
    ]
    if not all(found):
        known = [row.operation.name for row in rows]
        raise ArgumentError(
            f"No layer matches {names[0 if not found[0] else 1]!r}. There are {known}."
        )
    first, last = min(found[0]), max(found[1])
    return rows[min(first, last) : max(first, last) + 1]


def _graphs(model: Any, expand: bool) -> list[Any]:
    inner = [x for x in model.layers if expand and hasattr(x, "_graph")]
    found = [graph for each in inner for graph in _graphs(each, expand)]
    return found if model._graph is None else [model._graph, *found]


def _is_wired(graph: Any) -> bool:
    """Return whether a graph is more than a chain, each call fed by the one before."""
    sources = [node.inputs for node in graph.nodes if node.inputs]
    fed = [id(x) for inputs in sources for x in inputs]
    return any(len(inputs) > 1 for inputs in sources) or len(fed) > len(set(fed))


def _name(row: Row) -> str:
    branch = f"{'  ' * (row.depth - 1)}└ " if row.depth else ""
    operation = row.operation
    kind = type(operation).__name__ if isinstance(operation, Layer) else "op"
    return f"{branch}{operation.name} ({kind})"


def _source(tensor: KerasTensor) -> str:
    """Return what made a tensor, with the call and the output where there are more."""
    node = tensor.node
    if node is None:
        return tensor.name
    outputs: list[Any] = optree.tree_leaves(node.outputs)
    call = f"[{node.index}]" if len(node.operation._nodes) > 1 else ""
    place = next((i for i, x in enumerate(outputs) if x is tensor), 0)
    return f"{node.operation.name}{call}{f'[{place}]' if len(outputs) > 1 else ''}"


def _output_shape(operation: Any) -> str:
    outputs = [node.outputs for node in operation._nodes[-1:]]
    if not outputs and isinstance(operation, Layer):
        shapes = optree.tree_leaves(_shape_of_first_call(operation), is_leaf=is_shape)
        return ", ".join(map(str, shapes)) or "?"
    leaves: list[Any] = optree.tree_leaves(outputs)  # type: ignore[arg-type]
    return ", ".join(str(leaf.shape) for leaf in leaves) or "?"


def _shape_of_first_call(layer: Layer) -> Any:
    called, built = layer._first_shapes, vars(layer).get("_build_shapes")
    try:
        if built and (called is None or len(built) > 1):
            return layer.compute_output_shape(*built.values())
        return None if called is None else layer.compute_output_shape(called)
    except (MultinetError, TypeError):  # one that takes more than a tensor
        return None


def _weights(operation: Any) -> str:
    if not isinstance(operation, Layer):
        return "-"
    return f"{operation.count_params():,}" if operation.built else "not built"


def _costs(model: Any) -> Costs:
    """Return what a call of a model costs."""
    from multinet import graph  # with all that captures programs, which few ask for

    if model._graph is not None:
        return graph.capture(model, check=False).costs()
    built = vars(model).get("_build_shapes") or {"inputs": model._first_shapes}
    shape: Any = next(iter(built.values()))
    if len(built) != 1 or not is_shape(shape):
        raise NeverCalled(
            f"To count what {model.name} does it must have been called on one tensor. "
            "Call it on data, or see multinet.graph.capture."
        )
    spec = graph.Spec(("batch", *shape[1:]), model.input_dtype)
    return graph.capture(model, spec, check=False).costs()


def _operations(row: Row, costs: Costs) -> str:
    """Return the operations of a row, by where its name stands in the paths."""
    place = row.depth + 1  # below the model itself
    found = [
        cost.flops
        for path, cost in costs.layers.items()
        if path.split("/")[place : place + 1] == [row.operation.name]
    ]
    return str(sum(found)) if found else "-"


def _trains(operation: Any) -> str:
    if not isinstance(operation, Layer) or not operation.weights:
        return "-"
    return "Y" if operation.trainable and operation.trainable_weights else "N"


def totals(model: AnyModel) -> str:
    """Return how many weights a model has, and their size, a line each."""
    trained = model.trainable_weights
    frozen = model.non_trainable_weights
    optimizer = model.optimizer
    kept = optimizer.variables if optimizer is not None and optimizer.built else []
    lines = [
        f"Total params: {_size([*trained, *frozen, *kept])}",
        f"Trainable params: {_size(trained)}",
        f"Non-trainable params: {_size(frozen)}",
    ]
    lines += [f"Optimizer params: {_size(kept)}"] if kept else []
    return "\n".join(lines)


def _size(variables: list[Any]) -> str:
    count = sum(math.prod(v.shape) for v in variables)
    width = [math.prod(v.shape) * dtypes.to_numpy(v.dtype).itemsize for v in variables]
    size = float(sum(width))
    for unit in ("B", "KB", "MB"):
        if size < 1024:
            return f"{count:,} ({size:.2f} {unit})"
        size /= 1024
    return f"{count:,} ({size:.2f} GB)"

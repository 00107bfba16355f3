"""The table that `model.summary()` prints."""

from __future__ import annotations

import math
from typing import Any

import optree

from multinet import dtypes
from multinet.layers.base import Layer


def summarize(
    model: Layer, line_length: int | None, expand_nested: bool, show_trainable: bool
) -> str:
    """Return the summary of a model as text."""
    # Here, not at the top: `import multinet` must stay quick.
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f'Model: "{model.name}"', title_justify="left")
    table.add_column("Layer (type)")
    table.add_column("Output shape")
    table.add_column("Weights", justify="right")
    if show_trainable:
        table.add_column("Trainable", justify="center")
    for layer, depth in _rows(model, expand_nested, 0):
        cells = [
            f"{'  ' * depth}{layer.name} ({type(layer).__name__})",
            _output_shape(layer),
            f"{layer.count_params():,}" if layer.built else "not built",
        ]
        if show_trainable:
            cells.append("yes" if layer.trainable else "no")
        table.add_row(*cells)
    console = Console(width=line_length or 88, no_color=True, highlight=False)
    with console.capture() as capture:
        console.print(table)
        console.print(_totals(model))
    return capture.get().rstrip()


def _rows(model: Any, expand: bool, depth: int) -> list[tuple[Layer, int]]:
    rows = []
    for layer in model.layers:
        rows.append((layer, depth))
        if expand and hasattr(layer, "layers"):
            rows += _rows(layer, expand, depth + 1)
    return rows


def _output_shape(layer: Layer) -> str:
    if not layer._nodes:
        return "?"
    shapes = optree.tree_leaves(
        optree.tree_map(lambda t: str(t.shape), layer._nodes[-1].outputs)
    )
    return ", ".join(shapes)  # type: ignore[arg-type]


def _totals(model: Any) -> str:
    trained = model.trainable_weights
    frozen = model.non_trainable_weights
    lines = [
        f"Total weights: {_size([*trained, *frozen])}",
        f"Trainable: {_size(trained)}",
        f"Non-trainable: {_size(frozen)}",
    ]
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

"""A graph as a drawing: a box for each node, in a frame for each layer."""

from __future__ import annotations

from typing import Any

from multinet.graph.text import shown
from multinet.graph.values import AnyGraph, Body, Node, Value
from multinet.symbolic.dims import Size
from multinet.typing import Made
from multinet.utils.model_plots import pydot, quoted

_FONT = {"fontname": "Helvetica", "fontsize": 10}


def drawn(graph: AnyGraph, rankdir: str) -> Made:
    """Return a graph of pydot."""
    drawing = _Drawing(pydot())
    dot = drawing.pydot.Dot(quoted(graph.name), graph_type="digraph", rankdir=rankdir)
    dot.set_node_defaults(shape="box", style="rounded", **_FONT)
    dot.set_edge_defaults(**_FONT)
    for value in graph.inputs:
        drawing.leaf(dot, value, "ellipse")
    for value, _ in graph.variables.values():
        drawing.leaf(dot, value, "cylinder")
    drawing.fill(dot, graph, "")
    for value in graph.outputs:
        end = f"output {value.name}"
        dot.add_node(
            drawing.pydot.Node(quoted(end), label=quoted("output"), shape="ellipse")
        )
        drawing.edge(dot, value, end)
    return dot


class _Drawing:
    """A graph of pydot in the making: the boxes that values come from."""

    def __init__(self, library: Any) -> None:
        self.pydot = library
        self.boxes: dict[int, str] = {}
        self.count = 0

    def leaf(self, dot: Any, value: Value, shape: str) -> None:
        """Draw what comes from outside."""
        box = self.boxes[id(value)] = f"value {value.name}"
        dot.add_node(
            self.pydot.Node(
                quoted(box), label=quoted(f"{value.name}\n{_form(value)}"), shape=shape
            )
        )

    def fill(self, dot: Any, body: Body, around: str) -> None:
        """Draw nodes in the frames of their layers, and the lines to them."""
        frames: dict[str, Any] = {around: dot}
        for node in body.nodes:
            box, self.count = f"node {self.count}", self.count + 1
            frame = self._frame(frames, node.layer, around)
            frame.add_node(self.pydot.Node(quoted(box), label=quoted(_label(node))))
            for value in {id(x): x for x in node.inputs}.values():
                self.edge(dot, value, box)
            self.boxes.update({id(x): box for x in node.outputs})
            for name, inner in node.arguments.items():
                if isinstance(inner, Body):
                    self._inner(frame, node, box, name, inner)

    def edge(self, dot: Any, value: Value, box: str) -> None:
        """Draw the line of a value; constants have none."""
        start = self.boxes.get(id(value))
        if start is not None:
            label = quoted(_form(value))
            dot.add_edge(self.pydot.Edge(quoted(start), quoted(box), label=label))

    def _inner(self, frame: Any, node: Node, box: str, name: str, body: Body) -> None:
        """Draw a body in a frame of its own, fed by the box of its node."""
        title = f"{node.op}: {name}"
        inner = self.pydot.Cluster(
            quoted(f"{box} {name}"), label=quoted(title), style="dashed", **_FONT
        )
        frame.add_subgraph(inner)
        self.boxes.update({id(x): box for x in body.inputs})
        self.fill(inner, body, node.layer)

    def _frame(self, frames: dict[str, Any], layer: str, around: str) -> Any:
        """Return the frame of a layer, inside of that of the layer which calls it."""
        if layer not in frames:
            above, _, name = layer.rpartition("/")
            outer = self._frame(frames, above, around) if layer else frames[around]
            self.count += 1
            frame = self.pydot.Cluster(
                quoted(f"layer {self.count} {layer}"),
                label=quoted(name),
                style="filled",
                color="gray85" if layer.count("/") % 2 else "gray95",
                **_FONT,
            )
            outer.add_subgraph(frame)
            frames[layer] = frame
        return frames[layer]


def _label(node: Node) -> str:
    """Return the method, and the options that fit on a line."""
    options = [
        f"{name}={shown(argument)}"
        for name, argument in node.arguments.items()
        if isinstance(argument, int | float | str) and not isinstance(argument, bool)
    ]
    return "\n".join((node.op, *options))


def _form(value: Value) -> str:
    return f"{value.dtype}[{', '.join(map(_size, value.shape))}]"


def _size(size: Size) -> str:
    return repr(size)

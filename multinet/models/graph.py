"""The functional graph: from symbolic inputs and outputs to a function of tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

import optree

from multinet import dtypes
from multinet.calls import active
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.layers.base import Layer
from multinet.layers.context import mask_of, set_mask
from multinet.layers.core import InputLayer
from multinet.models.matching import match
from multinet.models.recipe import Recipe
from multinet.models.staging import HostStage, entered, host_stage, is_staged
from multinet.moving import Movable
from multinet.ops.conversion import dtype as dtype_of
from multinet.ops.conversion import shape as shape_of
from multinet.ops.core import PUBLIC, as_tensor
from multinet.ops.sparse_forms import is_sparse_tensor, native, parted
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape, substitute
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import KerasTensor, Node, OpCall
from multinet.typing import Tensors


class Graph(Movable):
    """The calls that lead from `inputs` to `outputs`, in the order they were recorded.

    `inputs` and `outputs` are trees of KerasTensors; any tensor recorded on the way
    to the outputs can be an input, so a graph may start in the middle of another.
    """

    _lent = frozenset({"inputs", "outputs", "flat_inputs", "flat_outputs"})
    _private = frozenset({"nodes", "_plan", "_stage", "_told"})
    _stage: Any = ()  # () until somebody asks for it

    def __init__(self, inputs: Tensors, outputs: Tensors) -> None:
        self.inputs = inputs
        self.flat_inputs, self.input_spec = _flatten(inputs, "inputs")
        self._end(outputs)
        self.nodes = _ancestors(self.flat_inputs, self.flat_outputs)
        self._plan = [call_of(node) for node in self.nodes]
        self._sized = any(map(_is_sized, self._plan))

    def _end(self, outputs: Any) -> None:
        self.outputs = outputs
        self.flat_outputs, self.output_spec = _flatten(outputs, "outputs")

    def extended(self, outputs: Tensors) -> Graph:
        """Return the graph that goes on to `outputs`, which one call made of the old.

        That is less work than a new graph.
        """
        longer = Graph.__new__(Graph)
        longer.inputs, longer.input_spec = self.inputs, self.input_spec
        longer.flat_inputs = self.flat_inputs
        longer._end(outputs)
        node: Any = longer.flat_outputs[0].node
        last = call_of(node)
        longer.nodes = [*self.nodes, node]
        longer._plan = [*self._plan, last]
        longer._sized = self._sized or _is_sized(last)
        return longer

    def begun(self) -> Graph:
        """Return this graph; one that starts in the middle of another, with inputs of
        its own.
        """
        if all(map(is_input, self.flat_inputs)):
            return self
        inputs, outputs = self.recipe().tensors()
        slots: list[Any] = optree.tree_leaves(inputs)
        for slot in slots:
            if not is_input(slot):
                InputLayer(input_tensor=slot)
        return Graph(inputs, outputs)

    def recipe(self) -> Recipe:
        """Return the graph as plain data over its layers; see `Recipe`."""
        return Recipe.of(self.nodes, self.flat_inputs, self.inputs, self.outputs)

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Graph:
        """Return the graph of a recipe; the calls become nodes of its layers."""
        return cls(*recipe.tensors())

    def __reduce__(self) -> tuple[Any, ...]:
        return Graph.from_recipe, (self.recipe(),)

    def _kept(self) -> list[str]:
        return ["_plan"]  # with the constants among the arguments

    def _arrived(self) -> None:
        """Let the recorded calls have the constants that the plan has now."""
        for node, (_, leaves, spec, *_) in zip(self.nodes, self._plan, strict=True):
            arguments: Any = optree.tree_unflatten(spec, leaves)
            node.args, node.kwargs = arguments

    @property
    def layers(self) -> list[Layer]:
        """The layers, each once, in the order of `operations`."""
        return [item for item in self.operations if isinstance(item, Layer)]

    @property
    def operations(self) -> list[Any]:
        """The layers and ops, each once, in Keras's order: farthest from the outputs
        first.

        Those at one distance stand in the order in which a walk back from the outputs
        meets them, after the inputs that no output needs. Weights, and the files that
        hold them, follow this order.
        """
        order = _Walk(self.flat_inputs, self.flat_outputs, self.nodes)
        depths: dict[int, int] = {}
        node_depths: dict[int, int] = {}
        for node in reversed(order.finished):
            operation = id(node.operation)
            depth = max(node_depths.get(id(node), 0), depths.get(operation, 0))
            depths[operation] = depth
            for source in node.inputs if id(node) not in order.entries else ():
                parent = id(source.node)
                node_depths[parent] = max(depth + 1, node_depths.get(parent, 0))
        given = [tensor.node for tensor in self.flat_inputs if is_input(tensor)]
        inputs = dict.fromkeys(node.operation for node in given if node is not None)
        unused = [layer for layer in inputs if id(layer) not in depths]
        found = [*unused, *order.operations]
        return sorted(found, key=lambda operation: -depths.get(id(operation), 0))

    def stage(self) -> HostStage | None:
        """Return what runs on the host before the first tensor layer, None if nothing.

        `ArgumentError` where that cannot be: see `HostStage`.
        """
        if self._stage == ():
            self._stage = host_stage(self)
        return self._stage

    def run(self, inputs: Tensors, masks: Tensors | None = None) -> Tensors:
        """Return the outputs for a tree of tensors, and of their masks or None.

        Or for what the host stage gave: see `staging`.
        """
        if is_staged(inputs):
            stage: Any = self.stage()
            slots, plan = stage.slots, self._behind(stage)
            values = stage.values(inputs, _fit)
        else:
            slots, plan = self.flat_inputs, self._plan
            values = self._entered(inputs)
        if masks is not None and optree.tree_leaves(masks):
            for slot, mask in zip(self.flat_inputs, match(self, masks)):
                set_mask(values[id(slot)], mask)
        self._compute(plan, values, _sizes(slots, values) if self._sized else {})
        if type(self.outputs) is KerasTensor:
            return values[id(self.outputs)]
        outputs = [values[id(slot)] for slot in self.flat_outputs]
        return optree.tree_unflatten(self.output_spec, outputs)

    def _behind(self, stage: HostStage) -> list[_Call]:
        """Return the calls that a host stage leaves."""
        seats = {id(each.node): each.seat for each in stage.splits}
        return [
            call_of(node, seats[id(node)]) if id(node) in seats else self._plan[i]
            for i, node in ((i, self.nodes[i]) for i in stage.left)
        ]

    def _entered(self, inputs: Tensors) -> dict[int, Any]:
        """Return the value of each input by its identity."""
        if type(self.inputs) is KerasTensor and current().is_tensor(inputs):
            return {id(self.inputs): _fit(inputs, self.inputs)}
        found = match(self, inputs, vars(self).setdefault("_told", set()))
        pairs = zip(self.flat_inputs, found, strict=True)
        return {id(slot): _fit(value, slot) for slot, value in pairs}

    def _compute(
        self, plan: list[_Call], values: dict[int, Any], sizes: dict[Dim, int]
    ) -> None:
        """Make calls in order, and keep what they give by its identity."""
        context = active.get()
        for operation, leaves, spec, produced, is_plain in plan:
            if is_plain:
                x = values[id(leaves[0])]
                if context is not None and _is_ready(operation, leaves[0]):
                    values[id(produced[0])] = operation._run(context, (x,), {})
                else:
                    values[id(produced[0])] = operation(x)
                continue
            filled = [values[id(x)] if type(x) is KerasTensor else x for x in leaves]
            if self._sized:
                filled = [substitute(x, sizes) for x in filled]
            args, kwargs = optree.tree_unflatten(spec, filled)
            results = operation(*args, **kwargs)
            if len(produced) == 1 and current().is_tensor(results):
                values[id(produced[0])] = results
                continue
            for slot, value in zip(produced, optree.tree_leaves(results)):
                values[id(slot)] = value


def is_input(tensor: KerasTensor) -> bool:
    """Return whether a tensor is what an `Input` made."""
    return tensor.node is not None and isinstance(tensor.node.operation, InputLayer)


def _flatten(tree: Any, what: str) -> tuple[list[KerasTensor], Any]:
    leaves, spec = optree.tree_flatten(tree)
    wrong = [type(leaf).__name__ for leaf in leaves if type(leaf) is not KerasTensor]
    if wrong or not leaves:
        raise ArgumentError(
            f"Expected the {what} of a model to be symbolic tensors, made from "
            f"Input(...); got {', '.join(wrong) or 'none'}."
        )
    return leaves, spec  # type: ignore[return-value]


def _ancestors(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> list[Node]:
    known = {id(tensor) for tensor in inputs}
    found: dict[int, Node] = {}
    stack = [tensor for tensor in outputs if id(tensor) not in known]
    while stack:
        tensor = stack.pop()
        node = tensor.node
        if node is None or is_input(tensor):
            raise ArgumentError(
                f"The outputs depend on {tensor!r}, which is not among the inputs. Add "
                "it to Model(inputs=...)."
            )
        if id(node) not in found:
            found[id(node)] = node
            stack += [source for source in node.inputs if id(source) not in known]
    return sorted(found.values(), key=lambda node: node.serial)


class _Walk:
    """The nodes between inputs and outputs, finished after their sources."""

    def __init__(
        self,
        inputs: list[KerasTensor],
        outputs: list[KerasTensor],
        executed: list[Node],
    ) -> None:
        self.entries = {id(tensor.node) for tensor in inputs}
        self.entries -= {id(node) for node in executed}
        self.operations: list[Any] = []
        self.finished: list[Node] = []
        self._seen: set[int] = set()
        self._known: set[int] = set()
        for tensor in outputs:
            self._visit(tensor.node)

    def _visit(self, start: Node | None) -> None:
        stack: list[tuple[Node | None, bool]] = [(start, False)]
        while stack:
            node, sources_done = stack.pop()
            if node is None:
                continue
            if sources_done:
                self.finished.append(node)
                continue
            is_entry = id(node) in self.entries
            # A graph that starts in the middle of another has not the layer before.
            begins = is_entry and not isinstance(node.operation, InputLayer)
            if id(node) in self._seen or begins:
                continue
            self._seen.add(id(node))
            if id(node.operation) not in self._known:
                self._known.add(id(node.operation))
                self.operations.append(node.operation)
            stack.append((node, True))
            if not is_entry:
                stack += [(source.node, False) for source in reversed(node.inputs)]


def _is_ready(operation: Any, slot: KerasTensor) -> bool:
    """Return whether a layer takes what a placeholder stands for as it is.

    Its own `__call__` would find the same out from the tensor.
    """
    return (
        type(operation).__call__ is Layer.__call__
        and operation.built
        and operation._compute_dtype == slot.array.dtype
        and operation._input_spec is None
    )


class _Call(NamedTuple):
    """A call to make: its arguments as leaves of a tree, and the tensors it gives."""

    operation: Any
    leaves: list[Any]
    spec: Any
    produced: list[Any]
    is_plain: bool  # whether a tensor is all that it takes, and all that it gives


def _sizes(slots: list[KerasTensor], values: dict[int, Any]) -> dict[Dim, int]:
    """Return the sizes that were not known before these values."""
    return {
        dim: size
        for slot in slots
        if values[id(slot)] is not None and not is_staged(values[id(slot)])
        for dim, size in zip(slot.array.shape, shape_of(values[id(slot)]))
        if isinstance(dim, Dim)
    }


def call_of(node: Node, *args: Any) -> _Call:
    """Return the call that a node stands for, with others of its first arguments."""
    given = (*args, *node.args[len(args) :])
    leaves, spec = optree.tree_flatten((given, node.kwargs))  # type: ignore[arg-type]
    operation = node.operation
    if isinstance(operation, OpCall):
        operation = operation.function
    kinds = [*map(type, given), type(node.outputs)]
    is_plain = kinds == [KerasTensor, KerasTensor] and not node.kwargs
    return _Call(operation, leaves, spec, optree.tree_leaves(node.outputs), is_plain)


def _is_sized(step: _Call) -> bool:
    """Return whether an argument depends on a size that only the data will tell."""
    return any(isinstance(leaf, Dim) for leaf in step.leaves)


def _is_like(shape: Any, wanted: Any) -> bool:
    """Return whether a shape is one that a placeholder stands for, for certain.

    The batch may have any size, since the last of the data is often smaller.
    """
    if len(shape) != len(wanted):
        return False
    for n, m in zip(shape[1:], wanted[1:]):
        if type(m) is int and n != m:
            return False
    return True


def _refuse_complex(dtype: str, slot: KerasTensor) -> None:
    """Refuse complex values for a real input, which would lose the imaginary part."""
    if dtypes.is_complex(dtype) and not dtypes.is_complex(slot.dtype):
        raise DTypeError(
            f"Input {slot.name!r} expects {slot.dtype}, got {dtype}: the imaginary "
            f"part would be lost. Declare Input(..., dtype={dtype!r}), or give "
            "ops.real(x) and ops.imag(x) as features."
        )


def _fit(value: Any, slot: KerasTensor) -> Any:
    """Return an input as the placeholder declares it: dtype, and a last axis of 1."""
    if slot.dtype == dtypes.TEXT:
        return value if isinstance(value, SymbolicArray) else entered(value, slot)
    backend = current()
    if backend.common_dtype(value, value) == slot.dtype:
        if _is_like(backend.shape(value), slot.array.shape):
            return value
    if value is None:
        if getattr(slot.node and slot.node.operation, "optional", False):
            return None
        raise ArgumentError(
            f"Input {slot.name!r} expects a tensor, got None. Only an input made with "
            "Input(..., optional=True) may be left out."
        )
    given = value
    if slot.sparse and is_sparse_tensor(value):
        value = native(parted(value))
    else:
        value = as_tensor(value)
    _refuse_complex(dtype_of(value), slot)
    value = PUBLIC["cast"](value, slot.dtype)
    shape, want = shape_of(value), slot.shape
    if len(shape) == len(want) - 1 and want[-1] == 1:
        value = PUBLIC["expand_dims"](value, -1)
    elif len(shape) == len(want) + 1 and shape[-1] == 1:
        value = PUBLIC["squeeze"](value, -1)
    shape = shape_of(value)
    fits = len(shape) == len(want) and all(
        w is None or not isinstance(n, int) or n == w
        for n, w in zip(shape[1:], want[1:])
    )
    if not fits and getattr(slot.node and slot.node.operation, "_is_guess", False):
        fits = len(shape) == len(want)  # the layers say what they need
    if not fits:
        remedy = " Give one sample as a batch: x[None]." * (shape == want[1:])
        raise ShapeError(
            f"Input {slot.name!r} expects shape {want}, got {public_shape(shape)}. "
            f"None stands for any size; the first axis is the batch.{remedy}"
        )
    if value is not given:
        set_mask(value, mask_of(given))
    return value

"""The nodes of an ONNX graph in the making: tensors by name, constants, sizes."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from multinet import dtypes
from multinet.errors import NotWritten
from multinet.graph.values import Body, Node, Value
from multinet.interface.array import Scalar
from multinet.onnx.folding import constant, evaluate
from multinet.onnx.library import library
from multinet.symbolic.dims import Dim, Size, evaluated, unknowns
from multinet.typing import Host, Made

#: The name of a tensor, "" for an optional one that is not there, or the value of it.
Named: TypeAlias = str | Value
Names: TypeAlias = str | Sequence[str]

#: What operators do to constants here, so that weights need none of them in the file.
_FOLDED: dict[str, Callable[..., Host]] = {
    "Transpose": lambda x, perm: np.transpose(x, perm),
    "Reshape": lambda x, shape: np.reshape(x, shape),
    "Gather": lambda x, indices, axis: np.take(x, indices, axis),
    "Concat": lambda *xs, axis: np.concatenate(xs, axis),
    "Cast": lambda x, to: x.astype(library().helper.tensor_dtype_to_np_dtype(to)),
}
_ARITHMETIC = {"add": "Add", "multiply": "Mul", "minimum": "Min"}


class Frame:
    """The nodes of one graph of the file, which sees what is around it."""

    def __init__(self, around: Frame | None = None) -> None:
        self.nodes: list[Made] = []
        self.made: set[str] = set()
        inner: Any = (lambda m: m.new_child()) if around else (lambda m: m)
        names, sizes, places = ChainMap(), ChainMap(), ChainMap()
        if around is not None:
            names, sizes, places = around.names, around.sizes, around.places
        #: Names by the identities of values, vectors of sizes, where sizes are found.
        self.names: ChainMap[int, str] = inner(names)
        self.sizes: ChainMap[Size, str] = inner(sizes)
        self.places: ChainMap[Dim, tuple[str, int]] = inner(places)


class Writer:
    """Adds nodes to a graph of ONNX; see `add`, `tensor` and `vector`."""

    def __init__(self, rules: Mapping[str, Callable[..., Names]]) -> None:
        self.onnx = library()
        self.rules = rules
        self.frame = Frame()
        #: Constants by name; those that a node reads are in the file.
        self.arrays: dict[str, Host] = {}
        #: Those that weights in training are, or that are computed from some.
        self.trained: set[str] = set()
        #: Names that outputs are to have, by the identities of values.
        self.wanted: dict[int, str] = {}
        self.place = ""  # the layer whose nodes are added
        self._taken: set[str] = set()
        self._folds: dict[Any, str] = {}

    # -- nodes -------------------------------------------------------------------------

    def add(self, kind: str, *inputs: Named, **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        names = [self.name(x) for x in inputs]
        if kind in _FOLDED and all(name in self.arrays for name in names):
            return self._folded(kind, names, attributes)
        return self.several(kind, 1, *names, **attributes)[0]

    def several(
        self, kind: str, count: int, *inputs: Named, **attributes: Any
    ) -> list[str]:
        """Add a node; return the names of its outputs."""
        base = f"{self.place}/{kind}" if self.place else kind
        outputs = [self.unused(base) for _ in range(count)]
        self.node(kind, list(map(self.name, inputs)), outputs, attributes)
        return outputs

    def node(
        self,
        kind: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        attributes: dict[str, Any],
    ) -> None:
        """Add a node whose outputs have these names."""
        make = self.onnx.helper.make_node
        self.frame.nodes.append(make(kind, inputs, outputs, outputs[0], **attributes))
        self.frame.made.update(outputs)

    def _folded(self, kind: str, names: list[str], attributes: dict[str, Any]) -> str:
        key = kind, tuple(names), repr(attributes)
        if key not in self._folds:
            array = _FOLDED[kind](*(self.arrays[n] for n in names), **attributes)
            self._folds[key] = self.computed(array, names[0], names)
        return self._folds[key]

    # -- names -------------------------------------------------------------------------

    def unused(self, name: str) -> str:
        """Return a name that nothing has, and take it."""
        found, count = name, 0
        while found in self._taken:
            found, count = f"{name}_{count + 1}", count + 1
        self._taken.add(found)
        return found

    def name(self, x: Named) -> str:
        """Return the name of a tensor."""
        return self.frame.names[id(x)] if isinstance(x, Value) else x

    def bind(self, value: Value, name: str) -> None:
        """Let a value be the tensor of a name, which may be the first of some sizes."""
        wanted = self.wanted.get(id(value))
        last: Any = self.frame.nodes[-1].output if self.frame.nodes else ()
        if wanted is not None and name in last and name not in self.wanted.values():
            last[list(last).index(name)] = wanted
            self.frame.made.add(wanted)
            name = wanted
        self.frame.names[id(value)] = name
        for axis, size in enumerate(value.shape):
            if isinstance(size, Dim) and unknowns(size) == [size]:
                self.frame.places.setdefault(size, (name, axis))

    # -- constants and sizes -----------------------------------------------------------

    def constant(self, array: Host, name: str = "constant") -> str:
        """Return the name of a constant, which is in the file if a node reads it."""
        name = self.unused(name)
        self.arrays[name] = np.asarray(array)
        return name

    def computed(self, array: Host, name: str, sources: Sequence[str]) -> str:
        """Return the name of a constant that is computed from others."""
        name = self.constant(array, name)
        if self.trained.intersection(sources):
            self.trained.add(name)
        return name

    def ints(self, *numbers: int) -> str:
        """Return a constant vector of int64."""
        return self._once(np.asarray(numbers, "int64"))

    def scalar(self, value: Scalar | Dim, dtype: str) -> str:
        """Return a scalar; sizes that are not known are computed."""
        if isinstance(value, Dim):
            size = self.add("Squeeze", self.size(value), self.ints(0))
            return size if dtype == "int64" else self.cast(size, dtype)
        return self._once(np.asarray(value).astype(dtypes.to_numpy(dtype)))

    def _once(self, array: Host) -> str:
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._folds:
            self._folds[key] = self.constant(array)
        return self._folds[key]

    def tensor(self, x: Named | Scalar | Dim, dtype: str) -> str:
        """Return the name of a tensor, or of a scalar as a tensor of a dtype."""
        return self.name(x) if isinstance(x, Value | str) else self.scalar(x, dtype)

    def vector(self, sizes: Sequence[Size]) -> str:
        """Return a shape as a vector of int64."""
        if not any(isinstance(n, Dim) for n in sizes):
            return self.ints(*sizes)  # type: ignore[arg-type]
        parts = [self.size(n) for n in sizes]
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def size(self, size: Size) -> str:
        """Return a size as a vector of one."""
        if not isinstance(size, Dim):
            return self.ints(size)
        found = self.frame.sizes.get(size)
        if found is None:
            found = evaluated(size, self._known, self._arithmetic)
            self.frame.sizes[size] = found
        return found

    def _known(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return self.ints(size)
        if size not in self.frame.sizes:
            name, axis = self.frame.places[size]
            found = self.add("Shape", name, start=axis, end=axis + 1)
            self.frame.sizes[size] = found
        return self.frame.sizes[size]

    def _arithmetic(self, kind: str, x: str, y: str) -> str:
        if kind == "floor_divide":  # Div rounds to zero
            rest = self.add("Mod", x, y)
            return self.add("Div", self.add("Sub", x, rest), y)
        return self.add(_ARITHMETIC[kind], x, y)

    # -- what many rules do ------------------------------------------------------------

    def cast(self, x: Named, dtype: str) -> str:
        """Return a tensor in another dtype."""
        return self.add("Cast", x, to=self.type_of(dtype))

    def type_of(self, dtype: str) -> int:
        """Return the number of a dtype in the format."""
        return self.onnx.helper.np_dtype_to_tensor_dtype(
            np.dtype(dtypes.to_numpy(dtype))
        )

    def transpose(self, x: Named, permutation: Sequence[int]) -> str:
        """Return a tensor with its axes permuted."""
        if list(permutation) == sorted(permutation):
            return self.name(x)
        return self.add("Transpose", x, perm=list(permutation))

    def reshape(self, x: Named, shape: Sequence[Size]) -> str:
        """Return a tensor in another shape, of which one size follows from the rest."""
        open_ = [i for i, n in enumerate(shape) if isinstance(n, Dim)]
        if len(open_) == 1 and 0 not in [n for n in shape if not isinstance(n, Dim)]:
            sizes = [-1 if isinstance(n, Dim) else n for n in shape]
            return self.add("Reshape", x, self.ints(*sizes))
        zero = {"allowzero": 1} if 0 in [n for n in shape if isinstance(n, int)] else {}
        name = self.name(x)
        if not open_ and not zero:
            return self.add("Reshape", name, self.vector(shape))
        return self.several("Reshape", 1, name, self.vector(shape), **zero)[0]

    # -- graphs ------------------------------------------------------------------------

    def run(self, body: Body) -> list[str]:
        """Add the nodes of a body whose inputs have names; return those of outputs."""
        around = self.place
        for node in body.nodes:
            self.place = node.layer
            names = self._written(node)
            names = [names] if isinstance(names, str) else names
            for value, name in zip(node.outputs, names, strict=True):
                self.bind(value, name)
        self.place = around
        return [self.name(x) for x in body.outputs]

    def _written(self, node: Node) -> Names:
        """Add what a node is; return the names of its outputs."""
        known = [self.name(x) for x in node.inputs]
        if all(name in self.arrays for name in known) and constant(node):
            arrays = [self.arrays[name] for name in known]
            base = known[0] if known else node.op
            return [self.computed(x, base, known) for x in evaluate(node, arrays)]
        where = f", which the layer {node.layer} calls," if node.layer else ""
        rule = self.rules.get(node.op)
        if rule is None:
            raise NotWritten(
                f"{node.op}{where} has no operator in ONNX that computes the same. "
                "Export a part of the model without it, or a SavedModel."
            )
        for value in (*node.inputs, *node.outputs):
            if dtypes.is_complex(value.dtype):
                raise NotWritten(
                    f"{node.op}{where} is of {value.dtype}, and ONNX has no operators "
                    "on complex numbers. Export a part of the model without them."
                )
        return rule(self, node.outputs, **node.arguments)

    @contextmanager
    def inside(self) -> Iterator[Frame]:
        """Add nodes to a graph of their own, such as a branch, while this lasts."""
        around, self.frame = self.frame, Frame(self.frame)
        try:
            yield self.frame
        finally:
            self.frame = around

    def declared(self, value: Value, name: str, typed: bool = True) -> Made:
        """Return a value as inputs and outputs are declared."""
        shape = [repr(n) if isinstance(n, Dim) else n for n in value.shape]
        kind = self.type_of(value.dtype)
        return self.onnx.helper.make_tensor_value_info(
            name, kind, shape if typed else [None] * len(shape)
        )

    def ended(self, name: str) -> str:
        """Return the name of what a graph gives: one that it makes itself."""
        return name if name in self.frame.made else self.add("Identity", name)

    def inputs(self, body: Body) -> list[Made]:
        """Declare the inputs of the graph of a body."""
        found = []
        for value in body.inputs:
            name = self.unused(f"{self.place}/{value.name}")
            self.bind(value, name)
            found.append(self.declared(value, name, typed=False))
        return found

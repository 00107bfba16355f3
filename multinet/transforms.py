"""Transforms of functions of trees: derivatives, vmap, checkpoint, and state in them.

Trees hold tensors, arrays, numbers and Variables. A Variable among the arguments that a
derivative is taken for stands for its value: inside, reading it gives the value being
differentiated. What the function writes to Variables inside a transform leaves it as
one more output, and is assigned once outside.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet import dtypes
from multinet.capture import discover
from multinet.distribution.placing import used
from multinet.distribution.present import distribution
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError
from multinet.numpy_calls import explain_numpy
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.ops.shapes import moveaxis
from multinet.registry import current
from multinet.scope import Capture, own_stream, stream
from multinet.streams import Entry
from multinet.tracebacks import shortening
from multinet.typing import Tensor, Tree
from multinet.variables import Variable

Function = Callable[..., Any]


class Call:
    """A function of trees as one of flat tensors, whose writes are outputs too.

    `flat(*tensors)` returns the flat outputs, then what was written; after a run
    `split` takes them apart. `has_aux` cuts a pair (outputs, auxiliary) in two. Each
    run draws the same numbers, in a step or where `again` says that there are several.
    """

    def __init__(
        self,
        function: Function,
        args: Tree,
        has_aux: bool = False,
        again: bool = False,
    ) -> None:
        self.function, self.has_aux = function, has_aux
        self.leaves, self.structure = optree.tree_flatten(args)
        self.tensors = tuple(as_tensor(leaf) for leaf in self.leaves)
        self.variables = [x for x in self.leaves if isinstance(x, Variable)]
        self.places = [i for i, x in enumerate(self.leaves) if isinstance(x, Variable)]
        self.writes: list[Variable] = []
        self.output: Any = None
        self.auxiliary: Any = None
        self.count = 0
        draws = stream() if again else own_stream()
        self.entry = None if draws is None else Entry(draws)

    def flat(self, *tensors: Any) -> tuple[Tensor, ...]:
        """Return the outputs, the auxiliary outputs and what was written."""
        leaves = list(tensors)
        for i in self.places:
            leaves[i] = self.leaves[i]
        inside = [tensors[i] for i in self.places]
        if distribution() is not None:
            inside = list(map(used, self.variables, inside))
        draws = None if self.entry is None else self.entry.again()
        with Capture(self.variables, inside, stream=draws) as scope:
            try:
                result = self.function(*optree.tree_unflatten(self.structure, leaves))
            except Exception as error:
                explain_numpy(error)
                raise
            output, auxiliary = _pair(result) if self.has_aux else (result, ())
            outputs, self.output = tensors_of(output)
            extra, self.auxiliary = tensors_of(auxiliary)
            self.count = len(outputs)
            self.writes = list(scope.writes.values())
            return (*outputs, *extra, *scope.written())

    def split(self, results: Sequence[Tensor]) -> tuple[Any, Any]:
        """Assign what was written; return the trees of outputs and auxiliaries."""
        end = len(results) - len(self.writes)
        for variable, value in zip(self.writes, results[end:], strict=True):
            variable.assign(value)
        output = optree.tree_unflatten(self.output, results[: self.count])
        return output, optree.tree_unflatten(self.auxiliary, results[self.count : end])

    def cotangents(self, tree: Tree, results: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Return a cotangent of each result: those of the output, then zeros."""
        given, structure = tensors_of(tree)
        if structure != self.output:
            raise ArgumentError(
                f"Expected cotangents of the structure of the outputs {self.output}, "
                f"got {structure}."
            )
        backend = current()
        for g, y in zip(given, results):
            if tuple(backend.shape(g)) != tuple(backend.shape(y)):
                raise ShapeError(
                    f"Expected a cotangent of shape {tuple(backend.shape(y))}, got "
                    f"{tuple(backend.shape(g))}."
                )
        rest = results[self.count :]
        zeros = [backend.full(backend.shape(y), 0, backend.dtype(y)) for y in rest]
        return (*given, *zeros)


def _pair(result: Any) -> tuple[Any, Any]:
    if not isinstance(result, tuple) or len(result) != 2:
        raise ArgumentError(
            "With has_aux=True the function must return (output, auxiliary), got "
            f"{type(result).__name__}."
        )
    return result


# -- derivatives -----------------------------------------------------------------------


def value_and_grad(
    fun: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """Return the function that gives fun's value and its gradients.

    `fun` returns a float scalar or, with `has_aux`, a pair of it and a tree; then the
    value is such a pair too. Gradients have the structure of the argument at
    `argnums`, or are a tuple of them where that is a sequence. `DTypeError` for an
    argument that is not of floats.

    >>> weight, x = multinet.Variable([1.0, 2.0]), np.array([3.0, 4.0])
    >>> def loss(weights):
    ...     return ops.sum(weights[0] * x)
    >>> value, (gradient,) = multinet.value_and_grad(loss)([weight])
    >>> float(value), ops.convert_to_numpy(gradient)
    (11.0, array([3., 4.], dtype=float32))
    """
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(fun)
    @shortening
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        given = list(args)
        for i in places:
            if not -len(args) <= i < len(args):
                raise ArgumentError(
                    f"argnums names argument {i}, but {len(args)} came."
                )

        def of_places(*chosen: Any) -> Any:
            for i, value in zip(places, chosen, strict=True):
                given[i] = value
            return fun(*given, **kwargs)

        call = Call(of_places, tuple(args[i] for i in places), has_aux)
        _check_floats(call.tensors)
        value, rest, grads = current().value_and_grad(
            lambda *xs: _scalar_first(call, xs), call.tensors
        )
        output, auxiliary = call.split((value, *rest))
        trees = optree.tree_unflatten(call.structure, grads)
        gradients = trees[0] if isinstance(argnums, int) else trees
        return ((output, auxiliary) if has_aux else output), gradients

    return wrapped


def _scalar_first(call: Call, xs: Sequence[Any]) -> tuple[Any, ...]:
    results, backend = call.flat(*xs), current()
    shape = tuple(backend.shape(results[0])) if call.count == 1 else None
    if shape != () or not dtypes.is_float(backend.dtype(results[0])):
        what = f"shape {shape}" if call.count == 1 else f"{call.count} outputs"
        kind = f" of {backend.dtype(results[0])}" if call.count == 1 else ""
        raise ShapeError(
            f"A gradient needs a function that returns one float scalar, got {what}"
            f"{kind}. Reduce it with ops.mean or ops.sum, or use vjp; return anything "
            "else beside it with has_aux=True."
        )
    return results


def _check_floats(tensors: Sequence[Any]) -> None:
    backend = current()
    for x in tensors:
        name = backend.dtype(x)
        if not (dtypes.is_float(name) or dtypes.is_complex(name)):
            raise DTypeError(
                f"Expected arguments of floats to differentiate for, got {name}. Cast "
                "it, or leave it out of argnums."
            )


def grad(
    fun: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """Return the function that gives the gradients of `fun`: see `value_and_grad`.

    `argnums` is the argument to derive by, or several. With `has_aux` the function
    gives (gradients, auxiliary).

    >>> float(multinet.grad(lambda x: x**3)(2.0))
    12.0
    """
    both = value_and_grad(fun, argnums, has_aux)

    @functools.wraps(fun)
    @shortening
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradients = both(*args, **kwargs)
        return (gradients, value[1]) if has_aux else gradients

    return wrapped


@shortening
def vjp(fun: Function, *primals: Any, has_aux: bool = False) -> Tree:
    """Return fun(*primals) and its pullback.

    The pullback takes a tree of cotangents like the output, and returns a tuple with a
    tree of gradients for each primal. With `has_aux` fun returns (output, auxiliary),
    and the auxiliary comes third.
    """
    call = Call(fun, primals, has_aux)
    results, pull = current().vjp(call.flat, call.tensors)
    output, auxiliary = call.split(results)

    def pullback(cotangent: Any) -> Any:
        gradients = pull(call.cotangents(cotangent, results))
        return optree.tree_unflatten(call.structure, gradients)

    return (output, pullback, auxiliary) if has_aux else (output, pullback)


@shortening
def jvp(
    fun: Function,
    primals: Sequence[Tree],
    tangents: Sequence[Tree],
    has_aux: bool = False,
) -> Tree:
    """Return fun(*primals) and its directional derivative along `tangents`.

    With `has_aux` fun returns (output, auxiliary), and the auxiliary comes third.
    """
    call = Call(fun, tuple(primals), has_aux)
    _check_floats(call.tensors)
    directions, structure = tensors_of(tuple(tangents))
    if structure != call.structure:
        raise ArgumentError(
            f"Expected tangents of the structure of the primals {call.structure}, got "
            f"{structure}."
        )
    results, slopes = current().jvp(call.flat, call.tensors, directions)
    output, auxiliary = call.split(results)
    slope = optree.tree_unflatten(call.output, slopes[: call.count])
    return (output, slope, auxiliary) if has_aux else (output, slope)


# -- maps and memory -------------------------------------------------------------------


def vmap(fun: Function, in_axes: Tree = 0, out_axes: Tree = 0) -> Function:
    """Return `fun` mapped over an axis of its arguments, all at once.

    `in_axes` is the axis for all arguments, or a tuple with an entry for each: an
    axis, or None for one that is shared by all rows. Results have the rows along
    `out_axes`. A `SeedGenerator` draws the same numbers for each row; Variables cannot
    be written inside.

    >>> dot = multinet.vmap(ops.dot, in_axes=(0, None))
    >>> ops.convert_to_numpy(dot(np.eye(3, dtype="float32"), np.array([1.0, 2.0, 3.0])))
    array([1., 2., 3.], dtype=float32)
    """

    @functools.wraps(fun)
    @shortening
    def wrapped(*args: Any) -> Any:
        axes = in_axes if isinstance(in_axes, list | tuple) else (in_axes,) * len(args)
        if len(axes) != len(args):
            raise ArgumentError(
                f"Expected in_axes for {len(args)} arguments, got {tuple(axes)}."
            )
        call = Call(fun, args, again=True)  # a backend may run this for each row
        every = _axes_of_leaves(args, axes)
        if all(axis is None for axis in every):
            raise ArgumentError("vmap needs an axis of at least one argument.")
        moved = [
            x if axis is None else moveaxis(x, axis, 0)
            for x, axis in zip(call.tensors, every, strict=True)
        ]

        def row(*xs: Any) -> tuple[Any, ...]:
            results = call.flat(*xs)
            if call.writes:
                raise TraceError(
                    f"{call.writes[0]!r} was assigned inside vmap, where it has a "
                    "value for each row. Return the value, and assign a reduction of "
                    "it outside."
                )
            return results

        flags = [None if axis is None else 0 for axis in every]
        output, _ = call.split(current().vmap(row, flags)(*moved))
        return _out_axes(output, out_axes)

    return wrapped


def _axes_of_leaves(args: Sequence[Any], axes: Sequence[Any]) -> list[Any]:
    found: list[Any] = []
    for arg, axis in zip(args, axes, strict=True):
        count = optree.tree_structure(arg).num_leaves
        if axis is not None and not isinstance(axis, int):
            raise ArgumentError(
                f"Expected each of in_axes an int or None, got {axis!r}."
            )
        found += [axis] * count
    return found


def _out_axes(output: Any, axes: Any) -> Any:
    if axes == 0:
        return output
    if isinstance(axes, int):
        return optree.tree_map(lambda y: moveaxis(y, 0, axes), output)
    if not isinstance(output, tuple) or len(axes) != len(output):
        raise ArgumentError(
            f"out_axes={axes!r} needs a function that returns a tuple of that length."
        )
    return tuple(_out_axes(y, axis) for y, axis in zip(output, axes))


def checkpoint(fun: Function) -> Function:
    """Return fun, which in a backward pass computes its intermediates again.

    It saves memory where the backend can, and draws the same random numbers both
    times. Differentiable in its arguments and in the Variables it reads.

    Source: Chen et al., "Training deep nets with sublinear memory cost", 2016.
    """

    @functools.wraps(fun)
    @shortening
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        function = functools.partial(fun, **kwargs)
        reads, _ = discover(function, args)
        read = [v for v in reads if dtypes.is_float(v.dtype)]
        call = Call(lambda variables, *rest: function(*rest), (read, *args), again=True)
        output, _ = call.split(current().checkpoint(call.flat)(*call.tensors))
        return output

    return wrapped

"""Control flow and transforms on trees of tensors: cond, loops, scans, maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.carrying import Carried, Flattened, entry_here, tensors_of, tree_of
from multinet.ops.checks import at_least
from multinet.ops.checks import function as checked
from multinet.ops.core import boolean, cast_tensor, op, shape_of
from multinet.ops.indexing import as_index
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, Size, differ, public_shape
from multinet.typing import Numbers, Tensor, Tree


@op
def cond(
    pred: Numbers, true_fn: Callable[[], Any], false_fn: Callable[[], Any]
) -> Tree:
    """Return true_fn() where the bool scalar holds, else false_fn().

    Both return the same tree of tensors, with equal shapes and dtypes.
    """
    checked(true_fn, "true_fn")
    checked(false_fn, "false_fn")
    if isinstance(pred, bool):
        return true_fn() if pred else false_fn()
    functions = Flattened(true_fn), Flattened(false_fn)
    carried, condition = Carried(), _scalar(pred)

    def branch(place: int) -> Callable[[], tuple[Any, ...]]:
        def run() -> tuple[Any, ...]:
            leaves, values = carried.call(functions[place], carried.start(), place)
            return (*leaves, *values)

        return run

    branches = branch(0), branch(1)
    results = carried.run(lambda: current().cond(condition, *branches, ()))
    cut = len(results) - len(carried.variables)
    leaves = results[:cut]
    carried.finish(results[cut:])
    structures = [f.structure for f in functions if f.structure is not None]
    if structures[0] != structures[-1]:
        raise ArgumentError(
            f"ops.cond expects branches that return one structure, got {structures[0]} "
            "and "
            f"{structures[-1]}."
        )
    return tree_of(structures[0], leaves)


def _scalar(pred: Any) -> Any:
    pred = boolean(pred)
    if len(shape_of(pred)):
        raise ShapeError(f"Expected a bool scalar, got shape {shape_of(pred)}.")
    return pred


@op
def switch(
    index: Numbers, branches: Sequence[Callable[..., Any]], *operands: Any
) -> Tree:
    """Return branches[index](*operands); an index out of range takes the nearest."""
    if not isinstance(branches, list | tuple) or not branches:
        raise ArgumentError(
            "ops.switch expects at least one branch, in a list or tuple, got "
            f"{branches!r}."
        )
    for branch in branches:
        checked(branch, "each branch")
    if isinstance(index, int):
        return branches[min(max(index, 0), len(branches) - 1)](*operands)
    place = as_index(index)
    if shape_of(place):
        raise ShapeError(
            "ops.switch expects a scalar index, got shape "
            f"{public_shape(shape_of(place))}."
        )

    def choose(low: int, high: int) -> Any:
        if high - low == 1:
            return branches[low](*operands)
        middle = (low + high) // 2
        return cond(
            current().less(place, middle),
            lambda: choose(low, middle),
            lambda: choose(middle, high),
        )

    return choose(0, len(branches))


@op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Tree,
    maximum_iterations: int | None = None,
) -> Tree:
    """Repeat loop_vars = body(*loop_vars) while cond(*loop_vars); no gradient.

    Shapes and dtypes stay. A single tensor in place of the tuple comes back as one.
    """
    checked(cond, "cond")
    checked(body, "body")
    if maximum_iterations is not None:
        maximum_iterations = at_least(maximum_iterations, 0, "maximum_iterations")
    single = not isinstance(loop_vars, list | tuple)
    start = (loop_vars,) if single else tuple(loop_vars)
    leaves, structure = tensors_of(start)
    backend = current()

    size, asked, carried = len(leaves) + 1, entry_here(), Carried()

    def running(count: Any, *state: Any) -> Any:
        given = tree_of(structure, state[: size - 1])
        values = state[size - 1 :]
        go, _ = carried.call(lambda: _scalar(cond(*given)), values, count, asked)
        if maximum_iterations is None:
            return go
        return backend.logical_and(go, backend.less(count, maximum_iterations))

    def step(count: Any, *state: Any) -> tuple[Any, ...]:
        def turn() -> tuple[Any, ...]:
            result = body(*tree_of(structure, state[: size - 1]))
            result = tuple(result) if isinstance(result, list | tuple) else (result,)
            return _like(result, structure, state, "while_loop")

        new, values = carried.call(turn, state[size - 1 :], count)
        return backend.add(count, 1), *new, *values

    count = backend.full((), 0, "int32")
    results = carried.run(
        lambda: backend.while_loop(running, step, (count, *leaves, *carried.start()))
    )
    carried.finish(results[size:])
    leaves = results[1:size]
    end = tree_of(structure, leaves)
    return end[0] if single else type(loop_vars)(end)


def _like(
    tree: Any, structure: Any, state: Sequence[Any], what: str
) -> tuple[Any, ...]:
    """Return the leaves of a new state, which must be like the old one."""
    leaves, form = tensors_of(tree)
    if form != structure:
        raise ArgumentError(
            f"ops.{what} expects the body to return {structure}, as it got, not {form}."
        )
    backend = current()
    for new, old in zip(leaves, state):
        shapes = shape_of(new), shape_of(old)
        if len(shapes[0]) != len(shapes[1]) or any(
            differ(n, m) for n, m in zip(*shapes)
        ):
            raise ShapeError(
                f"ops.{what} expects shapes to stay; {shapes[1]} became {shapes[0]}."
            )
        if backend.dtype(new) != backend.dtype(old):
            raise DTypeError(
                f"ops.{what} expects dtypes to stay; {backend.dtype(old)} became "
                f"{backend.dtype(new)}. Cast in the body, or cast the initial value."
            )
    return leaves


@op
def fori_loop(
    lower: Numbers, upper: Numbers, body_fun: Callable[[Any, Any], Any], init_val: Tree
) -> Tree:
    """Return value after value = body_fun(i, value) for i from lower to upper - 1.

    Differentiable where the bounds are Python ints.
    """
    checked(body_fun, "body_fun")
    if isinstance(lower, int) and isinstance(upper, int):
        if upper <= lower:
            leaves, structure = tensors_of(init_val)
            return tree_of(structure, leaves)
        places = current().arange(lower, upper, 1, "int32")
        return scan(lambda value, i: (body_fun(i, value), ()), init_val, places)[0]
    first, last = (
        cast_tensor(as_index(lower), "int32"),
        cast_tensor(as_index(upper), "int32"),
    )

    def step(i: Any, value: Any) -> tuple[Any, Any]:
        return current().add(i, 1), body_fun(i, value)

    return while_loop(lambda i, _: current().less(i, last), step, (first, init_val))[1]


@op
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Tree,
    xs: Tree | None = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Run carry, y = f(carry, x) along the first axis of xs; return carry, stacked ys.

    `f` is the function, and `init` the first carry. With `xs` None, f gets None
    `length` times. `reverse` begins at the end. `unroll` is accepted and left to the
    backend.

    >>> total, sums = multinet.scan(
    ...     lambda carry, x: (carry + x, carry + x), 0.0, np.array([1.0, 2.0, 3.0])
    ... )
    >>> float(total), ops.convert_to_numpy(sums)
    (6.0, array([1., 3., 6.], dtype=float32))
    """
    checked(f, "f")
    at_least(int(unroll) if isinstance(unroll, bool) else unroll, 0, "unroll")
    carry, structure = tensors_of(init)
    rows, form = tensors_of(xs)
    size: Any = length_of(rows, length, "scan")
    out: list[Any] = [None]

    count, carried, backend = len(carry), Carried(placed=False), current()

    def step(state: Any, row: Any) -> tuple[Any, Any]:
        place = row[-1] if carried.placed else 0

        def turn() -> tuple[Any, Any]:
            result, y = two_of(
                f(tree_of(structure, state[:count]), tree_of(form, row[:given])),
                "ops.scan expects f to return (carry, y)",
            )
            leaves, out[0] = tensors_of(y)
            return _like(result, structure, state, "scan"), leaves

        (new, ys), values = carried.call(turn, state[count:], place)
        return (*new, *values), ys

    given = len(rows)

    def loop() -> Any:
        places = (backend.arange(0, size, 1, "int32"),) if carried.placed else ()
        start = (*carry, *carried.start())
        return backend.scan(step, start, (*rows, *places), size, reverse)

    end, ys = carried.run(loop)
    carried.finish(end[count:])
    return tree_of(structure, end[:count]), tree_of(out[0], ys)


def two_of(result: Tree, promise: str) -> Sequence[Tree]:
    """Return what a function of the user's returned, which must be two things."""
    if not isinstance(result, list | tuple) or len(result) != 2:
        raise ArgumentError(f"{promise}, got {shown(result)}.")
    return result


def length_of(rows: Sequence[Tensor], length: int | None, what: str) -> Size:
    """Return how many rows tensors have, which must be as many."""
    if not all(shape_of(row) for row in rows):
        raise ShapeError(f"ops.{what} goes along first axes, got a scalar.")
    sizes = [shape_of(row)[0] for row in rows]
    if length is not None:
        sizes.append(at_least(length, 1, "length"))
    if not sizes:
        raise ArgumentError(f"ops.{what} needs xs or length.")
    for size in sizes[1:]:
        if differ(size, sizes[0]):
            raise ShapeError(f"ops.{what} expects first axes of one size, got {sizes}.")
    known = next((n for n in sizes if not isinstance(n, Dim)), sizes[0])
    if not isinstance(known, Dim) and known < 1:
        raise ShapeError(f"ops.{what} expects at least one row, got {known}.")
    return known


@op
def map(f: Callable[[Any], Any], xs: Tree) -> Tree:
    """Return f of each row of xs, one after another, stacked."""
    checked(f, "f")
    return scan(lambda carry, x: (carry, f(x)), (), xs)[1]


@op
def vectorized_map(function: Callable[[Any], Any], elements: Tree) -> Tree:
    """Return function of each row of the tree `elements`, all at once, stacked."""
    checked(function, "function")
    leaves, structure = tensors_of(elements)
    backend, carried = current(), Carried(placed=False)
    out: list[Any] = [None]

    def row(*rows: Any) -> tuple[Any, ...]:
        place = rows[-1] if carried.placed else 0
        given = tree_of(structure, rows[: len(leaves)])
        results, out[0] = carried.call(lambda: tensors_of(function(given)), (), place)[
            0
        ]
        return results

    def mapped() -> Any:
        size: Any = length_of(leaves, None, "vectorized_map")
        places = (backend.arange(0, size, 1, "int32"),) if carried.placed else ()
        every = (*leaves, *places)
        return backend.vmap(row, (0,) * len(every))(*every)

    results = carried.run(mapped)
    return tree_of(out[0], results)

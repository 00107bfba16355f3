"""A function of JAX on tensors of TensorFlow, with gradients, by jax2tf."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import tensorflow as tf
from jax.experimental import jax2tf

from multinet.typing import Tensor, Tree


class _Form(NamedTuple):
    """A tree of JAX's with places for tensors, and its other leaves."""

    tree: Any
    others: tuple[Any, ...]  # a tensor stands where this has `_TENSOR`

    def filled(self, tensors: Sequence[Any]) -> Tree:
        """Return the tree with tensors in their places."""
        given = iter(tensors)
        leaves = [next(given) if x is _TENSOR else x for x in self.others]
        return jax.tree_util.tree_unflatten(self.tree, leaves)


class _Program(NamedTuple):
    """A converted function of flat tensors, and how its results were nested."""

    run: Callable[..., Sequence[Tensor]]
    outputs: _Form


_TENSOR = object()


class Converted:
    """Calls `function(*args)` of JAX on trees of TensorFlow's tensors.

    It is converted once for each signature, static arguments among it. A size that
    TensorFlow does not know, as in a graph for any number of samples, is one of JAX's
    symbolic sizes; the first axes of all such tensors are of one size. `options` are
    those of `jax2tf.convert`.
    """

    def __init__(self, function: Callable[..., Tree], **options: Any) -> None:
        self.function, self.options = function, options
        self._programs: dict[Any, _Program] = {}

    def __call__(self, *args: Tree) -> Tree:
        """Return the results for trees; leaves that are no tensors are static."""
        form, tensors = _parted(args)
        kinds = tuple((x.dtype, tuple(x.shape)) for x in tensors)
        key = form.tree, tuple(map(_known, form.others)), kinds
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = self._convert(form, tensors)
        results = program.run(*tensors)
        return program.outputs.filled(results)

    def shapes(self, *args: Tree) -> Tree:
        """Return zeros in the shapes of the results, without computing these."""
        form, tensors = _parted(args)
        given = [jax.ShapeDtypeStruct(x.shape, x.dtype.as_numpy_dtype) for x in tensors]
        flat, outputs = self._flat(form)
        made = jax.eval_shape(flat, *given)
        return outputs[0].filled([tf.zeros(x.shape, x.dtype) for x in made])

    def _flat(self, form: _Form) -> tuple[Callable[..., list[Any]], list[_Form]]:
        """Return the function of flat arrays, and where it leaves its results' form."""
        outputs: list[_Form] = []

        def flat(*arrays: Any) -> list[Any]:
            found, results = _parted(self.function(*form.filled(arrays)))
            outputs[:] = [found]
            return [jax.numpy.asarray(x) for x in results]

        return flat, outputs

    def _convert(self, form: _Form, tensors: Sequence[Tensor]) -> _Program:
        flat, outputs = self._flat(form)
        options = {"polymorphic_shapes": _symbolic(tensors), **self.options}
        run = tf.function(jax2tf.convert(flat, **options), autograph=False)
        specs = [tf.TensorSpec(x.shape, x.dtype) for x in tensors]
        with tf.init_scope():  # it serves outside of the graph in progress, too
            program = run.get_concrete_function(*specs)
        return _Program(program, outputs[0])


def _parted(tree: Tree) -> tuple[_Form, list[Any]]:
    """Return the form of a tree, and the tensors or arrays among its leaves."""
    leaves, structure = jax.tree_util.tree_flatten(tree)
    numbers = [_is_number(x) for x in leaves]
    others = [_TENSOR if found else x for found, x in zip(numbers, leaves)]
    kept = [x for found, x in zip(numbers, leaves) if found]
    return _Form(structure, tuple(others)), kept


def _is_number(leaf: Any) -> bool:
    if isinstance(leaf, tf.Tensor):
        return True
    kinds = (int, float, complex, np.ndarray, np.generic, jax.Array)
    return isinstance(leaf, kinds) and not isinstance(leaf, bool)


def _known(leaf: Any) -> Any:
    """Return what tells a static argument from another."""
    try:
        hash(leaf)
    except TypeError:
        return id(leaf)
    return leaf


def _symbolic(tensors: Sequence[Tensor]) -> list[str | None]:
    """Return the shapes as jax2tf reads them, with names for unknown sizes."""
    names = (f"n{i}" for i in itertools.count())

    def named(axis: int, size: int | None) -> str:
        if size is not None:
            return str(size)
        return next(names) if axis else "batch"

    return [
        None
        if x.shape.is_fully_defined()
        else ", ".join(named(axis, size) for axis, size in enumerate(x.shape))
        for x in tensors
    ]

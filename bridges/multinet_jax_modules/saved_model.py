"""A model as a SavedModel of TensorFlow: traced on JAX, and converted by jax2tf."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from typing import Any

import optree

from multinet import config, dtypes, use_backend
from multinet.errors import ArgumentError
from multinet.layers.signatures import is_shape
from multinet.models import Model
from multinet.typing import AnyModel, Tensor, Tensors, Tree


def export_saved_model(
    model: AnyModel,
    filepath: str | os.PathLike[str],
    input_signature: Tree = None,
    jax2tf_kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Write what a model computes for inference; see `Model.export`.

    A model of another backend is copied to JAX first. Unknown sizes of the signature
    stay unknown: the first one of each input is that of the samples.
    """
    import tensorflow as tf  # not before a model is exported

    from multinet_jax_modules.converted import Converted

    specs = _specs(model, input_signature)
    on_jax = model if model.backend == "jax" else copy.deepcopy(model)
    on_jax.to_backend("jax")

    def compute(trained: Tree, others: Tree, inputs: Tree) -> Tree:
        with use_backend("jax"):
            given = (inputs,) if len(specs) == 1 else inputs
            results = on_jax.stateless_call(trained, others, *given, training=False)
            return results[0]

    module: Any = tf.Module()
    module.trained, module.others = (
        [tf.Variable(v.numpy(), trainable=False, name=v.path) for v in variables]
        for variables in (on_jax.trainable_variables, on_jax.non_trainable_variables)
    )
    options = {"with_gradient": False, **(jax2tf_kwargs or {})}
    converted = Converted(compute, **options)

    @tf.function(input_signature=specs, autograph=False)
    def serve(*inputs: Tensor) -> Tensors:
        weights = [
            [tf.convert_to_tensor(v) for v in variables]
            for variables in (module.trained, module.others)
        ]
        return converted(*weights, inputs[0] if len(specs) == 1 else inputs)

    module.serve = serve
    tf.saved_model.save(module, os.fspath(filepath), {"serving_default": serve})


def _specs(model: AnyModel, given: Tree) -> list[Tree]:
    """Return what the arguments of the call are: trees of shapes and dtypes."""
    import tensorflow as tf  # as above

    def spec(leaf: Any) -> Any:
        dtype = getattr(leaf, "dtype", None) or model.input_dtype
        dtype = getattr(dtype, "name", str(dtype))
        if dtype == "string":
            raise ArgumentError(
                f"{model.name} takes texts, which its SavedModel cannot. Export the "
                "part of it that comes after them."
            )
        if given is None and dtypes.is_float(dtype):
            dtype = dtypes.promote(dtype, config.floatx())  # as data of `predict`
        return tf.TensorSpec([None if n is None else int(n) for n in leaf.shape], dtype)

    trees = [_inputs(model)] if given is None else given
    if not isinstance(trees, list | tuple):
        trees = [trees]
    return [_mapped(spec, tree) for tree in trees]


def _mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    return optree.tree_map(function, tree)


class _Shape:
    """A shape that a model was built for."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape


def _inputs(model: AnyModel) -> Tree:
    """Return the inputs of a graph, or in what shapes a model was built."""
    if isinstance(model, Model) and model._graph is not None:
        return model.input[0] if _single(model.input) else model.input
    shapes = vars(model).get("_build_shapes")
    if shapes is None:
        raise ArgumentError(
            f"{model.name} was not called with one argument: nobody knows what it "
            "takes. Call it, or give input_signature, a list with an InputSpec for "
            "each argument."
        )

    def any_number(shape: Any) -> _Shape:
        return _Shape((None, *shape[1:]))

    return optree.tree_map(any_number, shapes["input_shape"], is_leaf=is_shape)


def _single(tree: Tree) -> bool:
    return isinstance(tree, list | tuple) and len(tree) == 1

"""A layer as a pure function: explicit parameters in, outputs and new state out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from multinet.errors import ArgumentError, ShapeError
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import Scope
from multinet.tracebacks import shortening
from multinet.typing import AnyLayer, Tensor
from multinet.variables import Variable

if TYPE_CHECKING:  # layers import this module
    from multinet.layers.tracking import Tracked


@shortening
def functional_call(
    layer: AnyLayer,
    parameters: Mapping[str, Any] | Sequence[Any],
    *args: Any,
    **kwargs: Any,
) -> tuple[Any, dict[str, Any]]:
    """Return layer(*args, **kwargs) computed with other weights, and the new state.

    `parameters` are values by path (`layer.paths()`, or `variable.path` where no other
    weight has it), those left out keep theirs, or a list of values for all of
    `layer.weights`. The state is a dict, by the paths of the layer, of what the call
    wrote, such as moving statistics; the layer itself does not change. Nest it in
    `grad`, `vmap` or `jit` at will.

    `ArgumentError` for a path that the layer does not have or two weights share,
    `ShapeError` for a value of another shape.

    >>> def loss(parameters, x):
    ...     outputs, state = functional_call(model, parameters, x, training=True)
    ...     return ops.mean(outputs), state
    >>> grads, state = grad(loss, has_aux=True)(parameters, x)
    """
    variables = _built(layer).weights
    paths = layer.paths()
    if isinstance(parameters, Mapping):
        given = {_named(layer, paths, path): x for path, x in parameters.items()}
    else:
        given = dict(zip(variables, _as_many(parameters, variables, layer)))
    outputs, new = _run(layer, variables, given, args, kwargs)
    return outputs, {path: new[v] for path, v in paths.items() if v in new}


def _named(layer: Any, paths: Mapping[str, Variable], path: str) -> Variable:
    """Return the weight of a path, of the layer or of Keras."""
    if path in paths:
        return paths[path]
    found = [v for v in paths.values() if v.path == path]
    if not found:
        raise ArgumentError(
            f"{layer.name} has no weight {path!r}; it has {sorted(paths)}."
        )
    if len(found) > 1:
        raise ArgumentError(
            f"Several weights of {layer.name} have the path {path!r}. Use those that "
            "layer.paths() gives, which are unique."
        )
    return found[0]


def stateless_call(
    layer: AnyLayer,
    trainable_variables: Sequence[Tensor],
    non_trainable_variables: Sequence[Tensor],
    *args: Any,
    return_losses: bool = False,
    **kwargs: Any,
) -> tuple[Any, ...]:
    """Return the outputs and the new values of the non-trainable variables.

    See `Layer.stateless_call`.
    """
    trained = _built(layer).trainable_variables
    others = layer.non_trainable_variables
    given = dict(zip(trained, _as_many(trainable_variables, trained, layer)))
    given |= dict(zip(others, _as_many(non_trainable_variables, others, layer)))
    losses: list[Any] = []

    def after() -> None:
        losses[:] = layer.losses

    outputs, new = _run(layer, [*trained, *others], given, args, kwargs, after)
    state = [new.get(v, given[v]) for v in others]
    return (outputs, state, losses) if return_losses else (outputs, state)


def _built(layer: Any) -> Tracked:
    if not layer.built:
        raise ArgumentError(
            f"{layer.name} is not built, so it has no weights yet. Call it on data, or "
            "call build(input_shape), once before."
        )
    return layer


def _as_many(
    values: Sequence[Any], variables: Sequence[Variable], layer: Any
) -> Sequence[Any]:
    if len(values) != len(variables):
        raise ArgumentError(
            f"{layer.name} expects {len(variables)} values, for "
            f"{[v.path for v in variables]}, got {len(values)}."
        )
    return values


def _run(
    layer: Any,
    variables: Sequence[Variable],
    given: Mapping[Variable, Any],
    args: Any,
    kwargs: Any,
    after: Any = None,
) -> tuple[Any, dict[Variable, Any]]:
    """Return the outputs and the values of the Variables that the call wrote."""
    before = [_fitting(v, given[v]) if v in given else v for v in variables]
    tensors = [as_tensor(x) for x in before]
    with Scope(variables, tensors) as scope:
        outputs = layer(*args, **kwargs)
        if after is not None:
            after()
        new = scope.values_of(variables)
    triples = zip(variables, tensors, new, strict=True)
    return outputs, {v: x for v, old, x in triples if x is not old}


def _fitting(variable: Variable, value: Any) -> Any:
    tensor = as_tensor(value)
    shape = tuple(current().shape(tensor))
    if shape != variable.shape:
        raise ShapeError(
            f"{variable.path} expects a value of shape {variable.shape}, got {shape}."
        )
    return tensor

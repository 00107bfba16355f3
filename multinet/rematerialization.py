"""Rematerialization: a backward pass that computes anew what a layer computed."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from typing import Any, ClassVar, Self

import optree

from multinet.autocast import autocasting
from multinet.calls import CallContext, active, mask_of
from multinet.errors import unknown_name
from multinet.registry import current
from multinet.symbolic.tensor import is_symbolic
from multinet.tracebacks import shortening
from multinet.transforms import checkpoint
from multinet.typing import Made, Tensors

_scope: ContextVar[RematScope | None] = ContextVar("remat", default=None)
current_scope: Callable[[], RematScope | None] = _scope.get


def remat(f: Callable[..., Tensors]) -> Callable[..., Tensors]:
    """Return f, which in a backward pass computes its intermediates again.

    As `multinet.checkpoint`, and for symbolic tensors f itself.
    """
    again = checkpoint(f)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Tensors:
        return (f if is_symbolic(args, kwargs) else again)(*args, **kwargs)

    return wrapped


class RematScope:
    """A block in which new layers are made such that they compute again going back.

    They save memory, and take the time. `mode` says which: all ("full"), those whose
    outputs have more than `output_size_threshold` elements in total ("larger_than"),
    those of `layer_names` ("list_of_layers"), or of each only its activation
    ("activations"); None: no layer, in a block inside of another.

    Source: Chen et al., "Training deep nets with sublinear memory cost", 2016.

    >>> with RematScope("list_of_layers", layer_names=["wide"]):
    ...     model = Sequential([layers.Dense(4096, name="wide"), layers.Dense(1)])
    """

    _modes: ClassVar[tuple[str | None, ...]] = (
        *("full", "activations", "larger_than", "list_of_layers", None),
    )

    @shortening
    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in self._modes:
            raise unknown_name("mode", mode, filter(None, self._modes))
        self.mode, self.output_size_threshold = mode, output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> Self:
        self._token: Token[RematScope | None] = _scope.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _scope.reset(self._token)

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_token"}

    def applied(
        self,
        operation: Made,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Callable[..., Any]:
        """Return what is called in the place of the `call` of an operation."""
        if self.mode is None or current().symbolic:
            return function
        if self.mode == "activations":
            return _activation_again(operation, function)
        if self.mode == "list_of_layers" and operation.name not in self.layer_names:
            return function
        if self.mode == "larger_than":
            with CallContext():  # what the run on shapes adds is not of this call
                size = _size(operation.compute_output_spec(*args, **kwargs))
            if size <= self.output_size_threshold:
                return function
        return _again(function)


def _size(outputs: Any) -> int:
    leaves: list[Any] = optree.tree_leaves(outputs)
    return sum(math.prod(n or 1 for n in leaf.shape) for leaf in leaves)


def _again(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `call` that is computed again, maybe long after the call is over.

    So it runs in a context of its own, of the same training, names and casts; masks go
    in, and come out with the losses that were added.
    """
    around, cast = active.get(), autocasting.get()
    training, path = (None, []) if around is None else (around.training, around.path)
    path = list(path)

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = optree.tree_flatten((args, kwargs))  # type: ignore[arg-type]
        tensors = [x for x in leaves if current().is_tensor(x)]

        def inner(tensors: list[Any], masks: list[Any]) -> Any:
            context = CallContext(training)
            context.path = list(path)
            _put(context, tensors, masks)
            given = iter(tensors)
            filled = [next(given) if current().is_tensor(x) else x for x in leaves]
            args, kwargs = optree.tree_unflatten(spec, filled)
            with context:
                token = autocasting.set(cast and context.cast_to(cast.dtype))
                try:
                    outputs = function(*args, **kwargs)
                finally:
                    autocasting.reset(token)
                return outputs, _masks(outputs), context.losses

        outputs, masks, losses = checkpoint(inner)(tensors, _masks(tensors))
        context = active.get()
        if context is not None:
            _put(context, outputs, masks)
            context.losses += losses
        return outputs

    return call


def _masks(values: Any) -> list[Any]:
    return [mask_of(leaf) for leaf in optree.tree_leaves(values)]


def _put(context: CallContext, values: Any, masks: list[Any]) -> None:
    for leaf, mask in zip(optree.tree_leaves(values), masks, strict=True):
        if mask is not None:
            context.masks[id(leaf)] = (leaf, mask)


def _activation_again(layer: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    held = vars(layer)
    activation = held.get("activation")
    if not callable(activation):
        return function

    def call(*args: Any, **kwargs: Any) -> Any:
        held["activation"] = checkpoint(activation)
        try:
            return function(*args, **kwargs)
        finally:
            held["activation"] = activation

    return call

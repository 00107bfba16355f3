"""Derivatives on torch: autograd outside, `torch.func` inside its own transforms.

Autograd on leaves costs a third of what `torch.func.grad` does, and nests with itself;
it cannot run inside `vmap` or `jvp`, where the functional form takes over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, copy_context
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint as torch_checkpoint

from multinet.interface import Running

Tensors = tuple[Tensor, ...]
Function = Callable[..., Tensors]
Pullback = Callable[[Sequence[Tensor]], Tensors]

#: What is recorded: nothing, for one backward pass, or for derivatives of any order.
NOTHING, ONCE, ANY = 0, 1, 2
_recorded: ContextVar[int] = ContextVar("recorded", default=NOTHING)
functional: Callable[[], bool] = torch._C._are_functorch_transforms_active
_functorch: Any = torch._C._functorch  # type: ignore[attr-defined]


def unwrap(x: Tensor) -> Tensor:
    """Return the plain tensor inside the wrappers of vmap, jvp and the like."""
    while _functorch.is_functorch_wrapped_tensor(x):
        x = _functorch.get_unwrapped(x)
    return x


def is_batched(x: Tensor) -> bool:
    """Return whether a vmap under way maps over `x`."""
    while _functorch.is_functorch_wrapped_tensor(x):
        if _functorch.is_batchedtensor(x):
            return True
        x = _functorch.get_unwrapped(x)
    return False


def is_plain() -> bool:
    """Return whether no transform is under way: no operation is being recorded."""
    return _recorded.get() == NOTHING and not functional()


def is_first_order() -> bool:
    """Return whether nothing will ask for more than one backward pass."""
    return _recorded.get() != ANY and not functional()


def is_differentiable(x: Tensor) -> bool:
    """Return whether gradients exist for the dtype of `x`."""
    return x.is_floating_point() or x.is_complex()


def value_and_grad(
    function: Function, primals: Sequence[Tensor]
) -> tuple[Tensor, Tensors, Tensors]:
    """Return value, auxiliaries and gradients; only where `is_plain()`."""
    leaves = tuple(map(_leaf, primals))
    value, *auxiliary = _record(function, leaves, ONCE)
    gradients = _gradients([value], leaves, None, False)
    return value.detach(), tuple(x.detach() for x in auxiliary), gradients


def vjp(function: Function, primals: Sequence[Tensor]) -> tuple[Tensors, Pullback]:
    """Return the outputs and the pullback."""
    if functional():
        return _functional_vjp(function, primals)
    leaves = tuple(map(_leaf, primals))
    outputs = _record(function, leaves, ANY)

    def pullback(cotangents: Sequence[Tensor]) -> Tensors:
        if functional():  # autograd does not see what this transform tracks
            return _functional_vjp(function, primals)[1](cotangents)
        return _gradients(outputs, leaves, cotangents, True)

    if _recorded.get() == NOTHING:
        return tuple(y.detach() for y in outputs), pullback
    return outputs, pullback


def _leaf(x: Tensor) -> Tensor:
    if not is_differentiable(x):
        return x
    # Inside another derivative the alias is a node of its own that stays connected.
    return x.view_as(x) if x.requires_grad else x.detach().requires_grad_()


def _record(function: Function, leaves: Tensors, what: int) -> Tensors:
    token = _recorded.set(what)
    try:
        with torch.enable_grad():
            return tuple(function(*leaves))
    finally:
        _recorded.reset(token)


def _gradients(
    outputs: Sequence[Tensor],
    leaves: Tensors,
    cotangents: Sequence[Tensor] | None,
    retain: bool,
) -> Tensors:
    used = [i for i, y in enumerate(outputs) if y.requires_grad]
    inputs = [x for x in leaves if x.requires_grad]
    found: Any = iter(())
    if used and inputs:
        found = iter(
            torch.autograd.grad(
                [outputs[i] for i in used],
                inputs,
                None if cotangents is None else [cotangents[i] for i in used],
                create_graph=_recorded.get() != NOTHING,
                retain_graph=retain,
                allow_unused=True,
                materialize_grads=True,
            )
        )
    return tuple(
        _stored(next(found)) if used and x.requires_grad else torch.zeros_like(x)
        for x in leaves
    )


def _functional_vjp(
    function: Function, primals: Sequence[Tensor]
) -> tuple[Tensors, Pullback]:
    inexact = [i for i, x in enumerate(primals) if is_differentiable(x)]
    used: list[int] = []

    def inner(*xs: Tensor) -> tuple[Tensors, Tensors]:
        arguments = list(primals)
        for i, x in zip(inexact, xs, strict=True):
            arguments[i] = x
        outputs = tuple(function(*arguments))
        used[:] = [i for i, y in enumerate(outputs) if is_differentiable(y)]
        return tuple(outputs[i] for i in used), outputs

    if not inexact:
        outputs, pull = tuple(function(*primals)), None
    else:
        xs = [primals[i] for i in inexact]
        found: Any = torch.func.vjp(inner, *xs, has_aux=True)
        _, pull, outputs = found

    def pullback(cotangents: Sequence[Tensor]) -> Tensors:
        gradients = [torch.zeros_like(x) for x in primals]
        if pull is not None and used:
            pulled = pull(tuple(cotangents[i] for i in used))
            for i, gradient in zip(inexact, pulled, strict=True):
                gradients[i] = _stored(gradient)
        return tuple(gradients)

    return outputs, pullback


def jvp(
    function: Function, primals: Sequence[Tensor], tangents: Sequence[Tensor]
) -> tuple[Tensors, Tensors]:
    """Return the outputs and their derivative along `tangents`."""

    def inner(*xs: Tensor) -> Tensors:
        return (*function(*xs), xs[0])  # torch refuses functions without results

    found: Any = torch.func.jvp(inner, tuple(primals), tuple(tangents))
    return found[0][:-1], tuple(map(_stored, found[1][:-1]))


def _stored(x: Tensor) -> Tensor:
    # Derivatives may be zeros without memory, which NumPy and storage cannot see.
    return torch.zeros_like(x) if x._is_zerotensor() else x


def checkpoint(function: Function) -> Function:
    """Return the function that recomputes its intermediates in the backward pass.

    Inside `vmap` and `jvp`, which have no hooks for saved tensors, it keeps them; torch
    refuses a `vjp` inside a `vmap` inside the function.
    """

    def run(*xs: Tensor) -> Tensors:
        if functional() or _recorded.get() == NOTHING:
            return function(*xs)
        context = copy_context()  # the backward pass may run in another thread

        def again(*xs: Tensor) -> Tensors:
            return context.copy().run(function, *xs)

        return torch_checkpoint(
            again, *xs, use_reentrant=False, preserve_rng_state=False
        )

    return run


class _Rule:
    """One call of a function with its own reverse rule."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.context = copy_context()
        self.pullback: Callable[..., Tensors] | None = None


class _Ruled(torch.autograd.Function):
    """The autograd node of such a call."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rule: _Rule, *xs: Tensor) -> Tensors:  # type: ignore[override]
        outputs, pullback = rule.function(*xs)
        if not functional():
            rule.pullback = pullback
        # The pullback may hold the outputs: as aliases they do not hold this node.
        return tuple(y.detach() for y in outputs)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.rule = inputs[0]
        ctx.save_for_backward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None, *ctx.rule.context.copy().run(_pull, ctx, cotangents)


def _pull(ctx: Any, cotangents: Tensors) -> list[Tensor | None]:
    xs, pullback = ctx.saved_tensors, ctx.rule.pullback
    if pullback is None or torch.is_grad_enabled():
        # The derivative of this one needs residuals that depend on the inputs.
        _, pullback = ctx.rule.function(*xs)
    gradients = pullback(*cotangents)
    return [
        g if is_differentiable(x) else None for x, g in zip(xs, gradients, strict=True)
    ]


def _watched(xs: Sequence[Tensor]) -> bool:
    """Return whether a caller of torch's own `backward` asks for gradients."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in xs)


def custom_gradient(function: Callable[..., tuple[Tensors, Any]]) -> Function:
    """Return a function whose reverse rule the caller wrote."""

    def run(*xs: Tensor) -> Tensors:
        if is_plain() and not _watched(xs):
            return tuple(function(*xs)[0])
        return _Ruled.apply(_Rule(function), *xs)  # type: ignore[no-any-return]

    return run


def jit(function: Function, donate: Sequence[int]) -> Function:
    """Return the function that just runs, with results that alias nothing."""
    donated = frozenset(donate)

    def run(*arguments: Any) -> Tensors:
        with Running():
            results = tuple(function(*arguments))
        if not is_plain():
            return results
        taken = storages(x for i, x in enumerate(arguments) if i not in donated)
        return tuple(owned(x, taken) for x in results)

    return run


def storages(xs: Iterable[Any]) -> set[int]:
    """Return where the tensors among `xs` lie in memory."""
    return {x.untyped_storage().data_ptr() for x in xs if isinstance(x, Tensor)}


def owned(x: Tensor, taken: set[int]) -> Tensor:
    """Return x, copied if it shares memory with `taken`, to which it is added."""
    storage = x.untyped_storage()
    expanded = storage.nbytes() < x.nbytes
    if expanded or storage.data_ptr() in taken:
        x = x.clone(memory_format=torch.contiguous_format)
        storage = x.untyped_storage()
    if storage.nbytes():
        taken.add(storage.data_ptr())
    return x

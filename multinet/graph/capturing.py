"""Capturing models, functions and steps of training."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from typing import Any

import optree

from multinet.checks import one_of
from multinet.errors import ArgumentError
from multinet.graph.checking import check_graph
from multinet.graph.graph import Graph
from multinet.graph.recording import wholes
from multinet.graph.specs import Arguments, Spec
from multinet.graph.tracing import record
from multinet.scope import active_scope
from multinet.training.step import Form, make_step
from multinet.typing import AnyModel, AnyVariable, Tensor, Tensors, Tree


def capture(
    target: Callable[..., Tensors],
    *args: Tree,
    whole: bool | Collection[str] = True,
    check: bool = True,
    **options: object,
) -> Graph:
    """Return the graph of a model, a layer or a function of tensors.

    `args` are what it is called on: a `Spec`, a symbolic tensor such as an `Input`, a
    tensor or an array for each argument that is one, in trees as the target takes them.
    A functional model needs none. Unknown sizes stay unknown. `options` such as
    `training=True` are passed on, and are part of the program.

    `whole` are the fused methods of the interface that are one node each: all for True,
    none for False, or those named. Variables are read, not copied; what the program
    writes to them is among the `updates`. Random numbers are those of step 0.

    With `check` the graph and the program are both run on data, at two sets of sizes if
    some are unknown, and `TraceError` tells where they first differ.

    >>> graph = multinet.graph.capture(model, multinet.graph.Spec(("batch", 784)))
    >>> print(graph)
    """
    program = functools.partial(target, **options) if options else target
    arguments = Arguments(target, args or _inputs_of(target))
    name = getattr(target, "name", None) or getattr(target, "__name__", "graph")
    graph = record(program, arguments, wholes(whole), str(name), target)
    if check:
        check_graph(program, graph, arguments)
    return graph


def capture_step(
    model: AnyModel,
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    kind: str = "train",
    whole: bool | Collection[str] = True,
    check: bool = True,
) -> Graph:
    """Return the graph of a whole step of a compiled model.

    `kind` is "train", "test" or "predict"; data are told as to `capture`. The inputs
    after them are the number of the step, from 1, and, in training, that of the update
    and the learning rate. What the step writes, such as weights, slots of the optimizer
    and metrics, is among the `updates`, the logs that are no metrics' are the outputs.
    """
    one_of(kind, "kind", ("train", "test", "predict"))
    data = (x, y, sample_weight)
    spec: Any = Arguments(model, data).shapes()
    if kind != "predict":
        model._trainer.prepare(spec, training=kind == "train")
    step = make_step(model, kind, Form(spec, 2))
    scalars = [Spec((), "uint32")]
    if step.optimizer is not None:
        scalars += [Spec((), "int32"), Spec((), step.optimizer.rate_dtype)]

    def program(*args: Any) -> Any:
        batch: Any = optree.tree_leaves(args[:3])  # type: ignore[arg-type]
        state = [v.uncast() for v in step.variables]
        results = step.function(*state, *batch, *args[3:])
        for variable, old, new in zip(step.variables, state, results):
            if new is not old:
                _write(variable, new)
        return optree.tree_unflatten(step.output_spec, results[len(state) :])

    arguments = Arguments(_named_step, (*data, *scalars))
    name = f"{model.name}_{kind}_step"
    graph = record(program, arguments, wholes(whole), name, model)
    if check:
        check_graph(program, graph, arguments)
    return graph


def _inputs_of(target: Any) -> tuple[Tree, ...]:
    inputs = getattr(target, "inputs", None)
    if not inputs:
        raise ArgumentError(
            f"Expected what {target!r} is to be captured on: a multinet.graph.Spec, a "
            "tensor or an array for each argument that is one."
        )
    return (target._graph.inputs,)


def _named_step(
    x: Tree, y: Tree, sample_weight: Tree, step: Any, update: Any, rate: Any
) -> None:
    """Tell the names of the arguments of a step."""


def _write(variable: AnyVariable, value: Tensor) -> None:
    scope = active_scope()
    assert scope is not None
    scope.write(variable, value)

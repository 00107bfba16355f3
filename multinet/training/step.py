"""The pure step: state and batch in, state and outputs out, compiled by the backend.

There is one trainer for every framework. State is a flat list of tensors, the values of
Variables in a fixed order; a scope makes the model read and write them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet.errors import ArgumentError
from multinet.interface import EagerProgram, Program
from multinet.layers.base import CallContext
from multinet.registry import current
from multinet.scope import Scope, stream
from multinet.streams import Entry, StepStream
from multinet.training.data import Batch
from multinet.variables import Variable


class Step:
    """One kind of step of a model (train, test or predict) on one tree of data.

    `applied` tells how many updates it does.

    `variables` are all that it reads; `written` those to which it gave new values,
    known once it has been traced.
    """

    applied = 1

    def __init__(self, model: Any, kind: str, spec: Any) -> None:
        self.model, self.kind, self.spec = model, kind, spec
        self.trained: list[Variable] = (
            model.trainable_weights if kind == "train" else []
        )
        trained = {id(v) for v in self.trained}
        kept = [*model.weights, *model.state_variables]
        if kind == "predict":
            kept += model._called_variables()  # by its layers, though nobody asks
        kept = list({id(v): v for v in kept}.values())
        self.others = [v for v in kept if id(v) not in trained]
        self.slots = model.optimizer.slot_variables if kind == "train" else []
        self.counters = [] if kind == "predict" else model.metrics_variables
        self.variables = [*self.trained, *self.others, *self.slots, *self.counters]
        if kind == "train":
            self._check_optimizer()
        self.updated = set(map(id, [*self.trained, *self.slots]))
        self.output_spec: Any = None
        self.written: dict[int, Variable] = {}

    def _check_optimizer(self) -> None:
        known = {id(v) for v in self.model.optimizer.optimized}
        new = [v.path for v in self.trained if id(v) not in known]
        if new:
            raise ArgumentError(
                f"The optimizer does not know {new[:3]}: weights were added or "
                "unfrozen after it was built. Call model.compile(...) with a new "
                "optimizer."
            )

    def logs(self, outputs: Sequence[Any]) -> dict[str, float]:
        """Return the logs in the outputs of the last step; there are none."""
        return {}

    def program(self, eagerly: bool, jit_compile: Any) -> Program[Any]:
        """Return the program of this step on the backend in use."""
        backend = current()
        consumed = [i for i, v in enumerate(self.variables) if id(v) in self.updated]
        scalars = ["uint32"]  # random counter, then update number and rate
        if self.kind == "train":
            optimizer = self.model.optimizer
            rate = "float32" if optimizer is None else optimizer.rate_dtype
            scalars += ["int32", rate]
        if eagerly:
            return EagerProgram(backend, self.function, consumed, scalars)
        return backend.program(self.function, consumed, scalars, jit_compile)

    def function(self, *flat: Any) -> tuple[Any, ...]:
        """Return the new state and the outputs for state, batch and scalars."""
        count = len(self.variables)
        stop = count + self.spec.num_leaves
        state, scalars = flat[:count], flat[stop:]
        batch = Batch(*optree.tree_unflatten(self.spec, flat[count:stop]))
        draws = StepStream(scalars[0], self.model._draws.key)
        with Scope(self.variables, state, stream=draws) as scope:
            scope.owns = True
            outputs = self._body(scope, batch, *scalars[1:])
            after = scope.values_of(self.variables)
        for i, (variable, old, new) in enumerate(zip(self.variables, state, after)):
            if old is not new or id(variable) in self.updated:
                self.written[i] = variable
        return (*after, *outputs)

    def _body(self, scope: Scope, batch: Batch, *scalars: Any) -> Sequence[Any]:
        return _BODIES[self.kind](self, scope, batch, *scalars)

    def _train(
        self, scope: Scope, batch: Batch, count: Any, rate: Any
    ) -> Sequence[Any]:
        model = self.model
        found: list[Any] = []
        params = scope.values_of(self.trained)
        compute = self._loss_of_params(scope, batch, found)
        _, auxiliary, grads = current().value_and_grad(compute, params)
        changed, each, tree = found
        loss, values, rest = (
            auxiliary[0],
            auxiliary[1 : 1 + len(changed)],
            auxiliary[1 + len(changed) :],
        )
        self._write(scope, changed, values)
        outputs = optree.tree_unflatten(tree, rest[each:])
        gradient = dict(zip(map(id, self.trained), grads))
        optimized = model.optimizer.optimized
        params, slots = model.optimizer.update(
            scope.values_of(optimized),
            [gradient.get(id(v)) for v in optimized],
            scope.values_of(self.slots),
            count,
            rate,
        )
        self._write(scope, [*optimized, *self.slots], [*params, *slots])
        model._update_metrics(batch, outputs, loss, rest[:each])
        return ()

    def _loss_of_params(
        self, scope: Scope, batch: Batch, found: list[Any]
    ) -> Callable[..., tuple[Any, ...]]:
        """Return the function to differentiate; `found` tells what it returns besides.

        An inner scope: what the model writes while it is differentiated must leave the
        function as an auxiliary output.
        """
        model, carried = self.model, [*self.others, *self.counters]
        fixed = [*self.others, *self.slots, *self.counters]
        entry = Entry(stream())

        def compute(*params: Any) -> tuple[Any, ...]:
            before = scope.values_of(fixed)
            given = [*params, *before]
            with Scope(self.variables, given, stream=entry.again()) as inner:
                loss, each, outputs = model._forward(batch, training=True)
                leaves, tree = optree.tree_flatten(outputs)
                changed = [
                    v for v in carried if inner.values[id(v)] is not scope.values[id(v)]
                ]
                found[:] = [changed, len(each), tree]
                scaled = model.optimizer.scale_loss(loss)
                return (scaled, loss, *inner.values_of(changed), *each, *leaves)

        return compute

    def _test(self, scope: Scope, batch: Batch) -> Sequence[Any]:
        loss, losses, outputs = self.model._forward(batch, training=False)
        self.model._update_metrics(batch, outputs, loss, losses)
        return ()

    def _predict(self, scope: Scope, batch: Batch) -> Sequence[Any]:
        with CallContext(training=False):
            outputs = self.model(batch.x, training=False)
        leaves, self.output_spec = optree.tree_flatten(outputs)
        return leaves

    @staticmethod
    def _write(
        scope: Scope, variables: Sequence[Variable], values: Sequence[Any]
    ) -> None:
        scope.values.update(zip(map(id, variables), values, strict=True))


_BODIES: dict[str, Callable[..., Sequence[Any]]] = {
    "train": Step._train,
    "test": Step._test,
    "predict": Step._predict,
}

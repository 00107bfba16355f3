"""The pure step: state and batch in, state and outputs out, compiled by the backend.

There is one trainer for every framework. State is a flat list of tensors, the values of
Variables in a fixed order; a scope makes the model read and write them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import optree

from multinet.errors import ArgumentError
from multinet.layers.base import CallContext
from multinet.registry import current
from multinet.scope import Scope
from multinet.training.data import Batch
from multinet.variables import Variable


class Step:
    """One kind of step of a model (train, test or predict), compiled for a batch's
    tree.

    `variables` are all that it reads; `written` those whose new values it returns.
    """

    def __init__(self, model: Any, kind: str, spec: Any, compiled: bool) -> None:
        self.model, self.kind, self.spec = model, kind, spec
        self.trained: list[Variable] = (
            model.trainable_weights if kind == "train" else []
        )
        trained = {id(v) for v in self.trained}
        others = [v for v in model.weights if id(v) not in trained]
        slots = model.optimizer.slot_variables if kind == "train" else []
        counters = [] if kind == "predict" else model.metrics_variables
        self.others, self.slots, self.counters = others, slots, counters
        self.variables = [*self.trained, *others, *slots, *counters]
        if kind == "train":
            self._check_optimizer()
        body = {"train": self._train, "test": self._test, "predict": self._predict}[
            kind
        ]
        self.output_spec: Any = None
        self.written: list[Variable] = []  # known once the step has been traced
        function = self._pure(body)
        self.function = current().jit(function, ()) if compiled else function

    def _check_optimizer(self) -> None:
        known = {id(v) for v in self.model.optimizer.optimized}
        new = [v.path for v in self.trained if id(v) not in known]
        if new:
            raise ArgumentError(
                f"The optimizer does not know {new[:3]}: weights were added or "
                "unfrozen after it was built. Call model.compile(...) with a new "
                "optimizer."
            )

    def __call__(self, state: Sequence[Any], batch: Batch, *scalars: Any) -> Any:
        """Return the new values of `written`, and the flat outputs."""
        leaves = optree.tree_leaves(batch.tree())  # type: ignore[arg-type]
        results = self.function(*state, *leaves, *scalars)
        cut = len(self.written)
        return list(results[:cut]), list(results[cut:])

    def _pure(self, body: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
        count, leaves = len(self.variables), self.spec.num_leaves

        def function(*flat: Any) -> tuple[Any, ...]:
            state, scalars = flat[:count], flat[count + leaves :]
            batch = Batch(
                *optree.tree_unflatten(self.spec, flat[count : count + leaves])
            )
            with Scope(self.variables, state, step=scalars[0]) as scope:
                outputs = body(scope, batch, *scalars[1:])
                self.written = self._written(state, scope.values_of(self.variables))
                return (*scope.values_of(self.written), *outputs)

        return function

    def _written(self, before: Sequence[Any], after: Sequence[Any]) -> list[Variable]:
        """Return what has a new value: what was only read need not be copied out.

        An optimizer may have consumed its inputs and return the same objects, changed.
        """
        updated = set(map(id, [*self.trained, *self.slots]))
        triples = zip(self.variables, before, after, strict=True)
        return [v for v, x, y in triples if x is not y or id(v) in updated]

    def _train(
        self, scope: Scope, batch: Batch, count: Any, rate: Any
    ) -> Sequence[Any]:
        model, backend = self.model, current()
        trained, carried = self.trained, [*self.others, *self.counters]
        spec: list[Any] = []

        def compute(*params: Any) -> tuple[Any, ...]:
            # An inner scope: what the model writes while it is differentiated must
            # leave the function as an auxiliary output.
            values = scope.values_of([*self.others, *self.slots, *self.counters])
            with Scope(self.variables, [*params, *values], scope.step) as inner:
                loss, each, outputs = model._forward(batch, training=True)
                leaves, tree = optree.tree_flatten(outputs)
                spec[:] = [len(each), tree]
                scaled = model.optimizer.scale_loss(loss)
                return (scaled, loss, *each, *inner.values_of(carried), *leaves)

        params = scope.values_of(trained)
        _, (loss, *auxiliary), grads = backend.value_and_grad(compute, params)
        losses, auxiliary = auxiliary[: spec[0]], auxiliary[spec[0] :]
        self._write(scope, carried, auxiliary[: len(carried)])
        outputs = optree.tree_unflatten(spec[1], auxiliary[len(carried) :])
        gradient = dict(zip(map(id, trained), grads))
        optimized = model.optimizer.optimized
        params, slots = model.optimizer.update(
            scope.values_of(optimized),
            [gradient.get(id(v)) for v in optimized],
            scope.values_of(self.slots),
            count,
            rate,
        )
        self._write(scope, [*optimized, *self.slots], [*params, *slots])
        model._update_metrics(batch, outputs, loss, losses)
        return ()

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


class State:
    """The values of a step's variables while a loop runs, apart from the Variables.

    The loop owns them: they start as copies, so arrays that a user holds never change.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.trains = step.kind == "train"
        self.load()

    def load(self) -> None:
        """Take the values of the Variables."""
        backend = current()
        values = [v.__multinet_tensor__() for v in self.step.variables]
        # A training step may consume its state: only copies may be consumed.
        self.values = [backend.copy(x) for x in values] if self.trains else values
        self.ahead = self.lent = False
        if self.trains:
            self.updates = int(self.step.model.optimizer.iterations.numpy())

    def run(self, batch: Batch) -> list[Any]:
        """Run one step; return its flat outputs."""
        if self.lent:
            self.load()
        written, outputs = self.step(self.values, batch, *self._scalars())
        if self.trains:
            self.updates += 1
        new = dict(zip(map(id, self.step.written), written))
        pairs = zip(self.step.variables, self.values)
        self.values = [new.get(id(v), old) for v, old in pairs]
        self.ahead = True
        return outputs

    def _scalars(self) -> tuple[Any, ...]:
        """Return what a step is told besides data: its number, and the update's."""
        backend, model = current(), self.step.model
        model._random_step += 1
        counter = backend.argument(model._random_step, "uint32")
        if not self.trains:
            return (counter,)
        rate = model.optimizer.rate_at(self.updates)
        return (
            counter,
            backend.argument(self.updates + 1, "int32"),
            backend.argument(rate, "float32"),
        )

    def store(self) -> None:
        """Give the values that steps wrote since the last time to the Variables."""
        if not self.ahead:
            return  # a callback may have set Variables since: they are the newer ones
        written = set(map(id, self.step.written))
        for variable, value in zip(self.step.variables, self.values):
            if id(variable) in written:
                variable._value = value
        if self.trains:
            self.step.model.optimizer.iterations.assign(self.updates)
        self.ahead, self.lent = False, self.trains

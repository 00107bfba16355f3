"""The steps of a model, to be overridden; the same code for every backend."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import optree

from multinet import ops
from multinet.calls import CallContext
from multinet.errors import MultinetError
from multinet.layers.context import mask_of, set_mask
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.scope import active_scope
from multinet.symbolic.dims import Dim
from multinet.training.logs import MetricResults, as_floats
from multinet.training.task import Matched
from multinet.transforms import value_and_grad
from multinet.typing import AnyModel, Making, Tensor, Tree
from multinet.utils.packing import unpack_x_y_sample_weight

Function = Callable[[Iterator[Any]], Any]


class Hooks:
    """What a step of a model does, in methods that users may override.

    A step gets `data` as it was given to fit: x, (x, y) or (x, y, sample_weight). It is
    compiled, with all Variables that it reads or writes as state.

    >>> class Gan(Model):
    ...     def train_step(self, data):
    ...         loss, grads = value_and_grad(self.loss_of)(self.critic.weights, data)
    ...         self.critic_optimizer.apply(grads, self.critic.weights)
    ...         return {"loss": loss}
    """

    # What the model brings with it.
    __call__: Callable[..., Any]
    name: str
    optimizer: Making
    losses: Any
    metrics: Tree
    trainable_variables: Any
    _matched: Matched | None = None
    _trainer: Any
    train_function: Function | None = None
    test_function: Function | None = None
    predict_function: Function | None = None

    @property
    def _loss_tracker(self) -> Any:
        """The mean of the loss, by the name that steps written for Keras know."""
        return None if self._matched is None else self._matched.tracker

    def train_step(self, data: Tree) -> Mapping[str, Any]:
        """Do one step of training; return the logs, scalars by name."""
        x, y, weight = unpack_x_y_sample_weight(data)

        def compute(variables: Any) -> Any:
            loss, y_pred, masks = self._forward(x, y, weight, training=True)
            return self.optimizer.scale_loss(loss), (loss, y_pred, masks)

        trained = self.trainable_variables
        if trained:
            both = value_and_grad(compute, has_aux=True)
            (_, (loss, y_pred, masks)), grads = both(trained)
            self.optimizer.apply(grads, trained)
        else:
            loss, y_pred, masks = self._forward(x, y, weight, training=True)
        _keep(masks, y_pred)
        return self._logs(x, y, y_pred, weight, loss)

    def test_step(self, data: Tree) -> Mapping[str, Any]:
        """Evaluate one batch; return the logs, scalars by name."""
        x, y, weight = unpack_x_y_sample_weight(data)
        loss, y_pred, masks = self._forward(x, y, weight, training=False)
        _keep(masks, y_pred)
        return self._logs(x, y, y_pred, weight, loss)

    def predict_step(self, data: Tree) -> Tree:
        """Return the outputs for one batch."""
        return self(unpack_x_y_sample_weight(data)[0], training=False)

    def make_train_function(self, force: bool = False) -> Function:
        """Return the function that does a training step on the next of an iterator.

        It returns the logs, and is kept as `train_function`; `force` makes it anew.
        `fit` calls the one of a model that overrides this, batch by batch.
        """
        return self._make_function("train", force)

    def make_test_function(self, force: bool = False) -> Function:
        """Return the function that evaluates the next batch of an iterator."""
        return self._make_function("test", force)

    def make_predict_function(self, force: bool = False) -> Function:
        """Return the function that gives the outputs for the next of an iterator."""
        return self._make_function("predict", force)

    def _make_function(self, kind: str, force: bool) -> Function:
        name = f"{kind}_function"
        if force or getattr(self, name) is None:
            step_on = self._trainer.step_on
            setattr(self, name, lambda iterator: step_on(kind, next(iterator)))
        return getattr(self, name)

    def _forward(self, x: Tree, y: Tree, weight: Tree, training: bool) -> Any:
        """Return the loss, the outputs and the masks of these."""
        with CallContext(training=training):
            y_pred = self(x, training=training)
            given = {"x": x, "y": y, "y_pred": y_pred, "sample_weight": weight}
            if _takes_training(_function(self.compute_loss)):
                given["training"] = training
            loss = self.compute_loss(**given)
            return loss, y_pred, [mask_of(t) for t in optree.tree_leaves(y_pred)]

    def _logs(
        self, x: Tree, y: Tree, y_pred: Tree, weight: Tree, loss: Tree
    ) -> Mapping[str, Any]:
        if self._loss_tracker is not None:
            self._loss_tracker.update_state(loss, sample_weight=_rows(x))
        return self.compute_metrics(x, y, y_pred, sample_weight=weight)

    def compute_loss(
        self,
        x: Tree = None,
        y: Tree = None,
        y_pred: Tree = None,
        sample_weight: Tree = None,
        training: bool = True,
    ) -> Tensor:
        """Return the scalar to minimize: the losses of `compile` and of the layers."""
        total = None
        self._trainer.expect(y, y_pred)
        if self._matched is not None:
            size = _rows(y_pred if x is None else x)
            total = self._matched.total(y, y_pred, sample_weight, size)
        for extra in self.losses:
            total = extra if total is None else ops.add(total, extra)
        if total is None:
            raise MultinetError(
                f"{self.name} has nothing to minimize: pass loss=... to compile, or "
                "call add_loss in a layer."
            )
        return total

    def compute_metrics(
        self, x: Tree, y: Tree, y_pred: Tree, sample_weight: Tree = None
    ) -> Mapping[str, Any]:
        """Update the metrics given to compile; return all results, by name."""
        self._trainer.expect(y, y_pred)
        if self._matched is not None:
            self._matched.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> Mapping[str, Any]:
        """Return the results of all metrics by name: floats, in a step tensors."""
        results = MetricResults(self.metrics)
        if active_scope() is not None or current().symbolic:
            return results
        return as_floats(results)


_INSIDE = ("compute_loss", "compute_metrics", "get_metrics_result")
_CALLED = {"train": _INSIDE, "test": _INSIDE, "predict": ()}


def own_step(model: AnyModel, kind: str) -> bool:
    """Return whether the model has a step of its own."""
    return _is_own(model, f"{kind}_step")


def own_function(model: AnyModel, kind: str) -> Function | None:
    """Return the function of a model that makes its own, else None."""
    if not _is_own(model, f"make_{kind}_function"):
        return None
    kept = f"{kind}_function"
    if getattr(model, kept) is None:
        made = getattr(model, f"make_{kind}_function")()
        if made is not None:
            setattr(model, kept, made)
    return getattr(model, kept)


def overridden(model: AnyModel, kind: str) -> bool:
    """Return whether the model has methods of its own that a step as it comes calls."""
    return any(_is_own(model, name) for name in _CALLED[kind])


def _is_own(model: AnyModel, name: str) -> bool:
    return _function(getattr(model, name)) is not getattr(Hooks, name)


def _function(method: Any) -> Any:
    return getattr(method, "__func__", method)


@functools.cache
def _takes_training(method: Any) -> bool:
    """Return whether a `compute_loss` wants to know: overrides need not."""
    parameters = inspect.signature(method).parameters
    kinds = {p.kind for p in parameters.values()}
    return "training" in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def _keep(masks: Any, outputs: Tree) -> None:
    """Give outputs their masks again, which a transform or a context took."""
    for tensor, mask in zip(optree.tree_leaves(outputs), masks, strict=True):
        set_mask(tensor, mask)


def _rows(x: Tree) -> Any:
    """Return the number of samples, which a mean of the loss weighs it with."""
    size = ops.shape(optree.tree_leaves(x)[0])[0]
    return as_tensor(size, "float32") if isinstance(size, Dim) else float(size)

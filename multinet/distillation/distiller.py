"""Distiller: a model that trains a student on data and on what a teacher gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import optree

from multinet import losses, metrics, ops
from multinet.checks import number
from multinet.distillation.losses import DistillationLoss, aligned, losses_of
from multinet.errors import ArgumentError, ShapeError
from multinet.models import Model
from multinet.objects import serialize_keras_object
from multinet.objects.serialization import from_data
from multinet.registry import current
from multinet.typing import AnyModel, Config, Making, Tensor, Tree

_LAST = "final_output"


class Distiller(Model):
    """Trains a `student` by its loss and by its distance from a `teacher`.

    The loss is `student_loss_weight` times that of `compile`, and the rest of 1 times
    the sum of `distillation_losses`, each times its weight, 1 unless
    `distillation_loss_weights` says otherwise. The logs have "student_loss",
    "distillation_loss" and "total_loss". The teacher is frozen, and runs as in
    `predict`. Called, the model is its student.
    """

    def __init__(
        self,
        teacher: AnyModel,
        student: AnyModel,
        distillation_losses: DistillationLoss | Sequence[DistillationLoss],
        distillation_loss_weights: Sequence[float] | None = None,
        student_loss_weight: float = 0.5,
        name: str | None = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        self.teacher, self.student = teacher, student
        self.student_loss_weight = number(
            student_loss_weight, "student_loss_weight", least=0, most=1
        )
        self.distillation_losses = _listed(distillation_losses)
        self.distillation_loss_weights = _weights(
            distillation_loss_weights, len(self.distillation_losses)
        )
        for loss in self.distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        self._teacher_feature_extractor = self._extractor(teacher, "teacher")
        self._student_feature_extractor = self._extractor(student, "student")
        teacher.trainable = False
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def _extractor(self, model: AnyModel, role: str) -> Model | None:
        """Return a model of the outputs and of the layers that losses name."""
        names = [_layer(loss, role) for loss in self.distillation_losses]
        chosen = {n: model.get_layer(n).output for n in names if n is not None}
        if not chosen:
            return None
        outputs = {_LAST: model.output, **chosen}
        name = f"{model.name}_multi_feature_extractor"
        return Model(model.input, outputs, name=name)

    def compile(
        self,
        optimizer: Making = "adam",
        loss: Tree = None,
        metrics: Tree = None,
        **kwargs: Any,
    ) -> None:
        """Choose how to train: `loss` is the student's, or a tree like its outputs.

        Other options are those of `Model.compile`.
        """
        if loss is None:
            raise ArgumentError("Expected loss to be that of the student, got None.")
        if metrics is not None and not isinstance(metrics, list | tuple):
            raise ArgumentError(f"Expected metrics to be a list, got {metrics!r}.")
        self._student_loss = optree.tree_map(losses.resolve, losses_of(loss))
        self._given_loss = loss
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> Config:
        """Return what `compile` was told."""
        config = super().get_compile_config()
        return {**config, "loss": self._given_loss} if config else config

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` says, and make the optimizer's slots.

        A file of Keras does not say the student's loss: then compile by hand.
        """
        if config.get("loss") is None:
            return
        self.compile(**from_data(dict(config)))
        if self.optimizer is not None and self.student.built:
            self.optimizer.build(self.trainable_variables)

    def call(
        self, inputs: Tree, training: bool | None = None, **kwargs: object
    ) -> Tree:
        """Return what the student gives."""
        return self.student(inputs, training=training, **kwargs)

    def compute_loss(
        self,
        x: Tree = None,
        y: Tree = None,
        y_pred: Tree = None,
        sample_weight: Tree = None,
        training: bool = True,
    ) -> Tensor:
        """Return the student's loss and the distances from the teacher, weighted."""
        if y_pred is None:
            y_pred = self(x, training=training)
        share, student, distance = self.student_loss_weight, 0.0, 0.0
        if share > 0 and y is not None:
            student = self._student_loss_of(y, y_pred, sample_weight)
        if share < 1:
            distance = self._distance(x, y_pred, training)
        total = ops.add(ops.multiply(share, student), ops.multiply(1 - share, distance))
        self.student_loss_tracker.update_state(student)
        self.distillation_loss_tracker.update_state(distance)
        self.total_loss_tracker.update_state(total)
        return total

    def _student_loss_of(self, y: Tree, y_pred: Tree, weight: Tree) -> Tensor:
        each = optree.tree_leaves(self._student_loss, none_is_leaf=True)
        places = zip(
            each,
            aligned(self._student_loss, y),
            aligned(self._student_loss, y_pred),
            aligned(self._student_loss, weight)
            if isinstance(weight, list | tuple | dict)
            else [weight] * len(each),
            strict=True,
        )
        found = [ops.mean(loss(*rest)) for loss, *rest in places if loss is not None]
        return ops.sum(ops.stack(found))

    def _distance(self, x: Tree, y_pred: Tree, training: bool) -> Tensor:
        """Return the sum of the distances, each with its weight."""
        by_teacher = _features(self._teacher_feature_extractor, x, False)
        if by_teacher is None:
            by_teacher = {_LAST: self.teacher(x, training=False)}
        by_student = _features(self._student_feature_extractor, x, training) or {}
        total: Any = 0.0
        for loss, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            teacher = by_teacher[_layer(loss, "teacher") or _LAST]
            name = _layer(loss, "student")
            student = y_pred if name is None else by_student[name]
            loss.validate_outputs(teacher, student)
            found = loss.compute_loss(teacher, student)
            shape = tuple(current().shape(found)) if current().is_tensor(found) else ()
            if shape:
                raise ShapeError(
                    f"Expected {type(loss).__name__}.compute_loss to return a scalar, "
                    f"got shape {shape}."
                )
            total = ops.add(total, ops.multiply(weight, found))
        return total

    def get_config(self) -> Config:
        """Return the constructor's arguments, the two models in them."""
        return {
            **self._own_config(Model),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": [
                serialize_keras_object(loss) for loss in self.distillation_losses
            ],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> AnyModel:
        """Return a distiller of this configuration, with fresh weights."""
        return super().from_config(from_data(dict(config)), custom_objects)


def _features(extractor: Model | None, x: Tree, training: bool) -> Tree:
    return None if extractor is None else extractor(x, training=training)


def _layer(loss: DistillationLoss, role: str) -> str | None:
    """Return the layer that a loss names in one of the models."""
    return getattr(loss, f"{role}_layer_name", None) or None


def _listed(found: Any) -> list[DistillationLoss]:
    given = list(found) if isinstance(found, list | tuple) else [found]
    for loss in given:
        if not isinstance(loss, DistillationLoss):
            raise ArgumentError(
                "Expected distillation_losses to be DistillationLoss objects, such as "
                f"LogitsDistillation(), got {loss!r}."
            )
    return given


def _weights(given: Sequence[float] | None, count: int) -> list[float]:
    if given is None:
        return [1.0] * count
    if len(given) != count:
        raise ArgumentError(
            f"Expected distillation_loss_weights for {count} losses, got {len(given)}."
        )
    return [number(weight, "a weight of a distillation loss") for weight in given]


def _check_models(teacher: AnyModel, student: AnyModel) -> None:
    """Refuse what are no models, or models of other data."""
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ArgumentError(f"Expected {role} to be a Model, got {model!r}.")
    if teacher._graph is None or student._graph is None:
        return
    for what in ("inputs", "outputs"):
        ours, theirs = getattr(teacher, what), getattr(student, what)
        alike = len(ours) == len(theirs) and all(map(_fit, ours, theirs))
        if not alike:
            raise ArgumentError(
                f"Expected a student with the {what} of its teacher, "
                f"{[*map(_form, ours)]}, got {[*map(_form, theirs)]}."
            )


def _form(tensor: Any) -> tuple[Any, str]:
    return tensor.shape, tensor.dtype


def _fit(a: Any, b: Any) -> bool:
    pairs = zip(a.shape, b.shape)
    sizes = all(m == n or m is None or n is None for m, n in pairs)
    return len(a.shape) == len(b.shape) and a.dtype == b.dtype and sizes

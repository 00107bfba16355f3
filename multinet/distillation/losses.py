"""How far a student is from its teacher: by outputs, or by what layers give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import optree

from multinet import losses, ops, tree
from multinet.checks import number
from multinet.configurable import Configurable
from multinet.errors import ArgumentError
from multinet.holders import Holder
from multinet.objects.serialization import from_data
from multinet.typing import AnyModel, Tensor, Tensors, Tree

_DIVERGENCE = losses.kl_divergence


class DistillationLoss(Configurable, Holder):
    """The base of what compares a student with its teacher: write `compute_loss`."""

    def compute_loss(
        self, teacher_outputs: Tensors, student_outputs: Tensors, **kwargs: object
    ) -> Tensor:
        """Return the loss, a scalar, of outputs that are tensors or trees of them."""
        raise NotImplementedError(
            f"{type(self).__name__} must define compute_loss(self, teacher_outputs, "
            "student_outputs), which returns a scalar."
        )

    def validate_outputs(
        self, teacher_outputs: Tensors, student_outputs: Tensors
    ) -> None:
        """Refuse outputs of two structures: `ArgumentError`."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(
        self, teacher: AnyModel, student: AnyModel
    ) -> None:
        """Refuse two models that this cannot compare; here any will do."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a new object of this configuration, which may have trees of losses."""
        return cls(**from_data(dict(config)))


class LogitsDistillation(DistillationLoss):
    """The distance of outputs that are logits, divided by `temperature` before.

    `loss` is a loss, or a tree of them like the outputs, with None for outputs that do
    not count. The Kullback-Leibler divergence compares the softmax of the logits, and
    is multiplied by the square of the temperature, so that its gradients have the size
    of those of other losses. Other losses get the divided logits themselves.

    After Hinton et al., "Distilling the Knowledge in a Neural Network" (2015).
    """

    def __init__(self, temperature: float = 3.0, loss: Tree = "kl_divergence") -> None:
        self.temperature = number(temperature, "temperature", above=0)
        self.loss = losses_of(loss)

    def compute_loss(
        self, teacher_outputs: Tensors, student_outputs: Tensors, **kwargs: object
    ) -> Tensor:
        """Return the sum over the outputs, a scalar."""

        def apply(loss: Any, teacher: Tensor, student: Tensor) -> Tensor:
            teacher = ops.divide(teacher, self.temperature)
            student = ops.divide(student, self.temperature)
            if not _is_divergence(loss):
                return ops.mean(loss(teacher, student))
            found = ops.mean(loss(ops.softmax(teacher), ops.softmax(student)))
            return ops.multiply(found, self.temperature**2)

        return _sum(apply, self.loss, teacher_outputs, student_outputs)


class FeatureDistillation(DistillationLoss):
    """The distance of what two layers give, or of the outputs where none is named.

    `loss` is a loss, or a tree of them like what the layers give, with None for what
    does not count. Models whose layers are named must be functional or Sequential.

    After Romero et al., "FitNets: Hints for Thin Deep Nets" (2015).
    """

    def __init__(
        self,
        loss: Tree = "mse",
        teacher_layer_name: str | None = None,
        student_layer_name: str | None = None,
    ) -> None:
        self.loss = losses_of(loss)
        self.teacher_layer_name = teacher_layer_name
        self.student_layer_name = student_layer_name

    def validate_model_compatibility(
        self, teacher: AnyModel, student: AnyModel
    ) -> None:
        """Refuse models that lack the layers, or do not know what these give."""
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is None:
                continue
            if model._graph is None:
                raise ArgumentError(
                    f"Expected a functional or Sequential {role}, with inputs that are "
                    f"known, to find the layer {name!r} in, got {model.name}. Leave "
                    "out the names of layers to compare outputs."
                )
            model.get_layer(name)

    def validate_outputs(
        self, teacher_outputs: Tensors, student_outputs: Tensors
    ) -> None:
        """Refuse outputs of two structures, and losses of another."""
        super().validate_outputs(teacher_outputs, student_outputs)
        aligned(self.loss, teacher_outputs)

    def compute_loss(
        self, teacher_outputs: Tensors, student_outputs: Tensors, **kwargs: object
    ) -> Tensor:
        """Return the sum over what the layers give, a scalar."""

        def apply(loss: Any, teacher: Tensor, student: Tensor) -> Tensor:
            return ops.mean(loss(teacher, student))

        return _sum(apply, self.loss, teacher_outputs, student_outputs)


def losses_of(given: Tree) -> Tree:
    """Return the losses of a tree of names, losses, functions and None."""
    found = optree.tree_map(losses.get, given, none_is_leaf=True)
    if not optree.tree_leaves(found):
        raise ArgumentError(f"Expected a loss for at least one output, got {given!r}.")
    return found


def aligned(loss: Tree, outputs: Tree) -> list[Any]:
    """Return the outputs in the places of the losses of a tree like theirs."""
    form = optree.tree_structure(loss, none_is_leaf=True)
    found = optree.tree_structure(outputs, none_is_leaf=True)
    if form != found:
        raise ArgumentError(
            f"Expected a loss for each output, in the structure {found}, got {form}. "
            "None stands for an output without a loss."
        )
    return optree.tree_leaves(outputs, none_is_leaf=True)


def _sum(
    apply: Callable[..., Tensor], loss: Tree, teacher: Tensors, student: Tensors
) -> Tensor:
    each = optree.tree_leaves(loss, none_is_leaf=True)
    triples = zip(each, aligned(loss, teacher), aligned(loss, student), strict=True)
    found = [apply(*triple) for triple in triples if triple[0] is not None]
    return ops.sum(ops.stack(found))


def _is_divergence(loss: object) -> bool:
    return isinstance(loss, losses.KLDivergence) or loss is _DIVERGENCE

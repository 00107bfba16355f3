"""What a model is trained on, for the targets that scikit-learn gives."""

from __future__ import annotations

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import type_of_target

from multinet.errors import ArgumentError
from multinet.typing import Host


class ColumnTargets(BaseEstimator):
    """Numbers to predict, as columns: (samples,) becomes (samples, 1) and back."""

    def fit(self, y: Host) -> Self:
        """Keep how many axes targets have."""
        _known_type(y)
        self.ndim_ = y.ndim
        return self

    def transform(self, y: Host) -> Host:
        """Return targets as columns."""
        return y.reshape(-1, 1) if y.ndim == 1 else y

    def inverse_transform(self, outputs: Host) -> Host:
        """Return outputs of a model in the shape of the targets."""
        narrow = self.ndim_ == 1 and outputs.ndim == 2 and outputs.shape[1] == 1
        return outputs[:, 0] if narrow else outputs


class ClassTargets(BaseEstimator):
    """Labels to predict, as one column for each class, in the order of `classes_`."""

    def fit(self, y: Host) -> Self:
        """Keep the classes, of which there must be two or more."""
        kind = _known_type(y)
        if kind not in ("binary", "multiclass"):
            raise ArgumentError(
                "Only binary and multiclass target types are supported: one label for "
                f"each sample. Unknown label type: {kind!r}."
            )
        self.ndim_ = y.ndim
        self.classes_ = np.unique(y)
        if len(self.classes_) == 1:
            raise ArgumentError(
                "Classifier can't train when only one class is present, got "
                f"{self.classes_[0]!r} alone."
            )
        return self

    def transform(self, y: Host) -> Host:
        """Return labels as (samples, classes), 1 at the label, in float64."""
        return (y.reshape(-1, 1) == self.classes_).astype("float64")

    def inverse_transform(self, outputs: Host) -> Host:
        """Return the labels with the largest outputs."""
        if outputs.ndim != 2 or outputs.shape[1] != len(self.classes_):
            raise ArgumentError(
                f"Expected an output for each of the {len(self.classes_)} classes, got "
                f"outputs of shape {outputs.shape}. End the model in "
                f"Dense({len(self.classes_)})."
            )
        labels = self.classes_[np.argmax(outputs, axis=1)]
        return labels if self.ndim_ == 1 else labels.reshape(-1, 1)


def _known_type(y: Host) -> str:
    kind = type_of_target(y, input_name="y")
    if kind == "unknown":
        raise ArgumentError(f"Unknown label type for y: {y!r}.")
    return kind

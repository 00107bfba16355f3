"""The three estimators: a model behind `fit`, `predict` and `transform`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
import sklearn
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
)
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import MetadataRequest
from sklearn.utils.validation import check_is_fitted, validate_data

from multinet.errors import ArgumentError, MultinetError
from multinet.models import Model
from multinet.models.cloning import clone_model
from multinet.tracebacks import shortening
from multinet.typing import Host, Numbers
from multinet.wrappers.targets import ClassTargets, ColumnTargets


class _Estimator(BaseEstimator):
    """What the three have in common; `model_` and `history_` are there after `fit`."""

    _targets: ClassVar[type[ColumnTargets] | type[ClassTargets]] = ColumnTargets

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: Mapping[str, Any] | None = None,
        fit_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may expect: not the same numbers in each fit."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        return tags

    def __sklearn_clone__(self) -> Self:
        """Return an estimator with the same arguments, not fitted; models are copied.

        The copy of a model has its weights, for `warm_start`.
        """
        own = self.get_params(deep=False)
        copied = {name: copy.deepcopy(value) for name, value in own.items()}
        if not isinstance(self.model, Model):
            copied["model"] = self.model
        return type(self)(**copied)

    @property
    def epoch_(self) -> int:
        """How many epochs the last fit had."""
        history = getattr(self, "history_", None)
        return 0 if history is None else len(history.epoch)

    def set_fit_request(self, **kwargs: bool | None | str) -> Self:
        """Say which arguments of `fit` a meta-estimator hands on, and as what.

        Needs `sklearn.set_config(enable_metadata_routing=True)`.
        """
        if not _routed():
            raise MultinetError(
                "This method is only available when metadata routing is enabled: "
                "sklearn.set_config(enable_metadata_routing=True)."
            )
        request = MetadataRequest(owner=self)
        for name, alias in kwargs.items():
            request.fit.add_request(param=name, alias=alias)
        self._metadata_request = request
        return self

    def fit(self, X: Numbers, y: Numbers, **kwargs: Any) -> Self:
        """Train a model on samples X, (samples, features), and their targets y.

        The keyword arguments are those of `Model.fit`, and go before `fit_kwargs`.
        """
        X, y = validate_data(self, X, y, multi_output=self._several(y))
        targets = self._targets().fit(y)
        columns = targets.transform(y)
        model = self._start(X, columns)
        self.history_ = model.fit(X, columns, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_, self._target_encoder = model, targets
        self._take_classes(targets)
        return self

    def _several(self, y: Any) -> bool:
        """Return whether there are several numbers to predict for a sample."""
        shape = () if y is None else np.asarray(y).shape
        return self._targets is ColumnTargets and shape[1:] not in ((), (1,))

    def _take_classes(self, targets: Any) -> None:
        """Keep what a classifier knows of its targets."""

    def _start(self, X: Host, y: Host) -> Model:
        """Return the model to train: the one of before, a clone, or what is made."""
        if self.warm_start and hasattr(self, "model_"):
            model = self.model_
        elif isinstance(self.model, Model):
            model = self.model if self.warm_start else clone_model(self.model)
        else:
            model = self.model(X=X, y=y, **(self.model_kwargs or {}))
        if not isinstance(model, Model):
            raise ArgumentError(
                f"Expected model to be a Model or a function that makes one, got "
                f"{model!r}."
            )
        if not (model.compiled and model.loss and model.optimizer):
            raise MultinetError(
                "Given model needs to be compiled, and have a loss and an optimizer: "
                "model.compile(optimizer=..., loss=...)."
            )
        return model

    @shortening
    def predict(self, X: Numbers) -> Host:
        """Return what the model makes of samples X, in the shape of the targets."""
        outputs = self._outputs(X)
        return self._target_encoder.inverse_transform(outputs)

    def _outputs(self, X: Numbers) -> Host:
        check_is_fitted(self)
        return self.model_.predict(validate_data(self, X, reset=False))


class SKLearnClassifier(ClassifierMixin, _Estimator):
    """A classifier of scikit-learn around a model.

    `model` is a compiled `Model`, which is cloned before each fit, or a function of
    `X`, `y` and `model_kwargs` that returns one; there y has a column for each class,
    1 at the label. `fit_kwargs` are arguments of `Model.fit`. With `warm_start` the
    model itself is trained, and goes on where the last fit ended. After `fit` there are
    `model_`, `history_` and `classes_`.

    >>> SKLearnClassifier(make_model, model_kwargs={"units": 8}).fit(X, y, epochs=5)
    """

    _targets = ClassTargets

    def _take_classes(self, targets: Any) -> None:
        self.classes_ = targets.classes_

    @shortening
    def decision_function(self, X: Numbers) -> Host:
        """Return the outputs of the model, (samples, classes)."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may expect: not a good score after one epoch."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(RegressorMixin, _Estimator):
    """A regressor of scikit-learn around a model.

    `model` is a compiled `Model`, which is cloned before each fit, or a function of
    `X`, `y` and `model_kwargs` that returns one; there y is (samples, outputs).
    `fit_kwargs` are arguments of `Model.fit`. With `warm_start` the model itself is
    trained, and goes on where the last fit ended. After `fit` there are `model_` and
    `history_`.

    >>> SKLearnRegressor(make_model, model_kwargs={"loss": "mse"}).fit(X, y, epochs=5)
    """

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may expect: not a good score after one epoch."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(TransformerMixin, _Estimator):
    """A transformer of scikit-learn around a model: outputs are features.

    `model` is a compiled `Model`, which is cloned before each fit, or a function of
    `X`, `y` and `model_kwargs` that returns one. `fit_kwargs` are arguments of
    `Model.fit`. With `warm_start` the model itself is trained, and goes on where the
    last fit ended. After `fit` there are `model_` and `history_`.

    >>> SKLearnTransformer(make_model).fit(X, y).transform(X)
    """

    @shortening
    def transform(self, X: Numbers) -> Host:
        """Return the outputs of the model for samples X."""
        return self._outputs(X)

    def __sklearn_tags__(self) -> Tags:
        """Return what scikit-learn may expect: outputs in the dtype of the model."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


def _routed() -> bool:
    return bool(sklearn.get_config().get("enable_metadata_routing"))

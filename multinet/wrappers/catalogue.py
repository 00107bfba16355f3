"""The estimators; `multinet.wrappers` brings them when they are asked for."""

# ruff: noqa: F401
try:
    from multinet.wrappers.estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise ImportError(
        "multinet.wrappers needs scikit-learn, which is not there: pip install "
        "scikit-learn"
    ) from error

"""Models as estimators of scikit-learn, which is imported when one is asked for.

>>> from multinet.wrappers import SKLearnClassifier
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multinet.wrappers.estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]


def __getattr__(name: str) -> type:
    """Return one of the classes above; `multinet.absent` answers for other names."""
    try:
        from multinet.wrappers import estimators  # scikit-learn: optional, and slow
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise ImportError(
            f"{name} needs scikit-learn, which is not there: pip install scikit-learn"
        ) from error
    return getattr(estimators, name)

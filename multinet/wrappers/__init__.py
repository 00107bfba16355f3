"""Models as estimators of scikit-learn, which is imported when one is asked for.

>>> from multinet.wrappers import SKLearnClassifier
"""

from typing import TYPE_CHECKING

from multinet import surface

if TYPE_CHECKING:
    from multinet.wrappers.estimators import (
        SKLearnClassifier,
        SKLearnRegressor,
        SKLearnTransformer,
    )

__all__ = ["SKLearnClassifier", "SKLearnRegressor", "SKLearnTransformer"]

surface.show(__name__, "multinet.wrappers.catalogue")

"""Training a small model to do what a large one does, under Keras's names.

>>> from multinet.distillation import Distiller, LogitsDistillation
>>> distiller = Distiller(teacher, student, LogitsDistillation(temperature=3.0))
>>> distiller.compile("adam", "sparse_categorical_crossentropy")
>>> history = distiller.fit(x, y)
>>> distiller.student.save("small.keras")
"""

from multinet import surface
from multinet.distillation.distiller import Distiller
from multinet.distillation.losses import (
    DistillationLoss,
    FeatureDistillation,
    LogitsDistillation,
)

__all__ = [
    "DistillationLoss",
    "Distiller",
    "FeatureDistillation",
    "LogitsDistillation",
]

surface.show(__name__)

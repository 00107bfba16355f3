"""Callbacks, under Keras's names."""

from multinet.training.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
    ReduceLROnPlateau,
)

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "ReduceLROnPlateau",
]

"""Callbacks, under Keras's names."""

from multinet.training.callbacks import (
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LambdaCallback,
)

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback"]

"""Callbacks, under Keras's names."""

from multinet.training.callbacks.base import Callback, CallbackList
from multinet.training.callbacks.history import EarlyStopping, History, LambdaCallback

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback"]

"""Callbacks, under Keras's names."""

from multinet.training.callbacks import Callback, EarlyStopping, History, LambdaCallback

__all__ = ["Callback", "EarlyStopping", "History", "LambdaCallback"]

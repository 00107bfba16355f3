"""Callbacks, under Keras's names."""

from multinet import surface
from multinet.training.callbacks.backup import BackupAndRestore
from multinet.training.callbacks.bar import ProgbarLogger
from multinet.training.callbacks.base import Callback
from multinet.training.callbacks.board import TensorBoard
from multinet.training.callbacks.checkpoint import ModelCheckpoint
from multinet.training.callbacks.finder import LearningRateFinder
from multinet.training.callbacks.history import History, LambdaCallback
from multinet.training.callbacks.recording import CSVLogger, RemoteMonitor
from multinet.training.callbacks.several import CallbackList
from multinet.training.callbacks.steering import (
    LearningRateScheduler,
    SwapEMAWeights,
    TerminateOnNaN,
)
from multinet.training.callbacks.stopping import EarlyStopping, ReduceLROnPlateau

__all__ = [
    "BackupAndRestore",
    "Callback",
    "CallbackList",
    "CSVLogger",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateFinder",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

surface.show(__name__)

"""The TensorFlow backend of Multinet: a plug-in, loaded when it is first asked for."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any

from multinet.interface import Backend, Plugin, determinism


def load() -> type[Backend[Any]]:
    """Import TensorFlow, without its start-up log, and return the backend class."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Here: a plug-in that nobody has asked for yet costs no import.
    import tensorflow as tf

    with tf.init_scope():  # it may be asked for within a data set's `map`
        from multinet_tensorflow import native
        from multinet_tensorflow.fused import TensorflowBackend

    TensorflowBackend.native = native.TensorflowNative()
    native.install()
    determinism.when_asked(tf.config.experimental.enable_op_determinism)
    return TensorflowBackend


def _distribution() -> str:
    # The same import package ships under two names; the plain one is the usual.
    try:
        metadata.distribution("tensorflow")
    except metadata.PackageNotFoundError:
        return "tensorflow-cpu"
    return "tensorflow"


plugin = Plugin(
    "tensorflow",
    ("tensorflow",),
    _distribution(),
    "pip install 'multinet-nn[tensorflow]'",
    load,
)

"""The calls that `overhead.py` times: the framework's own, the waist's, and ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Call = Callable[[], Any]

#: The ops whose price is that of most programs.
OPS = (
    "add",
    "matmul",
    "where",
    "reshape",
    "sum",
    "concatenate",
    "take",
    "softmax",
    "expand_dims",
    "cast",
    "transpose",
    "stack",
)


def arrays() -> dict[str, Any]:
    """Return the data of the basket: so little that only the calls cost."""
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    return {
        "x": x,
        "y": np.ascontiguousarray(x.T),
        "mask": x > 0,
        "indices": np.array([2, 0, 1], "int32"),
    }


def public(ops: Any, given: Mapping[str, Any]) -> dict[str, Call]:
    """Return the basket by the public ops."""
    x, y = given["x"], given["y"]
    mask, indices = given["mask"], given["indices"]
    return {
        "add": lambda: ops.add(x, x),
        "matmul": lambda: ops.matmul(x, y),
        "where": lambda: ops.where(mask, x, x),
        "reshape": lambda: ops.reshape(x, (4, 2)),
        "sum": lambda: ops.sum(x, axis=-1),
        "concatenate": lambda: ops.concatenate([x, x], axis=-1),
        "take": lambda: ops.take(x, indices, axis=1),
        "softmax": lambda: ops.softmax(x),
        "expand_dims": lambda: ops.expand_dims(x, -1),
        "cast": lambda: ops.cast(x, "int32"),
        "transpose": lambda: ops.transpose(x, (1, 0)),
        "stack": lambda: ops.stack([x, x]),
    }


def waist(backend: Any, given: Mapping[str, Any]) -> dict[str, Call]:
    """Return the basket by the backend's methods, of arguments made ready."""
    x, y = given["x"], given["y"]
    mask, indices = given["mask"], given["indices"]
    return {
        "add": lambda: backend.add(x, x),
        "matmul": lambda: backend.matmul(x, y),
        "where": lambda: backend.where(mask, x, x),
        "reshape": lambda: backend.reshape(x, (4, 2)),
        "sum": lambda: backend.sum(x, (1,), False),
        "concatenate": lambda: backend.concatenate([x, x], 1),
        "take": lambda: backend.pick(x, indices, 1),
        "softmax": lambda: backend.softmax(x, 1),
        "expand_dims": lambda: backend.expand_dims(x, 2),
        "cast": lambda: backend.cast(x, "int32"),
        "transpose": lambda: backend.transpose(x, (1, 0)),
        "stack": lambda: backend.stack([x, x], 0),
    }


def framework(backend: str, given: Mapping[str, Any]) -> dict[str, Call]:
    """Return the basket by the functions of the framework itself."""
    return {"jax": _jax, "torch": _torch, "tensorflow": _tensorflow, "numpy": _numpy}[
        backend
    ](given["x"], given["y"], given["mask"], given["indices"])


def _jax(x: Any, y: Any, mask: Any, indices: Any) -> dict[str, Call]:
    import jax  # the one that is measured
    import jax.numpy as jnp  # the one that is measured

    return {
        "add": lambda: jnp.add(x, x),
        "matmul": lambda: jnp.matmul(x, y),
        "where": lambda: jnp.where(mask, x, x),
        "reshape": lambda: jnp.reshape(x, (4, 2)),
        "sum": lambda: jnp.sum(x, axis=-1),
        "concatenate": lambda: jnp.concatenate([x, x], axis=-1),
        "take": lambda: jnp.take(x, indices, axis=1),
        "softmax": lambda: jax.nn.softmax(x),
        "expand_dims": lambda: jnp.expand_dims(x, -1),
        "cast": lambda: x.astype("int32"),
        "transpose": lambda: jnp.transpose(x, (1, 0)),
        "stack": lambda: jnp.stack([x, x]),
    }


def _torch(x: Any, y: Any, mask: Any, indices: Any) -> dict[str, Call]:
    import torch  # the one that is measured

    return {
        "add": lambda: torch.add(x, x),
        "matmul": lambda: torch.matmul(x, y),
        "where": lambda: torch.where(mask, x, x),
        "reshape": lambda: torch.reshape(x, (4, 2)),
        "sum": lambda: torch.sum(x, -1),
        "concatenate": lambda: torch.cat([x, x], -1),
        "take": lambda: torch.index_select(x, 1, indices),
        "softmax": lambda: torch.softmax(x, -1),
        "expand_dims": lambda: torch.unsqueeze(x, -1),
        "cast": lambda: x.to(torch.int32),
        "transpose": lambda: torch.permute(x, (1, 0)),
        "stack": lambda: torch.stack([x, x]),
    }


def _tensorflow(x: Any, y: Any, mask: Any, indices: Any) -> dict[str, Call]:
    import tensorflow as tf  # the one that is measured

    return {
        "add": lambda: tf.add(x, x),
        "matmul": lambda: tf.matmul(x, y),
        "where": lambda: tf.where(mask, x, x),
        "reshape": lambda: tf.reshape(x, (4, 2)),
        "sum": lambda: tf.reduce_sum(x, axis=-1),
        "concatenate": lambda: tf.concat([x, x], axis=-1),
        "take": lambda: tf.gather(x, indices, axis=1),
        "softmax": lambda: tf.nn.softmax(x),
        "expand_dims": lambda: tf.expand_dims(x, -1),
        "cast": lambda: tf.cast(x, tf.int32),
        "transpose": lambda: tf.transpose(x, (1, 0)),
        "stack": lambda: tf.stack([x, x]),
    }


def _numpy(x: Any, y: Any, mask: Any, indices: Any) -> dict[str, Call]:
    def softmax() -> Any:
        powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
        return powers / np.sum(powers, axis=-1, keepdims=True)

    return {
        "add": lambda: np.add(x, x),
        "matmul": lambda: np.matmul(x, y),
        "where": lambda: np.where(mask, x, x),
        "reshape": lambda: np.reshape(x, (4, 2)),
        "sum": lambda: np.sum(x, axis=-1),
        "concatenate": lambda: np.concatenate([x, x], axis=-1),
        "take": lambda: np.take(x, indices, axis=1),
        "softmax": softmax,
        "expand_dims": lambda: np.expand_dims(x, -1),
        "cast": lambda: x.astype("int32"),
        "transpose": lambda: np.transpose(x, (1, 0)),
        "stack": lambda: np.stack([x, x]),
    }

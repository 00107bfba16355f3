"""Functions of each framework on x (b, t, 4), and the same by `ops`; b comes first."""

from types import SimpleNamespace

import numpy as np

from multinet import ops

A = (np.arange(16, dtype="float32").reshape(4, 4) - 7.5) / 10

#: By `ops`, which the others are compared with.
OPS = {
    "abs": ops.abs,
    "exp": ops.exp,
    "log1p": lambda x: ops.log1p(ops.square(x)),
    "sqrt": lambda x: ops.sqrt(ops.square(x) + 1.0),
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "relu": ops.relu,
    "softmax": lambda x: ops.softmax(x, axis=-1),
    "logsumexp": lambda x: ops.logsumexp(x, axis=-1),
    "sin": ops.sin,
    "power": lambda x: ops.power(ops.abs(x) + 1.0, 1.5),
    "maximum": lambda x: ops.maximum(x, 0.1),
    "clip": lambda x: ops.clip(x, -0.5, 0.5),
    "where": lambda x: ops.where(x > 0, x, 0.1 * x),
    "sum": lambda x: ops.sum(x, axis=1),
    "mean": lambda x: ops.mean(x, axis=(1, 2)),
    "max": lambda x: ops.max(x, axis=-1),
    "prod": lambda x: ops.prod(x, axis=-1),
    "std": lambda x: ops.std(x, axis=-1),
    "norm": lambda x: ops.norm(x + 0.1, axis=-1),
    "cumsum": lambda x: ops.cumsum(x, axis=1),
    "sort": lambda x: ops.sort(x, axis=-1),
    "flip": lambda x: ops.flip(x, axis=1),
    "roll": lambda x: ops.roll(x, 1, axis=1),
    "reshape": lambda x: ops.reshape(x, (ops.shape(x)[0], -1)),
    "flatten": lambda x: ops.reshape(x, (-1, ops.shape(x)[1] * 4)),
    "transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "expand": lambda x: ops.expand_dims(x, 1),
    "squeeze": lambda x: ops.squeeze(x[:, :, :1], -1),
    "concatenate": lambda x: ops.concatenate([x, x * 2.0], axis=1),
    "stack": lambda x: ops.stack([x, x + 1.0], axis=1),
    "split": lambda x: ops.split(x, 2, axis=-1)[1],
    "tile": lambda x: ops.tile(x, (1, 2, 1)),
    "repeat": lambda x: ops.repeat(x, 2, axis=1),
    "pad": lambda x: ops.pad(x, ((0, 0), (1, 1), (0, 0))),
    "take": lambda x: ops.take(x, [0, 2], axis=-1),
    "stride": lambda x: x[:, ::2],
    "first": lambda x: x[:, 0],
    "matmul": lambda x: ops.matmul(x, A),
    "einsum": lambda x: ops.einsum("bti,ij->btj", x, A),
    "outer": lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))),
    "method": lambda x: ops.reshape(ops.mean(x, axis=1), (-1, 2, 2)),
}


def by_torch():
    """The functions of PyTorch, some as methods and operators."""
    import torch
    from torch.nn import functional as F

    a = torch.tensor(A)
    return {
        "abs": torch.abs,
        "exp": torch.exp,
        "log1p": lambda x: torch.log1p(torch.square(x)),
        "sqrt": lambda x: torch.sqrt(x.square() + 1.0),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "relu": F.relu,
        "softmax": lambda x: F.softmax(x, dim=-1),
        "logsumexp": lambda x: torch.logsumexp(x, dim=-1),
        "sin": lambda x: x.sin(),
        "power": lambda x: torch.pow(x.abs() + 1.0, 1.5),
        "maximum": lambda x: torch.maximum(x, torch.tensor(0.1)),
        "clip": lambda x: torch.clamp(x, -0.5, 0.5),
        "where": lambda x: torch.where(x > 0, x, 0.1 * x),
        "sum": lambda x: torch.sum(x, dim=1),
        "mean": lambda x: x.mean(dim=(1, 2)),
        "max": lambda x: torch.amax(x, dim=-1),
        "prod": lambda x: torch.prod(x, dim=-1),
        "std": lambda x: torch.std(x, dim=-1, correction=0),
        "norm": lambda x: torch.linalg.norm(x + 0.1, dim=-1),
        "cumsum": lambda x: torch.cumsum(x, dim=1),
        "sort": lambda x: torch.sort(x, dim=-1).values,
        "flip": lambda x: torch.flip(x, dims=(1,)),
        "roll": lambda x: torch.roll(x, 1, dims=1),
        "reshape": lambda x: x.view(x.shape[0], -1),
        "flatten": lambda x: torch.flatten(x, 1),
        "transpose": lambda x: x.permute(0, 2, 1),
        "expand": lambda x: x.unsqueeze(1),
        "squeeze": lambda x: x[:, :, :1].squeeze(-1),
        "concatenate": lambda x: torch.cat([x, x * 2.0], dim=1),
        "stack": lambda x: torch.stack([x, x + 1.0], dim=1),
        "split": lambda x: torch.split(x, 2, dim=-1)[1],
        "tile": lambda x: torch.tile(x, (1, 2, 1)),
        "repeat": lambda x: torch.repeat_interleave(x, 2, dim=1),
        "pad": lambda x: F.pad(x, (0, 0, 1, 1)),
        "take": lambda x: torch.index_select(x, -1, torch.tensor([0, 2])),
        "stride": lambda x: torch.clone(x)[:, ::2],
        "first": lambda x: torch.select(x, 1, 0),
        "matmul": lambda x: torch.matmul(x, a),
        "einsum": lambda x: torch.einsum("bti,ij->btj", x, a),
        "outer": lambda x: torch.bmm(x, x.mT),
        "method": lambda x: x.mean(1).reshape(-1, 2, 2),
    }


def by_jax():
    """The functions of JAX, some as methods and operators."""
    import jax
    import jax.numpy as jnp

    return {
        "abs": jnp.abs,
        "exp": jnp.exp,
        "log1p": lambda x: jnp.log1p(jnp.square(x)),
        "sqrt": lambda x: jnp.sqrt(x**2 + 1.0),
        "tanh": jax.lax.tanh,
        "sigmoid": jax.nn.sigmoid,
        "relu": jax.nn.relu,
        "softmax": lambda x: jax.nn.softmax(x, axis=-1),
        "logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1),
        "sin": jnp.sin,
        "power": lambda x: jnp.power(jnp.abs(x) + 1.0, 1.5),
        "maximum": lambda x: jnp.maximum(x, 0.1),
        "clip": lambda x: jnp.clip(x, -0.5, 0.5),
        "where": lambda x: jnp.where(x > 0, x, 0.1 * x),
        "sum": lambda x: x.sum(axis=1),
        "mean": lambda x: jnp.mean(x, axis=(1, 2)),
        "max": lambda x: jnp.max(x, axis=-1),
        "prod": lambda x: jnp.prod(x, axis=-1),
        "std": lambda x: jnp.std(x, axis=-1),
        "norm": lambda x: jnp.linalg.norm(x + 0.1, axis=-1),
        "cumsum": lambda x: jnp.cumsum(x, axis=1),
        "sort": lambda x: jnp.sort(x, axis=-1),
        "flip": lambda x: jnp.flip(x, axis=1),
        "roll": lambda x: jnp.roll(x, 1, axis=1),
        "reshape": lambda x: x.reshape(x.shape[0], -1),
        "flatten": lambda x: jax.vmap(jnp.ravel)(x),
        "transpose": lambda x: jnp.transpose(x, (0, 2, 1)),
        "expand": lambda x: jnp.expand_dims(x, 1),
        "squeeze": lambda x: jnp.squeeze(x[:, :, :1], -1),
        "concatenate": lambda x: jnp.concatenate([x, x * 2.0], axis=1),
        "stack": lambda x: jnp.stack([x, x + 1.0], axis=1),
        "split": lambda x: jnp.split(x, 2, axis=-1)[1],
        "tile": lambda x: jnp.tile(x, (1, 2, 1)),
        "repeat": lambda x: jnp.repeat(x, 2, axis=1),
        "pad": lambda x: jnp.pad(x, ((0, 0), (1, 1), (0, 0))),
        "take": lambda x: jnp.take(x, jnp.array([0, 2]), axis=-1),
        "stride": lambda x: jnp.asarray(x)[:, ::2],
        "first": lambda x: jax.lax.index_in_dim(x, 0, 1, keepdims=False),
        "matmul": lambda x: jnp.matmul(x, A),
        "einsum": lambda x: jnp.einsum("bti,ij->btj", x, A),
        "outer": lambda x: x @ x.swapaxes(1, 2),
        "method": lambda x: x.mean(1).reshape(-1, 2, 2),
    }


def by_tensorflow():
    """The functions of TensorFlow."""
    import tensorflow as tf

    return {
        "abs": tf.abs,
        "exp": tf.exp,
        "log1p": lambda x: tf.math.log1p(tf.square(x)),
        "sqrt": lambda x: tf.sqrt(x**2 + 1.0),
        "tanh": tf.tanh,
        "sigmoid": tf.sigmoid,
        "relu": tf.nn.relu,
        "softmax": lambda x: tf.nn.softmax(x, axis=-1),
        "logsumexp": lambda x: tf.reduce_logsumexp(x, axis=-1),
        "sin": tf.sin,
        "power": lambda x: tf.pow(tf.abs(x) + 1.0, 1.5),
        "maximum": lambda x: tf.maximum(x, 0.1),
        "clip": lambda x: tf.clip_by_value(x, -0.5, 0.5),
        "where": lambda x: tf.where(x > 0, x, 0.1 * x),
        "sum": lambda x: tf.reduce_sum(x, axis=1),
        "mean": lambda x: tf.reduce_mean(x, axis=(1, 2)),
        "max": lambda x: tf.reduce_max(x, axis=-1),
        "prod": lambda x: tf.reduce_prod(x, axis=-1),
        "std": lambda x: tf.math.reduce_std(x, axis=-1),
        "norm": lambda x: tf.norm(x + 0.1, axis=-1),
        "cumsum": lambda x: tf.cumsum(x, axis=1),
        "sort": lambda x: tf.sort(x, axis=-1),
        "flip": lambda x: tf.reverse(x, axis=[1]),
        "roll": lambda x: tf.roll(x, 1, axis=1),
        "reshape": lambda x: tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1] * 4)),
        "flatten": lambda x: tf.reshape(x, (-1, tf.shape(x)[1] * 4)),
        "transpose": lambda x: tf.transpose(x, (0, 2, 1)),
        "expand": lambda x: tf.expand_dims(x, 1),
        "squeeze": lambda x: tf.squeeze(tf.identity(x)[:, :, :1], -1),
        "concatenate": lambda x: tf.concat([x, x * 2.0], axis=1),
        "stack": lambda x: tf.stack([x, x + 1.0], axis=1),
        "split": lambda x: tf.split(x, 2, axis=-1)[1],
        "tile": lambda x: tf.tile(x, (1, 2, 1)),
        "repeat": lambda x: tf.repeat(x, 2, axis=1),
        "pad": lambda x: tf.pad(x, ((0, 0), (1, 1), (0, 0))),
        "take": lambda x: tf.gather(x, [0, 2], axis=-1),
        "stride": lambda x: tf.identity(x)[:, ::2],
        "first": lambda x: tf.unstack(tf.identity(x)[:, :1], axis=1)[0],
        "matmul": lambda x: tf.matmul(x, A),
        "einsum": lambda x: tf.einsum("bti,ij->btj", x, A),
        "outer": lambda x: tf.matmul(x, x, transpose_b=True),
        "method": lambda x: tf.reshape(tf.reduce_mean(x, 1), (-1, 2, 2)),
    }


def by_numpy():
    """The functions of NumPy, some as methods and operators."""
    return {
        "abs": np.abs,
        "exp": np.exp,
        "log1p": lambda x: np.log1p(np.square(x)),
        "sqrt": lambda x: np.sqrt(x**2 + 1.0),
        "tanh": np.tanh,
        "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
        "relu": lambda x: np.maximum(x, 0),
        "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
        "logsumexp": lambda x: np.log(np.sum(np.exp(x), axis=-1)),
        "sin": np.sin,
        "power": lambda x: np.power(np.abs(x) + 1.0, 1.5),
        "maximum": lambda x: np.maximum(x, 0.1),
        "clip": lambda x: np.clip(x, -0.5, 0.5),
        "where": lambda x: np.where(x > 0, x, 0.1 * x),
        "sum": lambda x: x.sum(axis=1),
        "mean": lambda x: np.mean(x, axis=(1, 2)),
        "max": lambda x: x.max(axis=-1),
        "prod": lambda x: np.prod(x, axis=-1),
        "std": lambda x: np.std(x, axis=-1),
        "norm": lambda x: np.linalg.norm(x + 0.1, axis=-1),
        "cumsum": lambda x: np.cumsum(x, axis=1),
        "sort": lambda x: np.sort(x, axis=-1),
        "flip": lambda x: np.flip(x, axis=1),
        "roll": lambda x: np.roll(x, 1, axis=1),
        "reshape": lambda x: np.reshape(x, (x.shape[0], -1)),
        "flatten": lambda x: x.reshape(-1, x.shape[1] * 4),
        "transpose": lambda x: np.transpose(x, (0, 2, 1)),
        "expand": lambda x: np.expand_dims(x, 1),
        "squeeze": lambda x: np.squeeze(x[:, :, :1], -1),
        "concatenate": lambda x: np.concatenate([x, x * 2.0], axis=1),
        "stack": lambda x: np.stack([x, x + 1.0], axis=1),
        "split": lambda x: np.split(x, 2, axis=-1)[1],
        "tile": lambda x: np.tile(x, (1, 2, 1)),
        "repeat": lambda x: np.repeat(x, 2, axis=1),
        "pad": lambda x: np.pad(x, ((0, 0), (1, 1), (0, 0))),
        "take": lambda x: np.take(x, np.array([0, 2]), axis=-1),
        "stride": lambda x: np.positive(x)[:, ::2],
        "first": lambda x: np.squeeze(np.split(x, [1], axis=1)[0], 1),
        "matmul": lambda x: np.matmul(x, A),
        "einsum": lambda x: np.einsum("bti,ij->btj", x, A),
        "outer": lambda x: x @ np.swapaxes(x, 1, 2),
        "method": lambda x: x.mean(axis=1).reshape(-1, 2, 2),
    }


BY = {
    "torch": by_torch,
    "jax": by_jax,
    "tensorflow": by_tensorflow,
    "numpy": by_numpy,
}


def kit(name):
    """A few functions of a framework under names that are the same on all of them."""
    known = SimpleNamespace(**BY[name]())
    if name == "torch":
        import torch

        known.rows = lambda x: x[x[:, 0] > 0]
        known.product = torch.matmul
        known.square = torch.square
        known.average = torch.mean
    elif name == "jax":
        import jax.numpy as jnp

        known.rows = lambda x: x[jnp.nonzero(x[:, 0] > 0)]
        known.product = jnp.matmul
        known.square = jnp.square
        known.average = jnp.mean
    elif name == "tensorflow":
        import tensorflow as tf

        known.rows = lambda x: tf.boolean_mask(x, x[:, 0] > 0)
        known.product = tf.matmul
        known.square = tf.square
        known.average = tf.reduce_mean
    else:
        known.rows = lambda x: x[np.nonzero(x[:, 0] > 0)]
        known.product = np.matmul
        known.square = np.square
        known.average = np.mean
    return known

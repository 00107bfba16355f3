"""Hand-written loops in JAX: one jitted step a call, its state donated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from multinet_benchmarks import native, workloads
from multinet_benchmarks.workloads import Array, Weights, Workload

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def dense(p: Any, x: Any) -> Any:
    return x @ p[0] + p[1]


def conv(x: Any, kernel: Any, stride: int = 1, padding: str = "VALID") -> Any:
    return lax.conv_general_dilated(
        x, kernel, (stride, stride), padding, dimension_numbers=DIMENSIONS
    )


def max_pool(x: Any) -> Any:
    window = (1, 2, 2, 1)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def dropout(x: Any, rate: float, key: Any) -> Any:
    keep = jax.random.bernoulli(key, 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)


def layer_norm(p: Any, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = jnp.square(x - mean).mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + workloads.NORM_EPSILON) * p[0] + p[1]


def linear(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    return dense(p["output"], x), state


def mlp(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    x = jax.nn.relu(dense(p["hidden1"], x))
    x = jax.nn.relu(dense(p["hidden2"], x))
    return dense(p["output"], x), state


def cnn(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    for name in ("conv1", "conv2"):
        kernel, bias = p[name]
        x = max_pool(jax.nn.relu(conv(x, kernel) + bias))
    x = jax.nn.relu(dense(p["hidden"], x.reshape(x.shape[0], -1)))
    if key is not None and rate:
        x = dropout(x, rate, key)
    return dense(p["output"], x), state


def attention(p: Any, x: Any) -> Any:
    """Causal self-attention: (b, t, d) -> (b, t, d)."""
    q, k, v = (
        jnp.einsum("btd,dhk->bhtk", x, kernel) + bias[:, None]
        for kernel, bias in zip(p[0:6:2], p[1:6:2])
    )
    t = x.shape[1]
    scores = jnp.einsum("bhtk,bhsk->bhts", q / math.sqrt(q.shape[-1]), k)
    causal = jnp.tril(jnp.ones((t, t), bool))
    scores = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf))
    mixed = jnp.einsum("bhts,bhsk->bthk", scores, v)
    return jnp.einsum("bthk,hkd->btd", mixed, p[6]) + p[7]


def transformer(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    x = p["tokens"][0][x] + p["positions"][0]
    for i in range(workloads.BLOCKS):
        x = x + attention(p[f"attention{i}"], layer_norm(p[f"norm{i}a"], x))
        h = dense(p[f"inner{i}"], layer_norm(p[f"norm{i}b"], x))
        x = x + dense(p[f"outer{i}"], jax.nn.gelu(h, approximate=False))
    return dense(p["output"], layer_norm(p["norm"], x)), state


def lstm(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    kernel, recurrent, bias = p["lstm"]

    def step(carry: Any, inputs: Any) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(inputs + h @ recurrent, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    # The product with the inputs, of all times at once: b t f -> t b 4u.
    projected = jnp.swapaxes(x, 0, 1) @ kernel + bias
    zero = jnp.zeros((x.shape[0], workloads.UNITS))
    (h, _), _ = lax.scan(step, (zero, zero), projected)
    return dense(p["output"], h), state


def resnet(p: Any, state: Any, x: Any, rate: float, key: Any) -> Any:
    training, new = key is not None, {}

    def norm(x: Any, name: str) -> Any:
        gamma, beta = p[name]
        mean, variance = state[name]
        if training:
            a = workloads.BATCH_MOMENTUM
            batch_mean = x.mean((0, 1, 2))
            batch_variance = jnp.square(x - batch_mean).mean((0, 1, 2))
            new[name] = [
                mean * a + batch_mean * (1 - a),
                variance * a + batch_variance * (1 - a),
            ]
            mean, variance = batch_mean, batch_variance
        scale = gamma * lax.rsqrt(variance + workloads.NORM_EPSILON)
        return x * scale + (beta - mean * scale)

    x = jax.nn.relu(norm(conv(x, p["stem"][0], 1, "SAME"), "stem_norm"))
    for block in workloads.residual_blocks():
        name, stride = block.name, block.stride
        h = conv(x, p[f"{name}_conv1"][0], stride, "SAME")
        h = jax.nn.relu(norm(h, f"{name}_norm1"))
        h = norm(conv(h, p[f"{name}_conv2"][0], 1, "SAME"), f"{name}_norm2")
        if block.projects:
            x = conv(x, p[f"{name}_conv3"][0], stride, "SAME")
            x = norm(x, f"{name}_norm3")
        x = jax.nn.relu(x + h)
    return dense(p["output"], x.mean((1, 2))), new if training else state


FORWARD = {
    "linear": linear,
    "mlp": mlp,
    "cnn": cnn,
    "transformer": transformer,
    "lstm": lstm,
    "resnet": resnet,
}


def loss_of(kind: str, outputs: Any, y: Any) -> Any:
    if kind == "linear":
        return jnp.square(outputs - y).mean()
    logs = jax.nn.log_softmax(outputs)
    return -jnp.take_along_axis(logs, y[..., None], -1).mean()


def update(workload: Workload, params: Any, grads: Any, slots: Any, t: Any) -> Any:
    """Return params and slots after one step of the workload's optimizer."""
    o, tree = workload.options, jax.tree.map
    rate = o["rate"]
    if workload.optimizer == "sgd":
        return tree(lambda p, g: p - rate * g, params, grads), slots
    if workload.optimizer == "momentum":
        (v,) = slots
        v = tree(lambda v, g: o["momentum"] * v + g, v, grads)
        return tree(lambda p, v: p - rate * v, params, v), (v,)
    m, v = slots
    m = tree(lambda m, g: m + (1 - o["beta_1"]) * (g - m), m, grads)
    v = tree(lambda v, g: v + (1 - o["beta_2"]) * (g * g - v), v, grads)
    t = t.astype(jnp.float32)
    scaled = rate * jnp.sqrt(1 - o["beta_2"] ** t) / (1 - o["beta_1"] ** t)
    keep = 1 - rate * o.get("decay", 0.0)

    def move(p: Any, m: Any, v: Any) -> Any:
        return p * keep - scaled * m / (jnp.sqrt(v) + o["epsilon"])

    return tree(move, params, m, v), (m, v)


def make_step(workload: Workload, forward: Callable[..., Any]) -> Any:
    """Return the compiled step: (state, x, y) -> state."""

    def step(state: Any, x: Any, y: Any) -> Any:
        params, moving, slots, count, total = state
        key = jax.random.fold_in(jax.random.key(1), count)

        def objective(params: Any) -> Any:
            outputs, new = forward(params, moving, x, workload.dropout, key)
            return loss_of(workload.kind, outputs, y), new

        graded = jax.value_and_grad(objective, has_aux=True)
        (loss, moving), grads = graded(params)
        params, slots = update(workload, params, grads, slots, count + 1)
        return params, moving, slots, count + 1, total + loss

    return jax.jit(step, donate_argnums=0)


class JaxNative(native.Native):
    """State is one tree: weights, moving statistics, slots, step, sum of losses."""

    def setup(self, weights: Weights) -> None:
        """Copy the weights; batch norms' last two are state."""
        norms = {name for name, w in weights.items() if len(w) == 4 and "norm" in name}
        params = {n: w[:2] if n in norms else w for n, w in weights.items()}
        params = jax.tree.map(jnp.array, params)
        moving = {n: [jnp.array(w) for w in weights[n][2:]] for n in norms}
        count = {"sgd": 0, "momentum": 1}.get(self.workload.optimizer, 2)
        slots = tuple(jax.tree.map(jnp.zeros_like, params) for _ in range(count))
        self.state = (params, moving, slots, jnp.zeros((), jnp.int32), jnp.zeros(()))
        forward = FORWARD[self.workload.kind]
        self.step = make_step(self.workload, forward)
        self.forward = jax.jit(lambda p, s, x: forward(p, s, x, 0.0, None)[0])

    def fit_epoch(self, data: Any, order: Array) -> float:
        """Train on all samples in `order`; return the mean loss."""
        (x, y), batch, step = data, self.workload.batch, self.step
        state = (*self.state[:-1], jnp.zeros(()))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            state = step(state, x[rows], y[rows])
        self.state = state
        return float(state[-1]) / -(-len(order) // batch)

    def predict(self, x: Array) -> Array:
        """Return the outputs as a NumPy array."""
        return np.asarray(self.forward(self.state[0], self.state[1], x))


def build(workload: Workload, weights: Weights) -> JaxNative:
    """Return the contender."""
    return JaxNative(workload, weights)

"""Hand-written loops in TensorFlow: one tf.function call a step, state in Variables."""

from __future__ import annotations

import math
from typing import Any

import tensorflow

from multinet_benchmarks import native, workloads
from multinet_benchmarks.workloads import Array, Weights, Workload

tf: Any = tensorflow  # its own annotations refuse much of what it accepts
raw = tf.raw_ops


def dense(p: Any, x: Any) -> Any:
    return tf.matmul(x, p[0]) + p[1]


def conv(x: Any, kernel: Any, stride: int = 1, padding: str = "VALID") -> Any:
    return tf.nn.conv2d(x, kernel, stride, padding)


def layer_norm(p: Any, x: Any) -> Any:
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    epsilon = workloads.NORM_EPSILON
    return tf.nn.batch_normalization(x, mean, variance, p[1], p[0], epsilon)


def linear(p: Any, x: Any, rate: float, training: bool) -> Any:
    return dense(p["output"], x)


def mlp(p: Any, x: Any, rate: float, training: bool) -> Any:
    x = tf.nn.relu(dense(p["hidden1"], x))
    x = tf.nn.relu(dense(p["hidden2"], x))
    return dense(p["output"], x)


def cnn(p: Any, x: Any, rate: float, training: bool) -> Any:
    for name in ("conv1", "conv2"):
        kernel, bias = p[name]
        x = tf.nn.relu(tf.nn.bias_add(conv(x, kernel), bias))
        x = tf.nn.max_pool2d(x, 2, 2, "VALID")
    x = tf.nn.relu(dense(p["hidden"], tf.reshape(x, (-1, 5 * 5 * 64))))
    if training and rate:
        x = tf.nn.dropout(x, rate)
    return dense(p["output"], x)


def attention(p: Any, x: Any) -> Any:
    """Causal self-attention: (b, t, d) -> (b, t, d)."""
    t, width = workloads.LENGTH, workloads.WIDTH
    size = width // workloads.HEADS

    def heads(kernel: Any, bias: Any) -> Any:
        y = tf.matmul(x, tf.reshape(kernel, (width, width)))
        y = tf.reshape(y, (-1, t, workloads.HEADS, size)) + bias
        return tf.transpose(y, (0, 2, 1, 3))  # b h t k

    q, k, v = (heads(*p[i : i + 2]) for i in (0, 2, 4))
    scores = tf.matmul(q / math.sqrt(size), k, transpose_b=True)
    causal = tf.linalg.band_part(tf.ones((t, t), bool), -1, 0)
    mixed = tf.matmul(tf.nn.softmax(tf.where(causal, scores, -1e9)), v)
    mixed = tf.reshape(tf.transpose(mixed, (0, 2, 1, 3)), (-1, t, width))
    return tf.matmul(mixed, tf.reshape(p[6], (width, width))) + p[7]


def transformer(p: Any, x: Any, rate: float, training: bool) -> Any:
    x = tf.gather(p["tokens"][0], x) + p["positions"][0]
    for i in range(workloads.BLOCKS):
        x += attention(p[f"attention{i}"], layer_norm(p[f"norm{i}a"], x))
        h = dense(p[f"inner{i}"], layer_norm(p[f"norm{i}b"], x))
        x += dense(p[f"outer{i}"], tf.nn.gelu(h))
    return dense(p["output"], layer_norm(p["norm"], x))


def lstm(p: Any, x: Any, rate: float, training: bool) -> Any:
    kernel, recurrent, bias = p["lstm"]
    # The product with the inputs, of all times at once: b t f -> t b 4u.
    projected = tf.matmul(tf.transpose(x, (1, 0, 2)), kernel) + bias
    h = c = tf.zeros((tf.shape(x)[0], workloads.UNITS))
    # Unrolled: a graph's loop costs more than the step on a CPU.
    for inputs in tf.unstack(projected, workloads.TIMES):
        i, f, g, o = tf.split(inputs + tf.matmul(h, recurrent), 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
    return dense(p["output"], h)


def resnet(p: Any, x: Any, rate: float, training: bool) -> Any:
    epsilon, a = workloads.NORM_EPSILON, workloads.BATCH_MOMENTUM

    def norm(x: Any, name: str) -> Any:
        gamma, beta, mean, variance = p[name]
        if not training:
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, epsilon)
        y, batch_mean, batch_variance = tf.compat.v1.nn.fused_batch_norm(
            x, gamma, beta, epsilon=epsilon, is_training=True
        )
        mean.assign_sub((mean - batch_mean) * (1 - a))
        variance.assign_sub((variance - batch_variance) * (1 - a))
        return y

    x = tf.nn.relu(norm(conv(x, p["stem"][0], 1, "SAME"), "stem_norm"))
    for block in workloads.residual_blocks():
        name, stride = block.name, block.stride
        h = conv(x, p[f"{name}_conv1"][0], stride, "SAME")
        h = tf.nn.relu(norm(h, f"{name}_norm1"))
        h = norm(conv(h, p[f"{name}_conv2"][0], 1, "SAME"), f"{name}_norm2")
        if block.projects:
            x = conv(x, p[f"{name}_conv3"][0], stride, "SAME")
            x = norm(x, f"{name}_norm3")
        x = tf.nn.relu(x + h)
    return dense(p["output"], tf.reduce_mean(x, (1, 2)))


FORWARD = {
    "linear": linear,
    "mlp": mlp,
    "cnn": cnn,
    "transformer": transformer,
    "lstm": lstm,
    "resnet": resnet,
}


class Optimizer:
    """The fused kernels that update a Variable in place."""

    def __init__(self, workload: Workload, variables: list[Any]) -> None:
        self.name, self.options = workload.optimizer, workload.options
        self.variables = variables
        count = {"sgd": 0, "momentum": 1}.get(self.name, 2)
        self.slots = [
            [tf.Variable(tf.zeros_like(v)) for _ in range(count)] for v in variables
        ]
        self.powers = [tf.Variable(1.0), tf.Variable(1.0)]

    def apply(self, grads: list[Any]) -> None:
        """Update every Variable by its gradient."""
        o = self.options
        if "beta_1" in o:
            self.powers[0].assign(self.powers[0] * o["beta_1"])
            self.powers[1].assign(self.powers[1] * o["beta_2"])
        for v, g, slots in zip(self.variables, grads, self.slots):
            self._one(v, tf.convert_to_tensor(g), [s.handle for s in slots])

    def _one(self, variable: Any, g: Any, slots: list[Any]) -> None:
        o, handle = self.options, variable.handle
        if self.name == "sgd":
            raw.ResourceApplyGradientDescent(var=handle, alpha=o["rate"], delta=g)
        elif self.name == "momentum":
            raw.ResourceApplyMomentum(
                var=handle, accum=slots[0], lr=o["rate"], grad=g, momentum=o["momentum"]
            )
        else:
            if "decay" in o:
                variable.assign_sub(variable * (o["rate"] * o["decay"]))
            raw.ResourceApplyAdam(
                var=handle,
                m=slots[0],
                v=slots[1],
                beta1_power=self.powers[0],
                beta2_power=self.powers[1],
                lr=o["rate"],
                beta1=o["beta_1"],
                beta2=o["beta_2"],
                epsilon=o["epsilon"],
                grad=g,
            )


class TensorFlowNative(native.Native):
    """The usual loop: a tape, gradients and the update inside one tf.function."""

    def setup(self, weights: Weights) -> None:
        """Make the Variables and the graph functions."""
        self.params = {n: [tf.Variable(w) for w in v] for n, v in weights.items()}
        trained = [
            v
            for name, values in self.params.items()
            for v in (values[:2] if "norm" in name else values)
        ]
        self.optimizer = Optimizer(self.workload, trained)
        self.total = tf.Variable(0.0)
        forward, rate = FORWARD[self.workload.kind], self.workload.dropout

        @tf.function
        def step(x: Any, y: Any) -> None:
            with tf.GradientTape() as tape:
                loss = self._loss(forward(self.params, x, rate, True), y)
            self.optimizer.apply(tape.gradient(loss, trained))
            self.total.assign_add(loss)

        self.step = step
        self.forward = tf.function(lambda x: forward(self.params, x, rate, False))

    def _loss(self, outputs: Any, y: Any) -> Any:
        if self.workload.kind == "linear":
            return tf.reduce_mean(tf.square(outputs - y))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, outputs)
        return tf.reduce_mean(losses)

    def fit_epoch(self, data: Any, order: Array) -> float:
        """Train on all samples in `order`; return the mean loss."""
        (x, y), batch, step = data, self.workload.batch, self.step
        self.total.assign(0.0)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            step(tf.constant(x[rows]), tf.constant(y[rows]))
        return float(self.total) / -(-len(order) // batch)

    def predict(self, x: Array) -> Array:
        """Return the outputs as a NumPy array."""
        return self.forward(tf.constant(x)).numpy()


def build(workload: Workload, weights: Weights) -> TensorFlowNative:
    """Return the contender."""
    return TensorFlowNative(workload, weights)

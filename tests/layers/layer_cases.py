"""The layers under test: a table of constructions, and what Keras computes for each."""

from functools import cache

import numpy as np
import optree
from more_layer_cases import MORE
from recurrent_cases import RECURRENT
from references import compiled, one_program, without_draws

from multinet import layers
from multinet.scope import Scope

#: Layers that are called on several arguments, not on a list.
SPREAD = ("MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention")

#: (class, arguments, input shape, or a list of shapes)
CASES = [
    ("Dense", {"units": 3}, (4, 5)),
    ("Dense", {"units": 3, "activation": "relu", "use_bias": False}, (4, 5)),
    ("Dense", {"units": 3, "activation": "softmax"}, (2, 3, 5)),
    ("Dense", {"units": 2, "activation": "gelu"}, (2, 2, 3, 4)),
    ("Dense", {"units": 3, "lora_rank": 2}, (4, 5)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "lora_rank": 2}, (2, 7, 2)),
    ("AdaptiveAveragePooling1D", {"output_size": 3}, (2, 7, 2)),
    ("AdaptiveAveragePooling2D", {"output_size": (2, 3)}, (2, 5, 7, 2)),
    (
        "AdaptiveAveragePooling3D",
        {"output_size": (2, 1, 3), "data_format": "channels_first"},
        (2, 2, 3, 4, 5),
    ),
    ("AdaptiveMaxPooling1D", {"output_size": 3}, (2, 7, 2)),
    (
        "AdaptiveMaxPooling2D",
        {"output_size": (2, 3), "data_format": "channels_first"},
        (2, 2, 5, 7),
    ),
    ("AdaptiveMaxPooling3D", {"output_size": 2}, (2, 3, 4, 5, 2)),
    ("AlphaDropout", {"rate": 0.0}, (3, 4)),
    ("Activation", {"activation": "tanh"}, (3, 4)),
    ("Activation", {"activation": "softplus"}, (2, 3, 4)),
    ("Flatten", {}, (2, 3, 4, 2)),
    ("Flatten", {}, (3,)),
    ("Flatten", {"data_format": "channels_first"}, (2, 3, 4, 2)),
    ("Reshape", {"target_shape": (4, 3)}, (2, 3, 4)),
    ("Reshape", {"target_shape": (2, -1, 3)}, (2, 6, 4)),
    ("Reshape", {"target_shape": (-1,)}, (2, 3, 4)),
    ("Dropout", {"rate": 0.0}, (3, 4)),
    ("Dropout", {"rate": 1.0}, (3, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (2, 7, 2)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "strides": 3}, (2, 7, 2)),
    (
        "Conv1D",
        {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2},
        (2, 7, 2),
    ),
    (
        "Conv1D",
        {"filters": 2, "kernel_size": 3, "padding": "causal", "strides": 2},
        (2, 7, 2),
    ),
    (
        "Conv1D",
        {"filters": 4, "kernel_size": 4, "padding": "same", "groups": 2},
        (2, 6, 4),
    ),
    (
        "Conv1D",
        {"filters": 2, "kernel_size": 2, "data_format": "channels_first"},
        (2, 3, 6),
    ),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": 3, "activation": "relu"},
        (2, 5, 6, 2),
    ),
    (
        "Conv2D",
        {"filters": 3, "kernel_size": (2, 3), "strides": 2, "padding": "same"},
        (2, 5, 6, 2),
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 2, "strides": (2, 1), "use_bias": False},
        (2, 5, 4, 2),
    ),
    (
        "Conv2D",
        {"filters": 2, "kernel_size": 2, "padding": "same", "dilation_rate": (2, 3)},
        (2, 6, 6, 2),
    ),
    (
        "Conv2D",
        {
            "filters": 4,
            "kernel_size": (3, 2),
            "padding": "same",
            "groups": 2,
            "data_format": "channels_first",
        },
        (2, 4, 4, 5),
    ),
    ("Conv3D", {"filters": 2, "kernel_size": 2}, (1, 3, 4, 3, 2)),
    (
        "Conv3D",
        {"filters": 2, "kernel_size": (1, 2, 3), "strides": 2, "padding": "same"},
        (1, 3, 4, 3, 2),
    ),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, (2, 4, 2)),
    (
        "Conv1DTranspose",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "tanh"},
        (2, 4, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 3, "kernel_size": (3, 2), "strides": 2, "padding": "same"},
        (2, 3, 4, 2),
    ),
    (
        "Conv2DTranspose",
        {
            "filters": 2,
            "kernel_size": 3,
            "strides": (2, 3),
            "padding": "same",
            "output_padding": (1, 2),
            "use_bias": False,
        },
        (2, 3, 2, 2),
    ),
    (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 2, "data_format": "channels_first"},
        (2, 3, 2, 4),
    ),
    (
        "Conv3DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": 2},
        (1, 2, 3, 2, 2),
    ),
    ("DepthwiseConv1D", {"kernel_size": 3, "strides": 2}, (2, 7, 3)),
    (
        "DepthwiseConv2D",
        {"kernel_size": (2, 3), "padding": "same", "depth_multiplier": 2},
        (2, 4, 5, 3),
    ),
    (
        "DepthwiseConv2D",
        {"kernel_size": 2, "dilation_rate": 2, "data_format": "channels_first"},
        (2, 3, 5, 4),
    ),
    (
        "SeparableConv1D",
        {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"},
        (2, 6, 3),
    ),
    (
        "SeparableConv2D",
        {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"},
        (2, 5, 4, 3),
    ),
    (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 2, "data_format": "channels_first"},
        (2, 3, 4, 4),
    ),
    ("MaxPooling1D", {}, (2, 7, 3)),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, (2, 6, 2)),
    ("MaxPooling2D", {"pool_size": (2, 3)}, (2, 5, 6, 2)),
    (
        "MaxPooling2D",
        {"pool_size": 3, "strides": 1, "padding": "same"},
        (1, 4, 5, 2),
    ),
    ("MaxPooling2D", {"data_format": "channels_first"}, (2, 2, 4, 5)),
    ("MaxPooling3D", {"strides": 1}, (1, 3, 3, 4, 2)),
    ("AveragePooling1D", {"pool_size": 2, "strides": 1}, (2, 5, 3)),
    (
        "AveragePooling2D",
        {"pool_size": 3, "strides": 2, "padding": "same"},
        (1, 5, 6, 2),
    ),
    (
        "AveragePooling2D",
        {"pool_size": 2, "data_format": "channels_first"},
        (2, 2, 4, 5),
    ),
    ("AveragePooling3D", {"pool_size": 2, "padding": "same"}, (1, 3, 3, 4, 2)),
    ("GlobalMaxPooling1D", {}, (2, 5, 3)),
    ("GlobalMaxPooling2D", {"keepdims": True}, (2, 3, 4, 2)),
    ("GlobalMaxPooling3D", {"data_format": "channels_first"}, (2, 3, 2, 3, 2)),
    ("GlobalAveragePooling1D", {"data_format": "channels_first"}, (2, 5, 3)),
    ("GlobalAveragePooling2D", {}, (2, 3, 4, 2)),
    ("GlobalAveragePooling3D", {"keepdims": True}, (2, 3, 2, 3, 2)),
    ("BatchNormalization", {}, (8, 3)),
    ("BatchNormalization", {"momentum": 0.6, "epsilon": 0.1}, (3, 4, 4, 2)),
    ("BatchNormalization", {"axis": 1}, (4, 3, 5)),
    ("BatchNormalization", {"center": False}, (8, 3)),
    ("BatchNormalization", {"scale": False, "center": False}, (4, 2, 3)),
    ("BatchNormalization", {"trainable": False}, (8, 3)),
    ("BatchNormalization", {"renorm": True}, (8, 3)),
    ("BatchNormalization", {"renorm": True, "scale": False}, (4, 2, 3)),
    *MORE,
    *RECURRENT,
]


def label(case):
    """Return a short name of a case, for pytest."""
    name, arguments, shape = case
    return "-".join(
        [name, *(f"{k}={v}" for k, v in arguments.items()), "x".join(map(str, shape))]
    ).replace(" ", "")


def data(shape, seed=0):
    """Return float32 normals without ties, so that a maximum has one gradient."""
    if isinstance(shape, list):
        return [data(part, seed + 10 * i) for i, part in enumerate(shape)]
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def inputs(case):
    """Return data for a case: floats, or integers where the layer looks them up."""
    name, arguments, shape = case
    if name in ("Embedding", "ReversibleEmbedding"):
        high = arguments["input_dim"]
        return np.random.default_rng(0).integers(0, high, shape).astype("int32")
    return data(shape)


def apply(layer, x, **options):
    """Return layer(x), or layer(*x) where it takes several arguments."""
    spread = type(layer).__name__ in SPREAD
    return layer(*x, **options) if spread else layer(x, **options)


def build(layer, shape):
    """Build a layer for a shape, or for several."""
    layer.build(*shape) if type(layer).__name__ in SPREAD else layer.build(shape)


def output_shape(layer, shape):
    """Return layer.compute_output_shape for a shape, or for several."""
    spread = type(layer).__name__ in SPREAD
    compute = layer.compute_output_shape
    return tuple(compute(*shape) if spread else compute(shape))


def random_weights(layer):
    """Return an array for each weight of a built layer, variances positive."""
    rng = np.random.default_rng(7)
    return [rng.uniform(0.2, 1.2, w.shape).astype("float32") for w in layer.weights]


def make(module, case):
    """Return the layer of a case, of `multinet.layers` or `keras.layers`."""
    name, arguments, _ = case
    return getattr(module, name)(**arguments)


@cache
def _expected(index):
    import jax  # here, since the table serves without Keras, too
    import keras as peer

    case = CASES[index]
    layer = make(peer.layers, case)
    x = inputs(case)
    with without_draws():
        build(layer, case[2])
    layer.set_weights(random_weights(layer))
    weights = [w.value for w in layer.weights]
    names = [(w.name, tuple(w.shape)) for w in layer.weights]
    leaves, spec = optree.tree_flatten(x)
    smooth = leaves[0].dtype.kind == "f"
    fixed, moving = ([], leaves) if smooth else (leaves, [])

    def run(*values, training=True):
        parts, values = [*fixed, *values[: len(moving)]], values[len(moving) :]
        with peer.StatelessScope(list(zip(layer.weights, values))) as scope:
            tree = optree.tree_unflatten(spec, parts)
            outputs = apply(layer, tree, training=training)
            new = [scope.get_current_value(v) for v in layer.non_trainable_weights]
        return outputs, [x for x in new if x is not None]

    def results(*values):
        inference, _ = run(*values, training=False)
        training, pullback, moved = jax.vjp(run, *values, has_aux=True)
        cotangent = data(training.shape, 1)
        return inference, training, pullback(cotangent), moved

    # One program: op by op, XLA would compile some forty for each layer.
    inference, training, gradients, moved = compiled(results)(*moving, *weights)
    return (
        names,
        np.asarray(inference),
        np.asarray(training),
        list(map(np.asarray, gradients)),
        list(map(np.asarray, moved)),
    )


def expected(case):
    """Return names, inference and training values, gradients, and moved weights."""
    return _expected(CASES.index(case))


def gradients(backend, layer, x, cotangent, training=True):
    """Return the output, and the gradients for x and each weight, as NumPy arrays."""
    weights = layer.weights
    values = [weight.value for weight in weights]
    leaves, spec = optree.tree_flatten(x)
    leaves = [backend.from_numpy(leaf) for leaf in leaves]
    smooth = "float" in backend.dtype(leaves[0])
    fixed, moving = ([], leaves) if smooth else (leaves, [])

    def run(*values):
        parts, values = [*fixed, *values[: len(moving)]], values[len(moving) :]
        with Scope(weights, values):
            tree = optree.tree_unflatten(spec, parts)
            return (apply(layer, tree, training=training),)

    whole = one_program(backend, run)
    (output,), pullback = backend.vjp(whole, [*moving, *values])
    found = pullback([backend.from_numpy(cotangent)])
    return backend.to_numpy(output), [backend.to_numpy(g) for g in found]


def ours(case):
    """Return our layer of a case, built on its shape, with the weights of Keras's."""
    layer = make(layers, case)
    build(layer, case[2])
    layer.set_weights(random_weights(layer))
    return layer

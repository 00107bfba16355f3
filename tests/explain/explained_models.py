"""Models that are explained in the tests, and their twins of torch modules."""

import numpy as np
import torch

import multinet
from multinet import layers, ops

RANDOM = np.random.default_rng(5)


def normal(*shape):
    return RANDOM.normal(size=shape).astype("float32")


def linear():
    """Three scores of a table of five columns."""
    x = multinet.Input((5,), name="x")
    return _set(multinet.Model(x, layers.Dense(3, name="head")(x), name="linear"))


def mlp():
    x = multinet.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="one")(x)
    h = layers.Dense(7, activation="sigmoid", name="two")(h)
    return _set(multinet.Model(x, layers.Dense(3, name="head")(h), name="mlp"))


def cnn():
    x = multinet.Input((6, 6, 2), name="pictures")
    h = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    h = layers.MaxPooling2D(2, name="pool")(h)
    h = layers.Flatten(name="flat")(h)
    return _set(multinet.Model(x, layers.Dense(3, name="head")(h), name="cnn"))


def words():
    x = multinet.Input((None,), dtype="int32", name="words")
    h = layers.Embedding(9, 4, mask_zero=True, name="table")(x)
    h = layers.GRU(3, name="gru")(h)
    return _set(multinet.Model(x, layers.Dense(2, name="head")(h), name="words"))


def _set(model):
    """Return a model whose weights are the same in every run, and not small."""
    random = np.random.default_rng(3)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape).astype("float32") * 0.6)
    return model


def repeated():
    """One layer and one function twice, and arithmetic between; what modules lack."""
    x = multinet.Input((5,), name="x")
    dense = layers.Dense(5, name="dense")
    act = layers.Activation("relu", name="act")
    h = act(dense(x))
    h = act(dense(h * 0.5 + x)) * ops.tanh(h)
    h = layers.Concatenate(name="both")([h, ops.maximum(h, x)])
    return _set(multinet.Model(x, layers.Dense(2, name="head")(h), name="repeated"))


def recurrent():
    """A loop over a function with a kink, a normalization, a softmax between."""
    x = multinet.Input((4, 3), name="x")
    h = layers.SimpleRNN(4, activation="relu", return_sequences=True, name="rnn")(x)
    h = layers.LayerNormalization(name="norm")(h)
    h = layers.LSTM(3, name="lstm")(layers.Softmax(name="softmax")(h))
    return _set(multinet.Model(x, layers.Dense(2, name="head")(h), name="recurrent"))


def attending():
    x = multinet.Input((4, 3), name="x")
    h = layers.MultiHeadAttention(2, 3, name="attention")(x, x, use_causal_mask=True)
    h = layers.LayerNormalization(name="norm")(layers.Add(name="add")([x, h]))
    h = layers.RNN(layers.GRUCell(3, name="cell"), name="rnn")(h)
    return _set(multinet.Model(x, layers.Dense(2, name="head")(h), name="attending"))


def twin(model):
    """Return a torch module with the weights of a model, pictures channels first."""
    kinds = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}
    modules, flat = [], None
    for layer in model.layers[1:]:
        if isinstance(layer, layers.Dense):
            kernel, bias = (torch.tensor(w.numpy()) for w in layer.weights)
            if flat is not None:  # torch flattens channels first
                kernel = kernel.reshape(*flat, -1).permute(2, 0, 1, 3).flatten(0, 2)
                flat = None
            made = torch.nn.Linear(*kernel.shape)
            made.weight.data, made.bias.data = kernel.T.contiguous(), bias
        elif isinstance(layer, layers.Conv2D):
            kernel, bias = (torch.tensor(w.numpy()) for w in layer.weights)
            made = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[0])
            made.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
            made.bias.data = bias
        else:
            made = torch.nn.MaxPool2d(2)
            if isinstance(layer, layers.Flatten):
                flat, made = layer.input.shape[1:], torch.nn.Flatten()
        modules.append(made)
        name = getattr(getattr(layer, "activation", None), "__name__", None)
        if name in kinds:
            modules.append(kinds[name]())
    return torch.nn.Sequential(*modules).eval()


def first(x):
    """Return pictures as a torch tensor with channels first."""
    tensor = torch.tensor(np.asarray(x))
    return tensor.permute(0, 3, 1, 2).contiguous() if tensor.ndim == 4 else tensor


def last(tensor):
    """Return an array with channels last."""
    array = tensor.detach().numpy()
    return np.moveaxis(array, 1, -1) if array.ndim == 4 else array

"""Models that are explained in the tests, and their twins of torch modules."""

import numpy as np
import torch

import multinet
from multinet import layers

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


class Last(torch.nn.Module):
    """Give (batch, channels, height, width) as Multinet flattens it."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


def twin(model):
    """Return a torch module with the weights of a model, pictures channels first."""
    kinds = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid}
    modules = []
    for layer in model.layers[1:]:
        if isinstance(layer, layers.Dense):
            kernel, bias = (torch.tensor(w.numpy()) for w in layer.weights)
            made = torch.nn.Linear(*kernel.shape)
            made.weight.data, made.bias.data = kernel.T.contiguous(), bias
        elif isinstance(layer, layers.Conv2D):
            kernel, bias = (torch.tensor(w.numpy()) for w in layer.weights)
            made = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], kernel.shape[0])
            made.weight.data = kernel.permute(3, 2, 0, 1).contiguous()
            made.bias.data = bias
        else:
            flat = isinstance(layer, layers.Flatten)
            made = Last() if flat else torch.nn.MaxPool2d(2)
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

"""A model around every layer, to train: for devices, where values do not count.

Each takes the inputs of a case of the table by way of a dense layer, so that a gradient
goes through the layer, and is compiled with Adam and the mean squared error.
"""

import numpy as np
from layer_cases import CASES, apply, inputs, label, make

import multinet
from multinet import layers

SEQUENCE = (4, 5, 3)

#: Layers that the table lacks: Keras draws other numbers.
MORE = [
    ("Dropout", {"rate": 0.5}, (4, 6)),
    ("SpatialDropout1D", {"rate": 0.5}, SEQUENCE),
    ("GaussianNoise", {"stddev": 0.5}, (4, 6)),
    ("GaussianDropout", {"rate": 0.2}, (4, 6)),
    ("LSTM", {"units": 4, "dropout": 0.3, "recurrent_dropout": 0.2}, SEQUENCE),
    ("GRU", {"units": 4, "dropout": 0.3}, SEQUENCE),
    ("AveragePooling1D", {"pool_size": 3, "strides": 1, "padding": "same"}, SEQUENCE),
]
WRAPPED = {
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(3)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
    "RNN": lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]),
}


def models():
    """Return, by name, functions that make a compiled model, its inputs and targets."""
    cases = [c for c in CASES + MORE if len(c[2]) > 1]  # a vector has no features
    found = {label(case): lambda case=case: _of_case(case) for case in cases}
    for name, wrap in WRAPPED.items():
        found[name] = lambda wrap=wrap: _model(wrap(), np.ones(SEQUENCE, "float32"))
    return found


def _of_case(case):
    return _model(make(layers, case), inputs(case))


def _model(layer, data):
    parts = data if isinstance(data, list) else [data]
    given = [multinet.Input(x.shape[1:], dtype=x.dtype.name) for x in parts]
    fed = [
        layers.Dense(x.shape[-1])(i) if x.dtype.kind == "f" else i
        for i, x in zip(given, parts, strict=True)
    ]
    outputs = apply(layer, fed if isinstance(data, list) else fed[0])
    model = multinet.Model(given, outputs)
    model.compile("adam", "mse", metrics=["mae"])
    return model, data, np.zeros((len(parts[0]), *outputs.shape[1:]), "float32")

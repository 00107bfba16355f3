"""Write the files of other frameworks that the tests read, and what those compute.

    python tests/importing_onnx/write_files.py torch
    python tests/importing_onnx/write_files.py tensorflow

The first needs onnxscript beside torch, the second tf2onnx beside TensorFlow and Keras.
What they note of places in source code is left out. Written with torch 2.13.0,
onnxscript 0.7.2, Keras 3.15.1, TensorFlow 2.21.0, tf2onnx 1.17.0.
"""

import os
import sys
from pathlib import Path

import numpy as np
import onnx

FILES = Path(__file__).parent / "files"
#: Batch and time of the data, other than those at the export where these are unknown.
SIZES = ((3, 5), (1, 9))
PICTURE = (12, 12)


def write(path, shape, compute):
    """Strip a file, and write beside it data and what the framework computes."""
    model = onnx.load(path)
    del model.metadata_props[:]
    parts = [model.graph, *model.graph.node, *model.graph.value_info]
    parts += [*model.graph.input, *model.graph.output, *model.graph.initializer]
    for part in parts:
        part.doc_string = ""
        del part.metadata_props[:]
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString(deterministic=True))
    found = {}
    for i, (batch, time) in enumerate(SIZES):
        sizes = [{"batch": batch, "time": time}.get(n, n) for n in shape]
        x = np.random.default_rng(i).normal(size=sizes).astype("float32")
        found |= {f"x{i}": x, f"y{i}": np.asarray(compute(x))}
    np.savez_compressed(path.with_suffix(".npz"), **found)


def write_torch():
    import torch
    from torch import nn

    torch.manual_seed(0)

    class Recurrent(nn.Module):
        def __init__(self, inner, width):
            super().__init__()
            self.inner, self.head = inner, nn.Linear(width, 3)

        def forward(self, x):
            return self.head(self.inner(x)[0].mean(1))

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            options = {"batch_first": True, "activation": "gelu"}
            self.inner = nn.TransformerEncoderLayer(8, 2, 16, **options)
            self.head = nn.Linear(8, 3)

        def forward(self, x):
            return self.head(self.inner(x).mean(1))

    lstm = nn.LSTM(4, 5, batch_first=True, bidirectional=True)
    gru = nn.GRU(4, 5, num_layers=2, batch_first=True)
    cnn = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4)),
        *(nn.MaxPool2d(2), nn.Conv2d(4, 6, 3, stride=2), nn.AdaptiveAvgPool2d(1)),
        *(nn.Flatten(), nn.Linear(6, 3)),
    )
    mlp = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(-1))
    models = {
        "mlp": (mlp, ("batch", 4)),
        "cnn": (cnn, ("batch", 2, *PICTURE)),
        "lstm": (Recurrent(lstm, 10), ("batch", "time", 4)),
        "gru": (Recurrent(gru, 5), ("batch", "time", 4)),
        "encoder": (Encoder(), ("batch", "time", 8)),
    }
    for name, (model, shape) in models.items():
        model.eval()
        for kind in ("dynamo", "script"):
            fixed = kind == "script" and name == "encoder"  # which keeps its sizes
            own = [{"batch": 3, "time": 5}.get(n, n) for n in shape] if fixed else shape
            sizes = [{"batch": 2, "time": 7}.get(n, n) for n in own]
            open_ = {i: n for i, n in enumerate(own) if isinstance(n, str)}
            path = FILES / f"torch-{kind}-{name}.onnx"
            options = {"input_names": ["x"], "output_names": ["y"]}
            if kind == "script":
                options |= {"dynamic_axes": {"x": open_}, "dynamo": False}
            else:
                dims = {i: torch.export.Dim(n) for i, n in open_.items()}
                options |= {"dynamic_shapes": (dims,), "external_data": False}
                options |= {"dynamo": True, "verbose": False}
            torch.onnx.export(model, (torch.randn(*sizes),), path, **options)

            def compute(x, model=model):
                return model(torch.from_numpy(x)).detach().numpy()

            write(path, own, compute)


def write_tensorflow():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf
    import tf2onnx
    from keras import layers

    keras.utils.set_random_seed(0)

    def encoder():
        x = keras.Input((None, 8))
        h = layers.LayerNormalization()(x)
        h = layers.Add()([x, layers.MultiHeadAttention(2, 4)(h, h)])
        f = layers.Dense(16, activation="silu")(layers.LayerNormalization()(h))
        h = layers.Add()([h, layers.Dense(8)(f)])
        h = layers.GlobalAveragePooling1D()(h)
        return keras.Model(x, layers.Dense(3)(h))

    def stack(shape, *inner):
        return keras.Sequential([keras.Input(shape), *inner, layers.Dense(3)])

    same = {"padding": "same"}
    cnn = [layers.Conv2D(4, 3, activation="relu", **same), layers.BatchNormalization()]
    cnn += [layers.MaxPooling2D(), layers.Conv2D(6, 3, 2, **same), layers.Flatten()]
    twice = layers.Bidirectional(layers.LSTM(5, return_sequences=True))
    models = {
        "mlp": (stack((4,), layers.Dense(8, activation="tanh")), ("batch", 4)),
        "cnn": (stack((*PICTURE, 2), *cnn), ("batch", *PICTURE, 2)),
        "lstm": (stack((None, 4), twice, layers.LSTM(5)), ("batch", "time", 4)),
        "gru": (stack((None, 4), layers.GRU(5)), ("batch", "time", 4)),
        "encoder": (encoder(), ("batch", "time", 8)),
    }
    for name, (model, shape) in models.items():
        for variable in model.trainable_variables:
            noise = keras.random.normal(variable.shape, stddev=0.1)
            variable.assign(variable + noise)

        def compute(x):
            return model(x, training=False)  # noqa: B023 - called in this turn

        sizes = [n if isinstance(n, int) else None for n in shape]
        spec = [tf.TensorSpec(sizes, tf.float32, name="x")]
        path = FILES / f"tf2onnx-{name}.onnx"
        tf2onnx.convert.from_function(
            tf.function(compute, input_signature=spec),
            input_signature=spec,
            opset=17,
            output_path=str(path),
        )
        write(path, shape, compute)


if __name__ == "__main__":
    {"torch": write_torch, "tensorflow": write_tensorflow}[sys.argv[1]]()

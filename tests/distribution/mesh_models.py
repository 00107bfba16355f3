"""Small models, each with what a mesh could get wrong, and how they are laid there."""

from __future__ import annotations

import numpy as np

from multinet import Input, Model, distribution, layers, losses, set_random_seed

ROWS, BATCH, EPOCHS = 43, 16, 5  # the last batch has 11 rows


def mlp():
    """Dense layers, batch norm and dropout."""
    x = Input((12,), name="x")
    y = layers.Dense(32, activation="relu", name="up")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.Dropout(0.3, name="drop")(y)
    return Model(x, layers.Dense(8, name="down")(y), name="mlp"), (12,)


def cnn():
    """Convolutions, pooling and batch norm."""
    x = Input((8, 8, 3), name="x")
    y = layers.Conv2D(8, 3, padding="same", use_bias=False, name="up")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.MaxPooling2D(name="pool")(layers.Activation("relu", name="act")(y))
    y = layers.Dropout(0.2, name="drop")(layers.Conv2D(8, 3, name="next")(y))
    y = layers.GlobalAveragePooling2D(name="mean")(y)
    return Model(x, layers.Dense(8, name="down")(y), name="cnn"), (8, 8, 3)


def transformer():
    """Attention, layer norm and dropout in both."""
    x = Input((6, 16), name="x")
    attend = layers.MultiHeadAttention(4, 4, dropout=0.2, name="attention")
    y = layers.LayerNormalization(name="norm")(x + attend(x, x))
    z = layers.Dense(32, activation="gelu", name="up")(y)
    y = y + layers.Dropout(0.2, name="drop")(layers.Dense(16, name="mid")(z))
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    return Model(x, layers.Dense(8, name="down")(y), name="transformer"), (6, 16)


def lstm():
    """A recurrence with dropout of its inputs and its state."""
    x = Input((5, 8), name="x")
    y = layers.LSTM(16, dropout=0.2, recurrent_dropout=0.1, name="up")(x)
    return Model(x, layers.Dense(8, name="down")(y), name="lstm"), (5, 8)


MODELS = {model.__name__: model for model in (mlp, cnn, transformer, lstm)}


def rules_of(name):
    """Return the distribution of data by 4 and weights by 2 for a model."""
    mesh = distribution.DeviceMesh((4, 2), ("data", "model"))
    rules = distribution.LayoutMap(mesh, strict=True)
    rules["down/kernel"] = "model", None
    if name == "cnn":
        rules["up/kernel"] = None, None, None, "model"
    elif name == "lstm":
        rules["up/lstm_cell/(recurrent_)?kernel"] = None, "model"
    else:
        rules["up/kernel"], rules["up/bias"] = (None, "model"), ("model",)
    if name == "transformer":
        rules["attention/(query|key|value)/kernel"] = None, "model", None
    return distribution.ModelParallel(layout_map=rules, batch_dim_name="data")


PLANS = {
    "one device": lambda name: None,
    "data": lambda name: distribution.DataParallel(),
    "model": rules_of,
    "fully sharded": lambda name: distribution.FullyShardedDataParallel(),
}


def data(shape, seed=0):
    """Return inputs and labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(ROWS, *shape)).astype("float32")
    return x, rng.integers(0, 8, ROWS).astype("int32")


def compiled(name, **options):
    """Return a model with its optimizer, from the same seed each time."""
    set_random_seed(7)
    model, shape = MODELS[name]()
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    options = {"optimizer": "adam", "metrics": ["accuracy"], **options}
    model.compile(loss=loss, **options)
    return model, data(shape)


def trained(name, every=True):
    """Return the curves, the predictions and the model after five epochs.

    Unless `every`, no validation: fewer programs are compiled.
    """
    model, (x, y) = compiled(name)
    held = (x[:20], y[:20]) if every else None
    history = model.fit(
        x, y, batch_size=BATCH, epochs=EPOCHS, validation_data=held, verbose=0
    )
    size = BATCH if every else ROWS
    return model, history.history, model.predict(x, batch_size=size, verbose=0)

"""What is used most has docstrings that name each argument, and whose examples run."""

import doctest
import inspect
import re

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, losses, metrics, ops, optimizers, utils

USED = """
layers.Dense layers.Conv1D layers.Conv2D layers.Conv2DTranspose layers.DepthwiseConv2D
layers.SeparableConv2D layers.MaxPooling2D layers.AveragePooling2D
layers.GlobalAveragePooling2D layers.Flatten layers.Reshape layers.Dropout
layers.BatchNormalization layers.LayerNormalization layers.Embedding layers.LSTM
layers.GRU layers.Bidirectional layers.TimeDistributed layers.MultiHeadAttention
layers.Concatenate layers.Add layers.Activation layers.Rescaling layers.Normalization
layers.TextVectorization layers.StringLookup layers.Lambda Layer Input Model Sequential
Variable grad value_and_grad jit vmap scan Model.compile Model.fit Model.evaluate
Model.predict Model.save Model.load_weights Model.summary optimizers.SGD optimizers.Adam
optimizers.AdamW optimizers.RMSprop optimizers.schedules.ExponentialDecay
optimizers.schedules.CosineDecay losses.MeanSquaredError losses.BinaryCrossentropy
losses.CategoricalCrossentropy losses.SparseCategoricalCrossentropy losses.Huber
metrics.Mean metrics.SparseCategoricalAccuracy metrics.BinaryAccuracy metrics.AUC
metrics.Precision metrics.Recall callbacks.EarlyStopping callbacks.ModelCheckpoint
callbacks.ReduceLROnPlateau callbacks.BackupAndRestore callbacks.TensorBoard
callbacks.CSVLogger utils.PyDataset utils.to_categorical utils.set_random_seed
saving.load_model initializers.GlorotUniform regularizers.L2
""".split()
# Without an example of their own: a line on a page shows more than one would.
BARE = {
    "Model.evaluate",
    "Model.save",
    "Model.load_weights",
    "Model.summary",
    "callbacks.BackupAndRestore",
    "callbacks.TensorBoard",
}
# What every object of a kind has, and what says itself what it is.
PLAIN = {
    "self",
    "args",
    "kwargs",
    "options",
    "name",
    "dtype",
    "trainable",
    "data_format",
}
PLAIN |= {"x", "y", "inputs", "seed", "fun", "argnums", "batch_size"}


def found(path):
    """Return the object of a dotted path under `multinet`."""
    thing = multinet
    for part in path.split("."):
        thing = getattr(thing, part)
    return thing


def told(thing):
    """Return the docstrings of an object and of those that it refers to."""
    texts, todo, seen = [], [thing], set()
    while todo:
        texts.append(inspect.getdoc(todo.pop()) or "")
        for name in set(re.findall(r"`([A-Z]\w+)`", texts[-1])) - seen:
            seen.add(name)
            rooms = (multinet, layers, optimizers, metrics, callbacks)
            todo += [getattr(room, name) for room in rooms if hasattr(room, name)][:1]
    return "\n".join(texts)


@pytest.mark.parametrize("path", USED)
def test_each_argument_is_named(path):
    thing = found(path)
    text = told(thing)
    names = set(inspect.signature(thing).parameters) - PLAIN
    roles = re.findall(r"`\*(_\w+)`", text)  # such as `*_initializer`
    missing = {
        name
        for name in names
        if not re.search(rf"`{name}\b", text) and not name.endswith(tuple(roles))
    }
    assert not missing


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", USED)
def test_the_example_runs(path, tmp_path, monkeypatch, registry, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"multinet": multinet, "np": np, "layers": layers, "ops": ops}
    names |= {"optimizers": optimizers, "losses": losses, "metrics": metrics}
    names |= {"callbacks": callbacks, "utils": utils}
    text = inspect.getdoc(found(path)) or ""
    test = doctest.DocTestParser().get_doctest(text, names, path, None, None)
    assert bool(test.examples) == (path not in BARE)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    said = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)

"""Vocabularies in files: as Keras has them, both ways, and never from elsewhere."""

import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import multinet
from multinet import Input, Sequential, layers, saving
from multinet.errors import MultinetError
from multinet.utils import FeatureSpace

TEXTS = np.array(["the cat sat on the mat", "a dog ate the cat", "birds fly high"])
TABLE = {
    "age": [40.0, 30.0, 55.0],
    "city": ["Oslo", "Rome", "Oslo"],
    "trade": [1, 2, 7],
    "height": [0.1, 0.5, 0.7],
    "street": ["a", "b", "a"],
    "score": [1.0, 2.0, 0.5],
}

KERAS = """
import sys
import numpy as np, keras, tensorflow as tf
ours, folder = sys.argv[1], sys.argv[2]
texts = tf.constant(np.load(f"{folder}/texts.npy"))
found = {}
for mode in ("int", "tf_idf"):
    model = keras.saving.load_model(f"{ours}/{mode}.keras")
    found[mode] = model.predict(texts, verbose=0)
    model.save(f"{folder}/{mode}.keras")
space = keras.saving.load_model(f"{ours}/space.keras")
table = dict(np.load(f"{folder}/table.npz"))
found["space"] = np.array(space(table))
space.save(f"{folder}/space.keras")
np.savez(f"{folder}/found.npz", **found)
"""


def model_of(mode):
    words = layers.TextVectorization(output_mode=mode)
    words.adapt(TEXTS)
    rest = [layers.Embedding(20, 4), layers.GlobalAveragePooling1D()]
    rest = rest if mode == "int" else []
    return Sequential([Input((), dtype="string"), words, *rest, layers.Dense(2)])


def space():
    made = FeatureSpace(
        {
            "age": "float_normalized",
            "city": "string_categorical",
            "trade": "integer_categorical",
            "height": FeatureSpace.float_discretized(num_bins=3),
            "street": FeatureSpace.string_hashed(3),
            "score": "float",
        },
        crosses=[("city", "trade")],
        crossing_dim=8,
    )
    made.adapt(TABLE)
    return made


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory):
    """Files of ours, those that Keras made of them, and what it computed."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    expected = {}
    for mode in ("int", "tf_idf"):
        model = model_of(mode)
        expected[mode] = model.predict(TEXTS, verbose=0)
        model.save(ours / f"{mode}.keras")
    features = space()
    expected["space"] = np.asarray(features(TABLE))
    features.save(ours / "space.keras")
    np.save(theirs / "texts.npy", TEXTS)
    np.savez(theirs / "table.npz", **{k: np.array(v) for k, v in TABLE.items()})
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    run = [sys.executable, "-c", KERAS, str(ours), str(theirs)]
    subprocess.run(run, check=True, env=environment, capture_output=True)
    return ours, theirs, expected, dict(np.load(theirs / "found.npz"))


@pytest.mark.parametrize("name", ["int", "tf_idf", "space"])
def test_keras_reads_what_is_written(name, exchanged):
    *_, expected, found = exchanged
    np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("folder", [0, 1], ids=["ours", "theirs"])
@pytest.mark.parametrize("name", ["int", "tf_idf", "space"])
def test_what_keras_writes_is_read(name, folder, exchanged, real_backend):
    loaded = saving.load_model(exchanged[folder] / f"{name}.keras")
    if name == "space":
        found = multinet.ops.convert_to_numpy(loaded(TABLE))
    else:
        found = loaded.predict(TEXTS, verbose=0)
    np.testing.assert_allclose(found, exchanged[2][name], rtol=1e-5, atol=1e-6)


def test_the_members_are_those_of_keras(exchanged):
    ours, theirs, *_ = exchanged

    def assets(path):
        with zipfile.ZipFile(path) as archive:
            names = {n for n in archive.namelist() if n.startswith("assets/")}
            return {name: archive.read(name) for name in names}

    for name in ("int", "tf_idf", "space"):
        assert assets(ours / f"{name}.keras") == assets(theirs / f"{name}.keras")


def test_a_vocabulary_from_a_file_goes_with_the_model(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("a\nb\n\nc\n")
    layer = layers.StringLookup(vocabulary=str(path), mask_token="[M]", name="words")
    assert layer.get_vocabulary() == ["[M]", "[UNK]", "a", "b", "", "c"]
    Sequential([layer]).save(tmp_path / "model.keras")
    path.unlink()
    loaded = saving.load_model(tmp_path / "model.keras").get_layer("words")
    assert loaded.get_vocabulary() == layer.get_vocabulary()


@pytest.mark.parametrize("kind", ["characters", "last line empty"])
def test_tokens_with_line_breaks_come_back(kind, tmp_path):
    if kind == "characters":
        layer = layers.TextVectorization(split="character", standardize=None)
        layer.adapt(["a\nb\r\nc\u2028d", "\n"])
    else:
        layer = layers.StringLookup()
        layer.adapt(["b", "b", ""])
    Sequential([Input((), dtype="string"), layer]).save(tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras").layers[0]
    assert loaded.get_vocabulary() == layer.get_vocabulary()


@pytest.mark.parametrize("cls", ["StringLookup", "IntegerLookup", "TextVectorization"])
def test_a_configuration_that_names_a_file_is_refused(cls, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("1\n2\n")
    layer = getattr(layers, cls)(name="words")
    Sequential([layer]).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    inner = config["config"]["layers"][-1]
    assert inner["class_name"] == cls
    inner["config"]["vocabulary"] = str(secret)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "made.keras", "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(MultinetError, match="names the file"):
        saving.load_model(tmp_path / "made.keras")
    with pytest.raises(MultinetError, match="names the file"):
        layers.deserialize(inner)


def test_a_vocabulary_that_is_none_is_refused(tmp_path):
    Sequential([layers.IntegerLookup(vocabulary=None, name="ids")]).save(
        tmp_path / "a.keras"
    )
    with zipfile.ZipFile(tmp_path / "a.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for text in (b"1\ntwo\n", b"\xff\xfe"):
        place = "assets/layers/integer_lookup/vocabulary.txt"
        members[place] = text
        with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with pytest.raises(MultinetError, match="no vocabulary"):
            saving.load_model(tmp_path / "b.keras")


def test_a_vocabulary_costs_the_weights_nothing(tmp_path):
    words = layers.StringLookup(vocabulary=[f"word {i}" for i in range(200_000)])
    body = [layers.Embedding(5, 2), layers.Dense(1)]
    model = Sequential([Input((3,), dtype="string"), words, *body])
    assert len(model.weights) == 3 and words.weights == []
    model.save_weights(tmp_path / "model.weights.h5")
    assert (tmp_path / "model.weights.h5").stat().st_size < 20_000
    words = layers.StringLookup()
    words.set_vocabulary([f"word {i}" for i in range(200_000)])
    Sequential([words]).save(tmp_path / "model.keras")
    loaded = saving.load_model(tmp_path / "model.keras").layers[0]
    assert loaded.vocabulary_size() == 200_001

"""Networks against Keras's: layers, files of weights, answers."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from multinet import applications, config, models, ops, use_backend, utils

PROGRAM = Path(__file__).parent / "keras_networks.py"
REAL = ("numpy", "jax", "torch", "tensorflow")
WEIGHTS, KERAS2, WHOLE = ".weights.h5", ".h5", ".keras"


def network(file=WEIGHTS, size=32, **options):
    """Return the arguments of a network, small where there is something to make so."""
    options = {"classes": 7, "classifier_activation": None, **options}
    return {"file": file, "input_shape": (size, size, 3), **options}


#: For the usual run.
SMALL = {
    "EfficientNetV2B0": network(),
    "MobileNet": network(WHOLE, alpha=0.25, depth_multiplier=2, dropout=0.1),
    "MobileNetV2": network(KERAS2, alpha=0.35),
    "MobileNetV3Small": network(alpha=0.75),
    "ResNet50V2": network(KERAS2, include_top=False, pooling="avg"),
    "VGG16": network(include_top=False),
}
#: Those that JAX compiles in few seconds.
QUICK = ("MobileNet", "ResNet50V2", "VGG16")
#: One more of each family, for the four backends.
LARGER = {
    "ConvNeXtTiny": network(WHOLE),
    "DenseNet121": network(),
    "EfficientNetB0": network(KERAS2),
    "InceptionV3": network(size=75),
    "NASNetMobile": network(),
    "ResNet50": network(KERAS2),
    "Xception": network(size=71, include_top=False, pooling="max"),
}
REST = {
    "ConvNeXtBase": network(include_preprocessing=False, include_top=False),
    "ConvNeXtLarge": network(include_top=False),
    "ConvNeXtSmall": network(),
    "ConvNeXtXLarge": network(include_top=False, pooling="avg"),
    "DenseNet169": network(include_top=False, pooling="max"),
    "DenseNet201": network(KERAS2),
    "EfficientNetB1": network(include_top=False, pooling="max"),
    "EfficientNetB2": network(),
    "EfficientNetB3": network(WHOLE),
    "EfficientNetB4": network(),
    "EfficientNetB5": network(),
    "EfficientNetB6": network(),
    "EfficientNetB7": network(),
    "EfficientNetV2B1": network(include_preprocessing=False),
    "EfficientNetV2B2": network(KERAS2),
    "EfficientNetV2B3": network(WHOLE),
    "EfficientNetV2L": network(),
    "EfficientNetV2M": network(include_top=False),
    "EfficientNetV2S": network(),
    "InceptionResNetV2": network(WHOLE, size=75),
    "MobileNetV3Large": network(alpha=1.25, minimalistic=True),
    "NASNetLarge": network(include_top=False, pooling="avg"),
    "ResNet101": network(),
    "ResNet101V2": network(),
    "ResNet152": network(include_top=False),
    "ResNet152V2": network(WHOLE),
    "VGG19": network(),
}
#: Millions of weights, by the table of https://keras.io/api/applications.
MILLIONS = {
    "ConvNeXtTiny": 28.6,
    "DenseNet121": 8.1,
    "EfficientNetB0": 5.3,
    "EfficientNetV2S": 21.6,
    "InceptionResNetV2": 55.9,
    "InceptionV3": 23.9,
    "MobileNet": 4.3,
    "MobileNetV2": 3.5,
    "NASNetMobile": 5.3,
    "ResNet50": 25.6,
    "ResNet152": 60.4,
    "VGG16": 138.4,
    "VGG19": 143.7,
    "Xception": 22.9,
}


def run(folder, networks):
    """Let Keras write its files of some networks."""
    command = [sys.executable, str(PROGRAM), str(folder), json.dumps(networks)]
    backend = "tensorflow" if "NASNetMobile" in networks else "torch"
    environment = os.environ | {"KERAS_BACKEND": backend}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return run(tmp_path_factory.mktemp("small"), SMALL)


def built(name, options, folder):
    """Return our network with the weights of Keras's file."""
    options = dict(options)
    path = folder / f"{name}{options.pop('file')}"
    utils.clear_session()  # names count from here, as in the program
    return getattr(applications, name)(weights=path, **options)


def answers(model, folder, name):
    """Return what our network and Keras's answer about the same images."""
    with np.load(folder / f"{name}.npz") as found:
        images, theirs = found["images"], found["answers"]
    return ops.convert_to_numpy(model(images)), theirs


def near(ours, theirs):
    """Check that answers differ by 1e-5 of the largest at most."""
    assert np.ptp(theirs) > 1e-3 * np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(theirs).max(), rtol=0)


def alike(model, folder, name):
    """Check that layers and weights have the names, the order and shapes of Keras's."""
    facts = json.loads((folder / f"{name}.json").read_text())
    assert model.name == facts["name"]
    layers = [[layer.name, type(layer).__name__] for layer in model.layers]
    assert layers == facts["layers"]
    assert [[*weight.shape] for weight in model.weights] == facts["weights"]


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"])
def test_a_network_answers_as_that_of_keras(small, backend, name):
    with use_backend(backend):
        model = built(name, SMALL[name], small)
        if backend == "numpy":
            alike(model, small, name)
        near(*answers(model, small, name))


@pytest.mark.parametrize("name", QUICK)
def test_a_network_on_jax_answers_as_that_of_keras(small, name):
    with use_backend("jax"):
        near(*answers(built(name, SMALL[name], small), small, name))


@pytest.mark.long
@pytest.mark.parametrize("name", [*LARGER, *REST])
def test_another_network_answers_as_that_of_keras(tmp_path, name):
    options = (LARGER | REST)[name]
    run(tmp_path, {name: options})
    for backend in REAL if name in LARGER else ("numpy",):
        with use_backend(backend):
            model = built(name, options, tmp_path)
            near(*answers(model, tmp_path, name))
            alike(model, tmp_path, name)
    shutil.rmtree(tmp_path)  # some files are of a gigabyte


@pytest.mark.parametrize("name", MILLIONS)
def test_a_network_has_as_many_weights_as_published(name):
    model = getattr(applications, name)(weights=None)
    assert round(model.count_params() / 1e6, 1) == MILLIONS[name]


def test_all_networks_of_keras_are_compared():
    names = {name for name in applications.__all__ if name[0].isupper()}
    assert {*SMALL, *LARGER, *REST} == names


def test_a_model_of_keras_is_read_whole(small):
    model = models.load_model(small / f"MobileNet{WHOLE}")
    near(*answers(model, small, "MobileNet"))


@pytest.mark.long
@pytest.mark.parametrize("name", ["ConvNeXtTiny", "InceptionResNetV2"])
def test_a_model_with_layers_of_its_own_goes_both_ways(tmp_path, name):
    run(tmp_path, {name: (LARGER | REST)[name]})
    model = models.load_model(tmp_path / f"{name}{WHOLE}")
    near(*answers(model, tmp_path, name))
    model.save(tmp_path / "ours.keras")
    code = "import sys, keras; print(len(keras.models.load_model(sys.argv[1]).weights))"
    command = [sys.executable, "-c", code, str(tmp_path / "ours.keras")]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert int(found.stdout.split()[-1]) == len(model.weights)


@pytest.fixture
def channels_first():
    config.set_image_data_format("channels_first")
    yield
    config.set_image_data_format("channels_last")


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2", "ResNet50V2", "VGG16"])
def test_channels_may_come_first(small, channels_first, backend, name):
    options = SMALL[name] | {"input_shape": (3, 32, 32)}
    with use_backend(backend), np.load(small / f"{name}.npz") as found:
        model = built(name, options, small)
        ours = ops.convert_to_numpy(model(np.moveaxis(found["images"], -1, 1)))
        theirs = found["answers"]
    near(ours, np.moveaxis(theirs, -1, 1) if theirs.ndim == 4 else theirs)
    assert all("channels_last" not in str(x.get_config()) for x in model.layers)


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "DenseNet121", "NASNetMobile"])
def test_channels_come_last_where_keras_has_nothing_else(channels_first, name):
    with pytest.raises(ValueError, match="channels last"):
        getattr(applications, name)(weights=None)


def test_a_network_trains_and_comes_back_from_its_file(tmp_path):
    model = applications.MobileNetV3Small(
        weights=None, classes=2, input_shape=(32, 32, 3), alpha=0.25
    )
    random = np.random.default_rng(0)
    images, labels = random.uniform(0, 255, (8, 32, 32, 3)), np.arange(8) % 2
    model.compile("adam", "sparse_categorical_crossentropy")
    losses = model.fit(images, labels, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[0] != losses[1]
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(images), model.predict(images), rtol=1e-6)

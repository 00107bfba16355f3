"""Pixels as networks take them, names of classes, and weights from a server."""

import hashlib
import json
import os
from pathlib import Path

import keras
import numpy as np
import pytest
from local_server import serving

from multinet import applications, errors, ops
from multinet.applications import imagenet_utils, weights

RNG = np.random.default_rng(3)
MODES = ("caffe", "tf", "torch")


def images(shape=(2, 4, 5, 3), dtype="float64"):
    return RNG.uniform(0, 255, shape).astype(dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first", None])
@pytest.mark.parametrize("shape", [(2, 4, 5, 3), (4, 5, 3)])
@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8", "int32"])
def test_pixels_are_those_of_keras(mode, data_format, shape, dtype):
    x = images(shape, dtype)
    if data_format == "channels_first":
        x = np.moveaxis(x, -1, -3)
    theirs = keras.applications.imagenet_utils.preprocess_input(
        x.copy(), data_format, mode
    )
    ours = imagenet_utils.preprocess_input(x.copy(), data_format, mode)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8"])
def test_tensors_are_scaled_as_arrays_and_stay(backend, mode, dtype):
    x = ops.convert_to_tensor(images(dtype="uint8"), dtype)
    before = ops.convert_to_numpy(x).copy()
    ours = imagenet_utils.preprocess_input(x, mode=mode)
    expected = "float32" if dtype == "uint8" else dtype
    assert ops.shape(ours) == ops.shape(x) and ops.dtype(ours) == expected
    theirs = keras.applications.imagenet_utils.preprocess_input(
        before.astype("float64"), mode=mode
    )
    near = 0.2 if dtype == "float16" else 1e-4
    np.testing.assert_allclose(ops.convert_to_numpy(ours), theirs, atol=near)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), before)


def test_arrays_of_floats_are_written_over_as_keras_does():
    for mode in MODES:
        x = images()
        y = imagenet_utils.preprocess_input(x, mode=mode)
        assert np.shares_memory(x, y)


@pytest.mark.parametrize(
    "name", [n for n in applications.__all__ if n[0].islower() and n[-1] != "s"]
)
def test_each_family_scales_pixels_as_that_of_keras(name):
    x = images()
    theirs = getattr(keras.applications, name).preprocess_input(x.copy())
    ours = getattr(applications, name).preprocess_input(x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "wrong, said",
    [
        (dict(mode="keras"), "mode"),
        (dict(data_format="first"), "data_format"),
        (dict(x=np.zeros((3,))), "an image"),
    ],
)
def test_other_ways_are_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        imagenet_utils.preprocess_input(**{"x": images(), **wrong})


def sha(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    names = {str(i): [f"n{i:08}", f"word {i}"] for i in range(1000)}
    classes = json.dumps(names).encode()
    table = {
        "base": "",
        "classes": {"path": "classes.json", "base": "", "digest": sha(classes)},
        "networks": {},
    }
    monkeypatch.setenv("MULTINET_HOME", str(tmp_path))
    monkeypatch.setattr(weights, "table", lambda: table)
    with serving() as server:
        server.table = table
        server.files["classes.json"] = classes
        monkeypatch.setenv("MULTINET_APPLICATIONS", server.address(""))
        yield server


def test_classes_are_named_as_by_keras(server, monkeypatch):
    from keras.src.applications import imagenet_utils as theirs

    scores = RNG.uniform(0, 1, (3, 1000)).astype("float32")
    names = json.loads(server.files["classes.json"])
    monkeypatch.setattr(theirs, "CLASS_INDEX", names)
    for top in (1, 5, 20):
        ours = imagenet_utils.decode_predictions(ops.convert_to_tensor(scores), top)
        assert ours == theirs.decode_predictions(scores, top)
    assert len(server.asked) == 1
    with pytest.raises(errors.ShapeError, match=r"\(samples, 1000\)"):
        imagenet_utils.decode_predictions(scores[:, :10])


def served(server, tmp_path, file, **options):
    """Put the weights of a small network on the server; return that network."""
    model = applications.MobileNet(weights=None, alpha=0.25, **options)
    path = tmp_path / file
    model.save_weights(path)
    data = path.read_bytes()
    server.files[f"folder/{file}"] = data
    kind = "classifier" if model.output_shape == (None, 1000) else "features"
    known = server.table["networks"].setdefault("MobileNet", {})
    known[kind] = [f"folder/{file}", sha(data)]
    return model


def test_weights_are_downloaded_once_and_checked(server, tmp_path):
    whole = served(server, tmp_path, "top.weights.h5")
    features = served(server, tmp_path, "notop.weights.h5", include_top=False)
    for theirs, top in ((whole, True), (features, False), (whole, True)):
        ours = applications.MobileNet(alpha=0.25, include_top=top)
        for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(server.asked) == 2
    assert (Path(os.environ["MULTINET_HOME"]) / "models" / "top.weights.h5").exists()


def test_weights_that_were_changed_are_refused(server, tmp_path):
    served(server, tmp_path, "top.weights.h5")
    server.files["folder/top.weights.h5"] += b"more"
    with pytest.raises(errors.FileError, match="sha256"):
        applications.MobileNet(alpha=0.25)


def test_the_table_names_files_with_hashes():
    table = weights.table()
    names = {n for n in applications.__all__ if n[0].isupper()}
    left_out = {"MobileNet", "MobileNetV2", "MobileNetV3Large", "MobileNetV3Small"}
    for name in names - left_out:
        files = weights_of(name)
        assert files in table["networks"], name
    assert len(table["networks"]) == len(names - left_out) + 6
    for known in table["networks"].values():
        for kind in ("classifier", "features"):
            path, digest = known[kind]
            assert path.endswith(".h5") and len(digest) in (32, 64)
    assert all(
        not found.get("base", "https://").startswith("http:")
        for found in table["networks"].values()
    )


def weights_of(name):
    """Return what a network calls its files: the name that its model has by default."""
    import inspect

    function = getattr(applications, name)
    return inspect.signature(function).parameters["name"].default


def test_hashes_are_those_that_keras_checks():
    import importlib
    import inspect

    named = "resnet efficientnet efficientnet_v2 mobilenet_v3 convnext vgg16 vgg19 "
    named += "densenet inception_v3 inception_resnet_v2 xception nasnet"
    source = "".join(
        inspect.getsource(importlib.import_module(f"keras.src.applications.{module}"))
        for module in named.split()
    )
    for known in weights.table()["networks"].values():
        for path, digest in (known["classifier"], known["features"]):
            assert digest in source, path

"""Files that earlier versions of Keras wrote open, and compute what they computed."""

import tarfile
from pathlib import Path

import numpy as np
import pytest

from multinet import saving
from multinet.registry import use_backend

FOLDER = Path(__file__).parent / "old_files"
FILES = sorted(p.name for p in FOLDER.iterdir() if p.suffix in (".keras", ".h5"))
OTHERS = ("jax", "torch", "tensorflow")
MODELS = [name for name in FILES if "-weights" not in name]


def saved(name):
    """Return the inputs and outputs that belong to a file."""
    stem = name.removesuffix(".keras").removesuffix(".h5").removesuffix("-weights")
    arrays = np.load(FOLDER / f"{stem}.npz")
    both = [arrays["x"], arrays["words"]]
    return (both if "functional" in stem else arrays["x"]), arrays["y"]


def test_there_are_files_of_each_version():
    versions = {name.rpartition("-")[0] for name in MODELS}
    wanted = {"keras-3.0.5", "keras-3.5.0", "keras-3.10.0", "tf_keras-2.21.0"}
    assert versions == wanted
    assert len(MODELS) == 10


def pairs():
    """Yield each file with each backend, two of them in the usual run."""
    for i, name in enumerate(MODELS):
        usual = ("numpy", OTHERS[i % 3])
        for backend in ("numpy", *OTHERS):
            marks = () if backend in usual else pytest.mark.long
            yield pytest.param(name, backend, marks=marks)


@pytest.mark.parametrize("name,backend", list(pairs()))
def test_a_model_of_an_earlier_keras_computes_the_same(name, backend):
    x, wanted = saved(name)
    with use_backend(backend):
        model = saving.load_model(FOLDER / name)
        found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-6)
    assert model.optimizer is not None and model.loss == "mse"


@pytest.mark.parametrize("name", [n for n in FILES if "-weights" in n])
@pytest.mark.parametrize("by_name", [False, True])
def test_weights_of_keras_2_go_into_a_model(name, by_name):
    x, wanted = saved(name)
    model = saving.load_model(FOLDER / name.replace("-weights.h5", ".h5"))
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(FOLDER / name, by_name=by_name)
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", [n for n in MODELS if n.startswith("tf_keras")])
def test_the_optimizer_of_keras_2_is_read(name):
    model = saving.load_model(FOLDER / name)
    assert int(model.optimizer.iterations.numpy()) == 1
    assert any(v.numpy().any() for v in model.optimizer.variables[2:])


# -- files of Keras 2 in archives ------------------------------------------------------

ARCHIVES = sorted(FOLDER.glob("*.tar.xz"))
#: The optimizers of TensorFlow 1's kind: a `.keras` file has no state of theirs.
UNSAVED = "small_legacy"


def cases():
    """Yield each archive, with the stem of each model in it."""
    for path in ARCHIVES:
        with tarfile.open(path) as archive:
            for name in archive.getnames():
                if name.endswith(".npz"):
                    yield path.name, name.removesuffix(".npz")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A folder with a folder for each archive."""
    folder = tmp_path_factory.mktemp("old")
    for path in ARCHIVES:
        with tarfile.open(path) as archive:
            archive.extractall(folder / path.name, filter="data")
    return folder


def test_the_archives_are_of_all_versions_but_the_last():
    versions = [".".join(p.name.split("-")[1].split(".")[:2]) for p in ARCHIVES]
    assert versions == [f"2.{minor}" for minor in range(15, 21)]


@pytest.mark.parametrize("archive,name", list(cases()))
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_training_goes_on_as_in_keras_2(archive, name, suffix, unpacked):
    path = unpacked / archive / f"{name}{suffix}"
    with np.load(path.with_suffix(".npz")) as arrays:
        saved = dict(arrays)
    both = [saved["x"], saved["words"]]
    x = saved["x"] if name == "sequential" else both
    model = saving.load_model(path)
    found = model.predict(x, verbose=0)
    np.testing.assert_allclose(found, saved["y"], rtol=1e-5, atol=2e-6)
    if suffix == ".keras" and name.startswith(UNSAVED):
        assert int(model.optimizer.iterations.numpy()) == 0
        return
    model.fit(x, saved["targets"], verbose=0)
    for layer in model.layers:
        weights = [*layer.trainable_weights, *layer.non_trainable_weights]
        for i, weight in enumerate(weights):
            wanted = saved[f"after|{layer.name}|{i}"]
            found = weight.numpy()
            np.testing.assert_allclose(
                found, wanted, rtol=1e-5, atol=2e-6, err_msg=weight.path
            )


@pytest.mark.parametrize("archive", [path.name for path in ARCHIVES])
def test_weights_in_an_archive_go_into_a_model(archive, unpacked):
    for name in ("functional", "sequential"):
        path = unpacked / archive / f"{name}.h5"
        model = saving.load_model(path)
        wanted = model.get_weights()
        model.set_weights([np.zeros_like(w) for w in wanted])
        model.load_weights(path.with_name(f"{name}-weights.h5"))
        for found, array in zip(model.get_weights(), wanted, strict=True):
            assert np.array_equal(found, array)

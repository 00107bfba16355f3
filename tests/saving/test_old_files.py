"""Files that earlier versions of Keras wrote open, and compute what they computed."""

from pathlib import Path

import numpy as np
import pytest

from multinet import saving

FOLDER = Path(__file__).parent / "old_files"
FILES = sorted(p.name for p in FOLDER.iterdir() if p.suffix in (".keras", ".h5"))
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


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_an_earlier_keras_computes_the_same(name, real_backend):
    x, wanted = saved(name)
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


@pytest.mark.parametrize("name", [n for n in MODELS if n.endswith(".h5")])
def test_the_optimizer_of_keras_2_goes_on(name):
    model = saving.load_model(FOLDER / name)
    assert int(model.optimizer.iterations.numpy()) == 1
    assert any(v.numpy().any() for v in model.optimizer.variables[2:])

"""Files that are damaged in many ways load, or are refused in words: a minute of it."""

import json
import tracemalloc

import fuzz
import h5py
import pytest

from multinet import saving
from multinet.errors import ShapeError

#: Files of the long run by which a loader once failed in another way.
FOUND = {
    "keras": (15, 25, 30, 40, 145, 315, 325, 610, 715, 815, 890),
    "weights": (116, 211, 231, 331, 661, 701, 811),
    "shards": (27, 57, 107, 322, 647, 727, 947, 987),
    "safetensors": (358, 673),
    "h5": (),
    "legacy": (9, 34, 64, 119, 134, 159, 204, 289, 349, 409, 514, 874, 2334, 12124),
}


@pytest.fixture(scope="module")
def loaders():
    """Return what is tried, by name."""
    return fuzz.loaders()


@pytest.mark.parametrize("name", FOUND)
def test_a_damaged_file_loads_or_is_refused(name, loaders, tmp_path, registry):
    target = fuzz.model()
    for seed in (*FOUND[name], *range(50_000, 51_500)):
        wrong = fuzz.attempt(loaders[name], target, seed, tmp_path)
        assert wrong is None, f"seed {seed}: {wrong}"


def test_sizes_that_the_weights_do_not_have_take_no_memory(tmp_path, registry):
    """Nothing of a model is drawn or filled before its file is seen to fit."""
    path = tmp_path / "m.h5"
    with pytest.warns(UserWarning, match="Keras 2"):
        fuzz.compiled().save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        (out,) = (x for x in config["config"]["layers"] if x["config"]["name"] == "out")
        out["config"]["units"] = 20_000_000
        file.attrs["model_config"] = json.dumps(config)
    tracemalloc.start()
    try:
        with pytest.raises(ShapeError, match=r"out: expects shapes \[\(7, 20000000\)"):
            saving.load_model(path)
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()

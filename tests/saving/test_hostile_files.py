"""Files made to do harm are refused in words, and nothing happens."""

import json
import resource

import h5py
import hostile_files
import numpy as np
import pytest

from multinet import MultinetError, saving

#: The memory that refusing a file may take, in bytes, above what was taken before.
MEMORY = 200 * 2**20


@pytest.fixture
def canary(tmp_path):
    """Return a file that nobody may read or change, with numbers inside."""
    path = tmp_path / "outside" / "canary.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file["secret"] = np.full((4, 3), 7, "float32")
    return path


@pytest.mark.parametrize("name", hostile_files.CASES)
def test_a_hostile_file_is_refused_and_nothing_happens(name, tmp_path, canary):
    change, words = hostile_files.CASES[name]
    path = tmp_path / "model.keras"
    sound = hostile_files.model()
    sound.save(path)
    parts = hostile_files.Parts(path)
    of_sound = parts.members["model.weights.h5"]
    change(parts, canary)
    parts.write(path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    weights = sound.get_weights()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MultinetError, match=words):
        saving.load_model(path)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) * 1024
    assert grown < MEMORY
    if parts.members.get("model.weights.h5") not in (None, of_sound):
        with pytest.raises(MultinetError):
            sound.load_weights(path)
        for have, want in zip(sound.get_weights(), weights, strict=True):
            assert np.array_equal(have, want)
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert after == before


def test_there_are_at_least_sixty():
    assert len(hostile_files.CASES) >= 60


@pytest.mark.parametrize("filepath", ["s3://bucket/m.keras", "https://x.y/m.keras"])
def test_an_address_elsewhere_is_refused(filepath):
    with pytest.raises(MultinetError, match="a path on this machine"):
        saving.load_model(filepath)
    with pytest.raises(MultinetError, match="a path on this machine"):
        hostile_files.model().save(filepath)


def test_reading_unsafely_is_refused(tmp_path):
    hostile_files.model().save(tmp_path / "m.keras")
    with pytest.raises(MultinetError, match="custom_objects"):
        saving.load_model(tmp_path / "m.keras", safe_mode=False)


@pytest.mark.parametrize("name", ["../up.weights.h5", "/etc/x.weights.h5", "a.h5"])
def test_a_list_of_shards_names_files_beside_it_alone(name, tmp_path):
    path = tmp_path / "w.weights.json"
    places = {"metadata": {}, "weight_map": {"/layers/dense/vars": name}}
    path.write_text(json.dumps(places))
    with pytest.raises(MultinetError, match="files beside it"):
        hostile_files.model().load_weights(path)

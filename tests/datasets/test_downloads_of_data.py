"""Downloaded data sets: small files of the same form from a server, against Keras."""

import gzip
import hashlib
import importlib
import io
import json
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from local_server import serving

from multinet import config, datasets
from multinet.datasets import remote
from multinet.errors import ArgumentError, FileError

RNG = np.random.default_rng(7)


def npz(**found):
    stream = io.BytesIO()
    np.savez(stream, **found)
    return stream.getvalue()


def texts(count):
    out = np.empty(count, object)
    out[:] = [RNG.integers(1, 50, n).tolist() for n in RNG.integers(2, 12, count)]
    return out


def pixels(*shape):
    return RNG.integers(0, 256, shape).astype("uint8")


def cifar(folder, batches, *labels):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, count in batches.items():
            batch = {b"data": pixels(count, 3072)}
            for label in labels:
                batch[label] = RNG.integers(0, 10, count).tolist()
            data = pickle.dumps(batch, protocol=4)
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def made():
    """Return small files of the same form."""
    digits = {f"x_{p}": pixels(n, 28, 28) for p, n in (("train", 6), ("test", 3))}
    digits |= {f"y_{p}": pixels(n) for p, n in (("train", 6), ("test", 3))}
    reviews = {f"x_{p}": texts(n) for p, n in (("train", 20), ("test", 12))}
    reviews |= {f"y_{p}": pixels(n) % 2 for p, n in (("train", 20), ("test", 12))}
    tens = {f"data_batch_{i}": 10000 for i in range(1, 6)} | {"test_batch": 4}
    found = {
        "mnist.npz": npz(**digits),
        "cifar-10-python.tar.gz": cifar("cifar-10-batches-py", tens, b"labels"),
        "cifar-100-python.tar.gz": cifar(
            "cifar-100-python",
            {"train": 6, "test": 3},
            b"fine_labels",
            b"coarse_labels",
        ),
        "imdb.npz": npz(**reviews),
        "reuters.npz": npz(x=texts(30), y=np.arange(30)),
        "imdb_word_index.json": json.dumps({"the": 1}).encode(),
        "reuters_word_index.json": json.dumps({"of": 2}).encode(),
        "boston_housing.npz": npz(x=RNG.normal(size=(20, 13)), y=np.arange(20.0)),
        "california_housing.npz": npz(x=RNG.normal(size=(700, 8)), y=np.arange(700.0)),
    }
    for part, count in (("train", 6), ("t10k", 3)):
        images, labels = bytes(16) + pixels(count, 784).tobytes(), bytes(8 + count)
        found[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(images)
        found[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(labels)
    return found


@pytest.fixture(scope="module")
def files():
    return made()


@pytest.fixture
def server(files, tmp_path, monkeypatch):
    hashes = {k: {"hash": hashlib.sha256(v).hexdigest()} for k, v in files.items()}
    monkeypatch.setenv("MULTINET_HOME", str(tmp_path))
    monkeypatch.setattr(remote, "table", lambda: {"base": "", "files": hashes})
    with serving() as server:
        server.files |= files
        monkeypatch.setenv("MULTINET_DATASETS", server.address(""))
        yield server


def theirs(name, monkeypatch, home):
    """Return Keras's module, which finds the files that are here already."""
    module = importlib.import_module(f"keras.src.datasets.{name}")

    def here(fname=None, origin=None, cache_subdir="datasets", **options):
        return str(home / Path(cache_subdir) / fname)

    monkeypatch.setattr(module, "get_file", here)
    return module


def same(one, other):
    for a, b in zip((*one[0], *one[1]), (*other[0], *other[1]), strict=True):
        if b.dtype == object:
            assert [list(row) for row in a] == [list(row) for row in b]
        else:
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "name, options",
    [
        ("mnist", {}),
        ("fashion_mnist", {}),
        ("cifar10", {}),
        ("cifar100", {}),
        ("cifar100", dict(label_mode="coarse")),
        ("imdb", {}),
        ("imdb", dict(num_words=20, skip_top=3, maxlen=9)),
        ("imdb", dict(oov_char=None, start_char=None, index_from=0, num_words=30)),
        ("reuters", {}),
        ("reuters", dict(num_words=20, maxlen=9, test_split=0.5, seed=1)),
        ("boston_housing", {}),
        ("california_housing", {}),
        ("california_housing", dict(version="small", test_split=0.1, seed=2)),
    ],
)
def test_the_arrays_are_those_of_keras(server, tmp_path, monkeypatch, name, options):
    ours = getattr(datasets, name).load_data(**options)
    asked = len(server.asked)
    same(ours, theirs(name, monkeypatch, tmp_path).load_data(**options))
    getattr(datasets, name).load_data(**options)
    assert len(server.asked) == asked


def test_channels_are_where_the_configuration_says(server):
    config.set_image_data_format("channels_first")
    try:
        (x, _), _ = datasets.cifar100.load_data()
    finally:
        config.set_image_data_format("channels_last")
    assert x.shape == (6, 3, 32, 32)


def test_words_and_topics_have_names(server):
    assert datasets.imdb.get_word_index() == {"the": 1}
    assert datasets.reuters.get_word_index() == {"of": 2}
    from keras.datasets import reuters

    assert datasets.reuters.get_label_names() == reuters.get_label_names()


def test_a_changed_file_is_refused(server):
    server.files = server.files | {"mnist.npz": b"other"}
    with pytest.raises(FileError, match="sha256"):
        datasets.mnist.load_data()


class Evil:
    def __reduce__(self):
        return print, ("it ran",)


def test_a_pickle_runs_nothing(tmp_path, capsys):
    path = tmp_path / "a.npz"
    path.write_bytes(npz(x=np.array([Evil()], object)))
    with pytest.raises(FileError, match="print"):
        remote.arrays(path)
    assert capsys.readouterr().out == ""
    with pytest.raises(FileError):
        remote.unpickled(io.BytesIO(b"cos\nsystem\n(S'true'\ntR."))


@pytest.mark.parametrize("split", [-0.1, 1])
def test_a_part_is_a_part(server, split):
    with pytest.raises(ArgumentError, match="test_split"):
        datasets.boston_housing.load_data(test_split=split)


def test_the_table_names_every_file_with_a_hash(files):
    known = remote.table()
    assert set(known["files"]) == set(files)
    assert all(len(f["hash"]) in (32, 64) for f in known["files"].values())

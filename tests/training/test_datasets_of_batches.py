"""PyDatasets, loaders and other iterables through fit, evaluate and predict."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings

import numpy as np
import pytest

import multinet
from multinet import layers
from multinet.errors import ArgumentError, DTypeError, OutOfRange
from multinet.training.sources import source_of
from multinet.training.sources.workers import WorkerLost
from multinet.utils import PyDataset

RNG = np.random.default_rng(23)
X = RNG.normal(size=(30, 4)).astype("float32")
Y = RNG.normal(size=(30, 2)).astype("float32")
W = RNG.uniform(0.5, 2, size=30).astype("float32")
WORKERS = {
    "alone": {},
    "threads": dict(workers=3, max_queue_size=2),
    "processes": dict(workers=2, use_multiprocessing=True),
}
each_kind = pytest.mark.parametrize("options", WORKERS.values(), ids=WORKERS)


class Data(PyDataset):
    """X, Y and W in batches of 8, the last one of 6; `fails` at one index."""

    def __init__(self, fails=None, **options):
        super().__init__(**options)
        self.fails, self.heard = fails, []

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == self.fails:
            raise OutOfRange("no such page")
        part = slice(8 * index, 8 * index + 8)
        return X[part], Y[part], W[part]

    def on_epoch_begin(self):
        self.heard.append("begin")

    def on_epoch_end(self):
        self.heard.append("end")


def network():
    multinet.set_random_seed(4)
    model = multinet.Sequential(
        [multinet.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(2)]
    )
    model.compile("adam", "mse", weighted_metrics=["mae"])
    return model


def batches(source, epoch=0, steps=1):
    """Return the first arrays of an epoch's batches."""
    chunks = source.chunks(epoch, lambda batch, left: (steps, steps))
    return [x for chunk in chunks for x in chunk.columns[0][: chunk.steps]]


# -- the numbers -----------------------------------------------------------------------


@each_kind
def test_a_dataset_trains_as_the_arrays_do(backend, options):
    one, other = network(), network()
    data = Data(**options)
    logs = one.fit(
        data, epochs=3, validation_data=Data(**options), shuffle=False, verbose=0
    )
    expected = other.fit(
        X,
        Y,
        sample_weight=W,
        batch_size=8,
        epochs=3,
        validation_data=(X, Y, W),
        validation_batch_size=8,
        shuffle=False,
        verbose=0,
    )
    for name, values in expected.history.items():
        np.testing.assert_allclose(logs.history[name], values, rtol=1e-5)
    evaluated = other.evaluate(X, Y, sample_weight=W, batch_size=8, verbose=0)
    np.testing.assert_allclose(one.evaluate(data, verbose=0), evaluated, rtol=1e-5)
    predicted = other.predict(X, batch_size=8, verbose=0)
    np.testing.assert_allclose(one.predict(data, verbose=0), predicted, rtol=1e-5)


def loader(framework):
    if framework == "torch":
        import torch
        from torch.utils import data

        tensors = data.TensorDataset(*map(torch.from_numpy, (X, Y, W)))
        return data.DataLoader(tensors, batch_size=8)
    if framework.startswith("grain"):
        import grain

        class Samples:
            def __len__(self):
                return len(X)

            def __getitem__(self, index):
                return X[index], Y[index], W[index]

        if framework == "grain map":
            return grain.MapDataset.source(Samples()).batch(8)
        if framework == "grain iterable":
            return grain.MapDataset.source(Samples()).to_iter_dataset().batch(8)
        return grain.DataLoader(
            data_source=Samples(),
            sampler=grain.samplers.SequentialSampler(len(X)),
            operations=[grain.transforms.Batch(8)],
        )
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((X, Y, W)).batch(8)


LOADERS = ("torch", "tensorflow", "grain map", "grain iterable", "grain loader")


@pytest.mark.parametrize("framework", LOADERS)
def test_loaders_of_the_frameworks_train_on_every_backend(real_backend, framework):
    one, other = network(), network()
    data = loader(framework)
    logs = one.fit(data, epochs=2, validation_data=data, verbose=0).history
    expected = other.fit(
        Data(), epochs=2, validation_data=Data(), shuffle=False, verbose=0
    ).history
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-5)
    evaluated = other.evaluate(Data(), verbose=0)
    np.testing.assert_allclose(one.evaluate(data, verbose=0), evaluated, rtol=1e-5)
    np.testing.assert_allclose(
        one.predict(data, verbose=0), other.predict(X, verbose=0), rtol=1e-4
    )


def test_an_endless_or_unknown_length_is_told_from_a_known_one():
    data = loader("tensorflow")
    assert (source_of(data).size, source_of(data).endless) == (4, False)
    unknown = data.filter(lambda *batch: True)
    assert (source_of(unknown).size, source_of(unknown).endless) == (None, False)
    assert source_of(data.repeat()).endless
    with multinet.use_backend("numpy"):
        model = network()
        for call in (model.fit, model.evaluate, model.predict):
            with pytest.raises(ArgumentError, match="have no end"):
                call(data.repeat(), verbose=0)
        model.fit(data.repeat(), steps_per_epoch=3, epochs=2, verbose=0)
        assert len(model.fit(unknown, epochs=2, verbose=0).history["loss"]) == 2


class Frameless:
    """An iterable of lists, as loaders make them, without a length."""

    def __iter__(self):
        return (list(Data()[i]) for i in range(4))


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_tensors_of_another_framework_are_data_of_the_one_in_use(real_backend, dtype):
    import torch

    x, y = torch.arange(24).reshape(8, 3).to(getattr(torch, dtype)), torch.arange(8)

    def tensors():
        yield from [(x, y), (x[:5], y[:5]), (x[:5] + 1, y[:5]), (x + 1, y)]

    expected = "float32" if dtype == "float64" else "int32"
    source = source_of(tensors)
    assert [leaf.dtype for leaf in source.spec[:2]] == [expected, "int32"]
    found = [np.asarray(c.columns[0]) for c in source.chunks(0, lambda *_: (1, 1))]
    for given, made in zip(tensors(), found, strict=True):
        np.testing.assert_array_equal(made[0], given[0].numpy().astype(expected))


def test_a_label_beyond_int32_is_refused_in_any_batch(real_backend):
    import torch

    def tensors():
        for largest in (1, 2, 2**40):
            yield torch.ones(2, 3), torch.tensor([0, largest])

    source = source_of(tensors)
    with pytest.raises(DTypeError, match=r"Batch 3 .*int64 values reach"):
        list(source.chunks(0, lambda *_: (1, 1)))


def test_lists_of_a_loader_are_its_tuples():
    source = source_of(Frameless())
    assert [len(x) for x in batches(source)] == [8, 8, 8, 6]
    assert source.spec[2] is not None


def test_classes_are_weighed_in_every_batch():
    labels = np.arange(30) % 3

    class Labelled(PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            part = slice(8 * index, 8 * index + 8)
            return X[part], labels[part], W[part]

    for data in (Labelled(), Labelled(workers=2), list_again(Labelled())):
        source = source_of(data, class_weight={1: 5.0})
        chunks = list(source.chunks(0, lambda batch, left: (1, 1)))
        weights = np.concatenate([chunk.columns[2][0] for chunk in chunks])
        np.testing.assert_allclose(weights, W * np.where(labels == 1, 5, 1))


def list_again(data):
    class Again:
        def __iter__(self):
            return (data[i] for i in range(len(data)))

    return Again()


# -- the order -------------------------------------------------------------------------


class Numbers(PyDataset):
    """Batch i holds i; the first ones are the slowest."""

    def __init__(self, count=12, slow=0.0, **options):
        super().__init__(**options)
        self.count, self.slow = count, slow
        self.made, self.most = 0, 0

    @property
    def num_batches(self):
        return self.count

    def __getitem__(self, index):
        self.made += 1
        time.sleep(self.slow * (3 - index % 4))
        return np.full((2, 1), float(index))


def seen(source, epoch=0, **options):
    return [int(x[0, 0]) for x in batches(source, epoch, **options)]


@each_kind
def test_batches_come_in_order_whoever_is_first(options):
    source = source_of(Numbers(slow=0.002, **options))
    for epoch in range(2):
        assert seen(source, epoch, steps=5) == list(range(12))
    source.close()


@each_kind
def test_fits_shuffle_batches_by_the_seed(options):
    found = []
    for kind in (options, {}):
        with multinet.use_backend("numpy"):
            multinet.set_random_seed(3)
            orders = network()._trainer.orders
            source = source_of(Numbers(**kind), shuffle=True, orders=orders, epochs=2)
            found.append([seen(source, epoch) for epoch in range(2)])
            source.close()
    assert found[0] == found[1]
    first, second = found[0]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second and first != list(range(12))


@each_kind
def test_a_pass_that_an_epoch_leaves_goes_on_in_the_next(options):
    source = source_of(Numbers(count=5, **options))
    found = []
    for epoch in range(4):
        chunks = source.chunks(epoch, lambda batch, left: (1, 1))
        for _, chunk in zip(range(2), chunks):
            found.append(int(chunk.columns[0][0, 0, 0]))
        chunks.close()
    source.close()
    assert found[:4] == [0, 1, 2, 3]


@each_kind
def test_a_dataset_without_end_goes_on_from_epoch_to_epoch(options):
    data = Numbers(count=None, **options)
    with multinet.use_backend("numpy"):
        model = multinet.Sequential([multinet.Input((1,)), layers.Dense(1)])
        model.compile("sgd", lambda y, p: p)
        with pytest.raises(ArgumentError, match="have no end"):
            model.predict(data, verbose=0)
        assert model.predict(data, steps=3, verbose=0).shape == (6, 1)


@each_kind
def test_a_source_goes_on_where_another_was(options):
    with multinet.use_backend("numpy"):
        multinet.set_random_seed(3)
        orders = network()._trainer.orders
    arguments = dict(shuffle=True, orders=orders, epochs=2)
    source = source_of(Numbers(**options), **arguments)
    chunks = source.chunks(0, lambda batch, left: (1, 1))
    first = [int(next(chunks).columns[0][0, 0, 0]) for _ in range(5)]
    state = source.state()
    rest = [int(chunk.columns[0][0, 0, 0]) for chunk in chunks]
    following = seen(source, 1)
    data = Numbers(**options)
    other = source_of(data, **arguments)
    made = data.made
    other.restore(state)
    assert seen(other, 0) == rest and seen(other, 1) == following
    if not options:
        assert data.made - made == len(rest) + len(following)
    assert sorted(first + rest) == list(range(12))
    source.close(), other.close()


def test_epochs_begin_and_end_by_the_datasets_own_methods():
    with multinet.use_backend("numpy"):
        data, held = Data(), Data()
        network().fit(data, epochs=2, validation_data=held, verbose=0)
    assert data.heard == held.heard == ["begin", "end"] * 2


class Counting(PyDataset):
    """Each batch holds the number of its epoch, which `on_epoch_end` counts."""

    epoch = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.full((2, 1), float(self.epoch))

    def on_epoch_end(self):
        self.epoch += 1


@each_kind
def test_what_changes_between_epochs_is_seen_by_every_worker(options):
    source = source_of(Counting(**options))
    assert [seen(source, epoch) for epoch in range(3)] == [[0] * 3, [1] * 3, [2] * 3]
    source.close()


# -- memory ----------------------------------------------------------------------------


def test_no_more_wait_than_the_queue_may_hold():
    data = Numbers(count=100, workers=3, max_queue_size=4)
    source = source_of(data)
    chunks = source.chunks(0, lambda batch, left: (1, 1))
    for taken in range(1, 20):
        next(chunks)
        time.sleep(0.002)
        assert data.made <= taken + 4
    chunks.close()
    source.close()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_workers_end_with_the_fit(kind):
    before = threading.active_count()
    with multinet.use_backend("numpy"):
        model = network()
        model.fit(Data(**WORKERS[kind]), epochs=2, steps_per_epoch=2, verbose=0)
        with pytest.raises(OutOfRange):
            model.evaluate(Data(fails=2, **WORKERS[kind]), verbose=0)
    for _ in range(100):
        if threading.active_count() <= before:
            break
        time.sleep(0.02)
    assert threading.active_count() <= before
    import multiprocessing

    assert multiprocessing.active_children() == []


# -- errors ----------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("index", [0, 2])
def test_an_error_of_a_worker_arrives_as_itself(options, index):
    with multinet.use_backend("numpy"), pytest.raises(OutOfRange, match="page") as told:
        network().fit(Data(fails=index, **options), shuffle=False, verbose=0)
    text = "".join(traceback.format_exception(told.value))
    assert "in __getitem__" in text and 'raise OutOfRange("no such page")' in text


class Odd(PyDataset):
    """Does what a process cannot tell."""

    def __init__(self, deed):
        super().__init__(workers=1, use_multiprocessing=True)
        self.deed = deed

    def __len__(self):
        return 2

    def __getitem__(self, index):
        if self.deed == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.deed == "exits":
            os._exit(3)
        if self.deed == "raises":
            raise type("Local", (Exception,), {})("mine")
        return lambda: None


@pytest.mark.parametrize(
    "deed, error, said",
    [
        ("dies", WorkerLost, "-9"),
        ("exits", WorkerLost, "exit code 3"),
        ("raises", RuntimeError, "mine"),
        ("returns", RuntimeError, "batch that cannot be sent"),
    ],
)
def test_a_process_that_fails_is_no_hang(deed, error, said):
    with pytest.raises(error, match=said):
        source_of(Odd(deed))


class Short(PyDataset):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return X[:8], Y[:8]


@pytest.mark.parametrize("size", [0, -1, 2.5])
def test_a_length_is_a_number_of_batches(size):
    with pytest.raises((ArgumentError, TypeError, ValueError)):
        source_of(Short(size))


def test_fewer_batches_than_a_length_says_are_warned_of():
    class Wrong:
        def __len__(self):
            return 5

        def __iter__(self):
            return iter([(X, Y)] * 3)

    with multinet.use_backend("numpy"):
        with pytest.warns(UserWarning, match="5 batches by their len.*gave 3"):
            network().fit(Wrong(), verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            network().fit(Wrong(), steps_per_epoch=3, verbose=0)


def test_what_has_items_but_is_no_dataset_is_never_read():
    class Endless:
        def __len__(self):
            return 4

        def __getitem__(self, index):
            raise AssertionError("it was read")

    with pytest.raises(ArgumentError, match="PyDataset"):
        source_of(Endless())


@pytest.mark.parametrize("name, value", [("workers", -1), ("max_queue_size", 0)])
def test_workers_and_queues_are_counts(name, value):
    with pytest.raises(ArgumentError, match=name):
        Data(**{name: value})


def test_a_dataset_needs_batches_and_their_number():
    with pytest.raises(TypeError, match="__getitem__"):
        PyDataset()

    class Nameless(PyDataset):
        def __getitem__(self, index):
            return X

    with pytest.raises(NotImplementedError, match="num_batches"):
        source_of(Nameless())


SCRIPT = """
import os, signal, sys, time, warnings
import numpy as np
import multinet
from multinet import layers

# One that was started in the background may have been told to ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Slow(multinet.utils.PyDataset):
    def __len__(self):
        return 1000
    def __getitem__(self, index):
        if index == 0:
            return np.ones((2, 1)), np.ones((2, 1))
        open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
        while True:
            time.sleep(1)

model = multinet.Sequential([multinet.Input((1,)), layers.Dense(1)])
model.compile("sgd", "mse")
data = Slow(workers=2, use_multiprocessing=True)
model.fit(data, shuffle=False, verbose=0)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_ends_the_program_leaves_no_process(tmp_path, sent):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    program = subprocess.Popen(
        command,
        env={**os.environ, "MULTINET_BACKEND": "numpy"},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    for _ in range(600):
        if len(os.listdir(tmp_path)) == 2:
            break
        time.sleep(0.05)
    workers = list(map(int, os.listdir(tmp_path)))
    assert len(workers) == 2
    os.kill(program.pid, sent)
    _, told = program.communicate(timeout=60)
    assert program.returncode != 0
    if sent == signal.SIGINT:
        assert b"KeyboardInterrupt" in told and b"_serve" not in told
    for _ in range(200):
        if not any(map(alive, workers)):
            break
        time.sleep(0.05)
    assert not any(map(alive, workers))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False

"""A file of the user as a task: what it must have, and what it is told otherwise."""

import numpy as np
import pytest

from multinet.compare import loading, suite
from multinet.compare.record import Task
from multinet.errors import ArgumentError

MODEL = """
import numpy as np
import multinet
from multinet import layers

def make():
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)], name="small")
    model.compile("sgd", "mse")
    return model, np.ones((40, 3)), {y}

def bare():
    return multinet.Sequential([layers.Dense(2)]), np.ones((40, 3)), np.ones((40, 2))

def numbers():
    return 1, 2

def other():
    return 1, np.ones((40, 3)), np.ones((40, 2))

def listed():
    return make()[0], [[1.0] * 3] * 40, np.ones((40, 2))
"""


@pytest.fixture
def task(tmp_path, request):
    """Return what makes a task of a function of a file, which has a name of its own."""
    path = tmp_path / f"{request.node.name.partition('[')[0]}.py"

    def make(function="make", y="np.ones((40, 2))", **options):
        path.write_text(MODEL.replace("{y}", y))
        return Task("small", function, str(path), **options)

    return make


def test_a_file_becomes_a_model_and_rows(task):
    found = loading.load(task())
    assert found.model.name == "small" and found.samples == 40
    x, y = found.rows(8, 20)
    assert x.shape == (12, 3) and y.shape == (12, 2)
    again = loading.load(task())  # the seed was set before both
    assert again.model is not found.model
    one, other = (m.model.get_weights()[0] for m in (found, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("mak", "no function 'mak'. Did you mean 'make'"),
        ("bare", "is not compiled. Call model.compile"),
        ("numbers", "returned a tuple of 2. Expected a function that returns"),
        ("other", "a int in the place of the model"),
        ("listed", "Expected x of .* to be an array of NumPy.* got float"),
    ],
)
def test_what_a_file_lacks_is_said(task, function, words):
    with pytest.raises(ArgumentError, match=words):
        loading.load(task(function))


def test_rows_that_do_not_match_are_refused(task):
    with pytest.raises(ArgumentError, match=r"as many rows.*\(40, 3\), \(39, 2\)"):
        loading.load(task(y="np.ones((39, 2))"))


def test_fewer_rows_than_a_batch_are_refused(task):
    with pytest.raises(ArgumentError, match="40 rows, fewer than a batch of 64"):
        loading.load(task(batch=64))


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ArgumentError, match="There is no file .*gone.py"):
        loading.load(Task("gone", file=str(tmp_path / "gone.py")))


@pytest.mark.parametrize("name", list(suite.FUNCTIONS))
def test_the_built_in_suite_trains(name):
    found = loading.load(Task(name, name))
    x, y = found.rows(0, 32)
    before = found.model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    found.model.fit(x, y, epochs=3, verbose=0)
    after = found.model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    assert after < before

"""Processes of backends are asked what they compute, and the first wrong primitive."""

import dataclasses

import pytest
from test_agreement import off

import multinet
from multinet.compare import asking
from multinet.compare.asking import Asker
from multinet.compare.looking import Looking
from multinet.compare.process import Failed
from multinet.compare.record import Parting, Task

REAL = ("numpy", "jax", "torch", "tensorflow")
FILE = """
import numpy as np
import multinet
from multinet import layers

def make():
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(8, name="hidden"),
            layers.Activation("tanh", name="bend"),
            layers.Dense(2, name="head"),
        ],
        name="mine",
    )
    model.compile("adam", "mse")
    draws = np.random.default_rng(0)
    return model, draws.normal(size=(40, 6)), draws.normal(size=(40, 2))
"""


@pytest.fixture
def task(tmp_path):
    (tmp_path / "mine.py").write_text(FILE)
    return Task("mine", file=str(tmp_path / "mine.py"), batch=16)


class Here:
    """A process that is none: it answers at once, on a backend."""

    def __init__(self, backend):
        self.backend, self.closed = backend, False

    def ask(self, question, **arguments):
        with multinet.use_backend(self.backend):
            return Looking(1).questions()[question](**arguments)

    def close(self):
        self.closed = True


@pytest.mark.parametrize("name", REAL)
def test_a_planted_wrong_primitive_is_named(name, task):
    wrong = off("tanh", name, lambda backend, x: backend.multiply(x, 1.01))
    with Asker(1, steps=2) as ask:
        ask._processes = {"float64": Here("numpy"), name: Here(wrong)}
        (found,) = ask(task, [name])
    assert (found.verdict, found.at) == ("WRONG", "tanh of bend")
    assert found.first == Parting("bend", "tanh", pytest.approx(0.01, rel=0.1))


def test_processes_are_asked_about_one_task_after_another(task):
    with Asker(1, steps=3) as ask:
        (found,) = ask(task, ["numpy"])
        started = dict(ask._processes)
        (again,) = ask(dataclasses.replace(task, seed=5), ["numpy"])
        assert ask._processes == started and set(started) == {"numpy", "float64"}
    assert (found.verdict, again.verdict) == ("equal to rounding",) * 2
    assert found.outputs != again.outputs
    assert set(found.gradients) == {"hidden", "head"} and list(found.weights) == [1, 2]
    assert not any(each._child.poll() is None for each in started.values())


def test_what_fails_has_its_reason(task, monkeypatch):
    class Broken(Here):
        def ask(self, question, **arguments):
            raise Failed("no memory left")

    with Asker(1, steps=2) as ask:
        broken = Broken("torch")
        ask._processes = {
            "float64": Here("numpy"),
            "torch": broken,
            "numpy": Here("numpy"),
        }
        lost, there = ask(task, ["torch", "numpy"])
        assert broken.closed and "torch" not in ask._processes
    assert (lost.verdict, lost.reason) == (None, "no memory left")
    assert there.verdict == "equal to rounding"
    assert asking.Asker(1)(task, []) == ()

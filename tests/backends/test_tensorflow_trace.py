"""What TensorFlow's traces know of their tensors is in tables, and ends with them."""

import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from multinet_tensorflow.fast.step import Held, decayed
from multinet_tensorflow.fast.trace import Trace

from multinet.registry import get

BACKENDS = Path(__file__).parents[2] / "backends"


@pytest.fixture
def f():
    return get("tensorflow")


def test_a_trace_knows_of_its_own_tensors_only():
    x, mean, variance = tf.ones((2, 3)), tf.ones(3), tf.zeros(3)
    with Trace() as outer:
        outer.note_moments(mean, variance, x)
        with Trace() as inner:
            assert Trace.current() is inner
            assert not inner.are_moments(mean, variance, x)
        assert Trace.current() is outer
        assert outer.are_moments(mean, variance, x)
        assert not outer.are_moments(mean, variance, tf.identity(x))
        assert not outer.are_moments(tf.identity(mean), variance, x)
    assert Trace.current() is None


def test_a_trace_that_fails_is_over():
    with pytest.raises(ZeroDivisionError), Trace():
        raise ZeroDivisionError
    assert Trace.current() is None


def test_decayed_weights_stand_for_the_variables_of_the_weights(f):
    weight, other = tf.ones(3), tf.ones(3)
    variable = tf.Variable(weight)
    with Held([variable], [weight]) as held:
        (new, stranger) = f.decay_update([weight, other], 0.1)
        assert held.owner(new) is variable and held.owner(weight) is variable
        assert held.owner(stranger) is None and held.owner(other) is None
        assert held.owner(f.subtract(weight, 1.0)) is None
    same = [tf.ones(3)]
    assert decayed([weight], same) is same  # nothing to note outside of a step


def test_a_weight_less_something_else_is_moved_by_the_default_body(f):
    def step(weight, x, rate):
        shifted = f.subtract(weight, x)
        moved, _ = f.sgd_update([shifted], [x], [], rate, 0.0, False)
        return (moved[0],)

    program = f.program(step, (0,), ("float32",), "auto")
    program.load([f.from_numpy(np.full(3, 5, "float32"))])
    program.run([np.ones((1, 3), "float32")], [np.full(1, 0.5)], 1)
    np.testing.assert_allclose(program.peek(0).numpy(), 5 - 1 - 0.5)
    assert "ResourceApply" not in program.explain()["kernels"]


def test_no_backend_asks_for_the_op_that_made_a_tensor():
    asked = re.compile(r"\.op\.(type|name|inputs)|\.grad_fn\.name|\.moments_of")
    closures = BACKENDS / "multinet_tensorflow/fast/checkpoint.py"  # of any ops
    for path in set(BACKENDS.rglob("*.py")) - {closures}:
        assert not asked.search(path.read_text()), path

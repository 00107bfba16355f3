"""Blocks: stateless, symbolic, of names, of devices; what a Variable is in them."""

import numpy as np
import pytest

import multinet
from multinet import (
    StatelessScope,
    SymbolicScope,
    Variable,
    device,
    layers,
    name_scope,
    ops,
)
from multinet.errors import ArgumentError, BackendError, ShapeError

X = np.arange(6, dtype="float32").reshape(2, 3)


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_variables_have_other_values_and_keep_theirs(real_backend):
    a, b, out = Variable(np.zeros(2)), Variable(np.zeros(2)), Variable(np.ones(2))
    with StatelessScope([(a, ops.ones(2)), (b, [2, 3])]) as scope:
        out.assign(a + b)
        np.testing.assert_array_equal(host(out + 0.0), [3, 4])
        scope.add_update((b, [5, 5]))
        np.testing.assert_array_equal(host(b + 0.0), [5, 5])
    np.testing.assert_array_equal(out.numpy(), [1, 1])
    np.testing.assert_array_equal(host(scope.get_current_value(out)), [3, 4])
    assert scope.get_current_value(Variable(0.0)) is None


def test_values_are_cast_and_checked(real_backend):
    v = Variable(np.zeros(2, "float32"))
    with StatelessScope([(v, Variable([1, 2], dtype="int32"))]) as scope:
        assert ops.dtype(scope.get_current_value(v)) == "float32"
    with pytest.raises(ShapeError, match=r"shape \(2,\), got \(3,\)"):
        StatelessScope([(v, ops.ones(3))])
    with pytest.raises(ArgumentError, match="pairs of a Variable"):
        StatelessScope([("v", ops.ones(3))])


class Adding(multinet.Layer):
    """Adds the sum of its inputs to the loss."""

    def call(self, inputs):
        self.add_loss(ops.sum(inputs))
        return inputs


@pytest.mark.parametrize("collect", [True, False])
def test_losses_are_collected_if_asked_for(real_backend, collect):
    with StatelessScope(collect_losses=collect) as scope:
        Adding()(X)
        scope.add_loss(ops.ones(()))
    assert [float(host(loss)) for loss in scope.losses] == [15.0, 1.0][: 2 * collect]


def test_a_layer_has_its_own_weights_again(real_backend):
    layer = layers.Dense(2, use_bias=False)
    before = host(layer(X))
    with StatelessScope([(layer.kernel, np.ones((3, 2), "float32"))]):
        np.testing.assert_allclose(host(layer(X)), [[3, 3], [12, 12]])
    np.testing.assert_array_equal(host(layer(X)), before)


def test_a_block_may_be_of_shapes_alone(real_backend):
    assert not SymbolicScope.is_active()
    with SymbolicScope():
        assert SymbolicScope.is_active()
    seen = []

    class Probe(multinet.Layer):
        def call(self, inputs):
            seen.append(SymbolicScope.is_active())
            return inputs

    layer = Probe()
    layer(multinet.Input((3,)))
    layer(X)
    assert seen == [True, False]


def path(name="v"):
    return Variable("zeros", (1,), name=name).path


def test_names_come_one_behind_the_other():
    assert path() == "v"
    with name_scope("outer"), name_scope("inner"):
        assert path() == "outer/inner/v"
        layer = layers.Dense(1, name="dense")
        layer.build((None, 2))
        assert layer.kernel.path == "outer/inner/dense/kernel"
        with name_scope("x", override_parent="/a/b"):
            assert path() == "a/b/x/v"
        assert path() == "outer/inner/v"
    assert path() == "v"


def test_one_caller_gives_its_name_once():
    with name_scope("n", caller=1), name_scope("n", caller=1):
        assert path() == "n/v"
        with name_scope("n", caller=1, deduplicate=False), name_scope("n"):
            assert path() == "n/n/n/v"


def test_names_in_the_build_of_a_layer():
    class Own(multinet.Layer):
        def build(self, shape):
            with name_scope("part"):
                self.v = Variable("zeros", (1,), name="v")
            self.w = Variable("zeros", (1,), name="w")

    layer = Own(name="own")
    layer.build((None, 2))
    assert (layer.v.path, layer.w.path) == ("own/part/v", "own/w")


@pytest.mark.parametrize("name", ["a/b", 4, None])
def test_a_bad_name_is_refused(name):
    with pytest.raises(ArgumentError, match="string without '/'"):
        name_scope(name)


def test_a_device_by_name(real_backend):
    for name in ("cpu:0", "CPU:0", "/cpu:0", "cpu"):
        with device(name):
            np.testing.assert_array_equal(host(ops.ones(2)), [1, 1])
    with pytest.raises(BackendError, match="cpu:0"):
        with device("tpu:9"):
            pass

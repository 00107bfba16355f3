"""Meshes, layouts and distributions as users write them; a mesh of one, everywhere."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest

from multinet import Input, Model, Variable, distribution, layers, set_random_seed
from multinet.distribution.placing import layout_of, placement_of
from multinet.errors import ArgumentError, BackendError, ShapeError
from multinet.interface import Placement
from multinet.registry import get, use_backend

#: Names of devices that need not be there: nothing asks before a mesh is used.
EIGHT = [f"cpu:{i}" for i in range(8)]


def grid():
    return distribution.DeviceMesh((4, 2), ("data", "model"), EIGHT)


def variable(path, shape, **options):
    made = Variable("zeros", shape, **options)
    made.path = path
    return made


def test_importing_touches_no_framework():
    code = (
        "import sys, multinet.distribution\n"
        "print([m for m in ('jax', 'torch', 'tensorflow') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize(
    "shape, names, devices",
    [((), (), EIGHT), ((4, 2), ("data",), EIGHT), ((3, 2), ("a", "b"), EIGHT)],
)
def test_a_mesh_is_refused_where_keras_refuses_it(shape, names, devices):
    with pytest.raises(ValueError):
        keras.distribution.DeviceMesh(shape, names, devices)
    with pytest.raises(ValueError):
        distribution.DeviceMesh(shape, names, devices)


def test_a_mesh_has_the_attributes_of_that_of_keras():
    theirs = keras.distribution.DeviceMesh((4, 2), ("data", "model"), EIGHT)
    ours = grid()
    assert ours.shape == theirs.shape and ours.axis_names == theirs.axis_names
    np.testing.assert_array_equal(ours.devices, theirs.devices)


RULES = {
    ".*dense.*kernel": (None, "model"),
    "exact/bias": ("model",),
    ".*bias": ("data",),
}
PATHS = ("net/dense_1/kernel", "exact/bias", "other/bias", "dense/kernel/more", "gamma")


def test_a_layout_map_finds_what_that_of_keras_finds():
    mesh = keras.distribution.DeviceMesh((4, 2), ("data", "model"), EIGHT)
    theirs, ours = keras.distribution.LayoutMap(mesh), distribution.LayoutMap(grid())
    for rule, axes in RULES.items():
        theirs[rule], ours[rule] = axes, axes
    for path in PATHS:
        wanted, found = theirs[path], ours[path]
        assert getattr(found, "axes", None) == getattr(wanted, "axes", None), path
    assert list(ours) == list(theirs) and len(ours) == len(theirs)
    ours["another.*"] = ("data",)
    with pytest.raises(ArgumentError, match=r"one rule at most for 'another/bias'"):
        ours["another/bias"]
    with pytest.raises(ArgumentError, match="Delete it first"):
        ours[".*bias"] = ("model",)


def test_layouts_name_axes_of_their_mesh():
    with pytest.raises(ArgumentError, match=r"'modle'.*Did you mean 'model'"):
        distribution.TensorLayout((None, "modle"), grid())
    with pytest.raises(ArgumentError, match="once at most"):
        distribution.TensorLayout(("data", "data"), grid())
    layout = distribution.TensorLayout((None, "model"))
    layout.device_mesh = mesh = grid()
    assert layout.device_mesh is mesh
    with pytest.raises(ArgumentError, match="has a mesh already"):
        layout.device_mesh = grid()


def test_a_distribution_holds_in_its_scope():
    plan = distribution.DataParallel(devices=EIGHT)
    assert distribution.distribution() is None
    with plan.scope():
        assert distribution.distribution() is plan
    assert distribution.distribution() is None
    distribution.set_distribution(plan)
    try:
        assert distribution.distribution() is plan
    finally:
        distribution.set_distribution(None)
    with pytest.raises(ArgumentError, match="Expected a distribution"):
        distribution.set_distribution("data")  # type: ignore[arg-type]


def test_layouts_of_variables():
    kernel = variable("up/kernel", (16, 12))
    count = variable("count", (16,), trainable=False)
    like = Variable("zeros", (16, 12), layout=kernel, name="slot")
    other = Variable("zeros", (16,), layout=kernel, name="factor")
    mesh = grid()
    rules = distribution.LayoutMap(mesh)
    rules["up/.*"] = "data", "model"
    plan = distribution.ModelParallel(layout_map=rules)
    assert layout_of(kernel) is None
    found = [layout_of(v, plan) for v in (kernel, like, other, count)]
    axes = [layout and layout.axes for layout in found]
    assert axes == [("data", "model"), ("data", "model"), (None,), (None,)]
    sharded = distribution.FullyShardedDataParallel(devices=EIGHT)
    found = [layout_of(v, sharded) for v in (kernel, like, other, count)]
    axes = [layout and layout.axes for layout in found]
    assert axes == [("batch", None), ("batch", None), (None,), (None,)]
    assert sharded.used_layout(kernel).axes == (None, None)
    data = distribution.DataParallel(devices=EIGHT)
    assert data.get_variable_layout(kernel).axes == (None, None)
    assert data.get_data_layout((8, 3)).axes == ("batch", None)
    assert (plan.num_model_replicas, sharded.num_model_replicas) == (4, 8)
    asked = Variable(
        "zeros", (4, 2), layout=distribution.TensorLayout((None, "model"), mesh)
    )
    found = layout_of(asked, plan)
    assert found is not None and found.axes == (None, "model")


def test_a_variable_without_equal_parts_is_refused_when_it_is_made():
    rules = distribution.LayoutMap(grid())
    rules["odd"] = "data", None
    rules["flat"] = "data", None
    with distribution.ModelParallel(layout_map=rules).scope():
        with pytest.raises(ShapeError, match=r"'odd' of shape \(6, 3\).*Use 8 places"):
            Variable("zeros", (6, 3), name="odd")
        with pytest.raises(ShapeError, match="expected a layout of 1 axes"):
            Variable("zeros", (8,), name="flat")


def test_batches_have_equal_parts_or_are_whole():
    mesh = get("numpy").mesh((1,), ("data",), ("cpu:0",))
    placement = Placement(mesh, (), "data")
    assert placement.of_batch((5, 3)) == ("data", None)
    assert placement.of_batch((2, 5, 3), axis=1) == (None, "data", None)
    assert placement.of_batch(()) == ()
    assert Placement(mesh, (), None).of_batch((4, 2)) == (None, None)


def small():
    set_random_seed(5)
    x = Input((6,))
    y = layers.Dropout(0.5)(layers.Dense(8, activation="relu", name="up")(x))
    return Model(x, layers.Dense(1, name="down")(y), name="small")


def fitted(plan):
    x = np.random.default_rng(0).normal(size=(20, 6)).astype("float32")
    y = x[:, :1]
    if plan is None:
        return _fitted(x, y)
    with plan.scope():
        return _fitted(x, y)


def _fitted(x, y):
    model = small()
    model.compile("adam", "mse")
    logs = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history["loss"]
    return [*logs, *model.predict(x, verbose=0)[:, 0].tolist()]


def test_a_mesh_of_one_changes_nothing(real_backend):
    first = distribution.list_devices()[0]
    assert distribution.get_device_count(first.partition(":")[0]) >= 1
    mesh = distribution.DeviceMesh((1, 1), ("data", "model"), [first])
    rules = distribution.LayoutMap(mesh)
    rules["up/kernel"] = None, "model"
    wanted = fitted(None)
    sharded = distribution.FullyShardedDataParallel(devices=[first])
    for plan in (distribution.ModelParallel(layout_map=rules), sharded):
        assert fitted(plan) == wanted
        with plan.scope():
            assert placement_of([]) is None


@pytest.mark.parametrize("name", ["numpy", "torch", "tensorflow"])
def test_a_mesh_of_several_is_refused_by_the_backend(name):
    with use_backend(name):
        plan = distribution.DataParallel(devices=["cpu:0", "cpu:1"])
        with plan.scope(), pytest.raises(BackendError, match=f"'{name}' has no"):
            Variable([1.0, 2.0])
        mesh = distribution.DeviceMesh((2,), ("data",), ["cpu:0"] * 2)
        with pytest.raises(BackendError, match="no mesh of several devices yet"):
            mesh.backend_mesh  # noqa: B018


def test_tensors_pass_where_there_are_shapes_alone():
    mesh = distribution.DeviceMesh((1,), ("data",), ["cpu:0"])
    layout = distribution.TensorLayout(("data", None), mesh)
    x = Input((4,))
    assert distribution.distribute_tensor(x, layout) is x
    with use_backend("numpy"):
        found = distribution.distribute_tensor(np.ones((2, 3), "float32"), layout)
        np.testing.assert_array_equal(np.asarray(found), np.ones((2, 3)))
        with pytest.raises(ShapeError, match="A tensor of shape"):
            distribution.distribute_tensor(np.ones(3, "float32"), layout)

"""What programs do on eight devices of the host, as lines of JSON: for the tests.

python tests/distribution/on_eight.py mlp/data mlp/model custom ...
"""

from __future__ import annotations

import json
import os
import sys
import warnings

flags = os.environ.get("XLA_FLAGS", "")
os.environ["XLA_FLAGS"] = f"{flags} --xla_force_host_platform_device_count=8".strip()

# XLA reads the flags as it starts.
import mesh_models as cases  # noqa: E402
import numpy as np  # noqa: E402

import multinet  # noqa: E402
from multinet import distribution, layers, ops  # noqa: E402

KNOWN = {}  # the results on one device, by model


def told(**results):
    """Print the results of a case as a line."""
    print("RESULT", json.dumps(results), flush=True)


def weights_and_slots(model):
    """Return the arrays of JAX in weights and slots, by path."""
    held = [*model.trainable_weights, *model.optimizer.slot_variables]
    return {v.path: v.__multinet_tensor__() for v in held}


def gap(one, other):
    """Return the largest difference of two sets of curves."""
    assert one.keys() == other.keys()
    return max(float(np.abs(np.subtract(one[k], other[k])).max()) for k in one)


def fitted(name, plan, every):
    """Train a model on a mesh, and without one."""
    if name not in KNOWN:
        _, *KNOWN[name] = cases.trained(name, every)
    curves, outputs = KNOWN[name]
    with cases.PLANS[plan](name).scope():
        model, found, predicted = cases.trained(name, every)
        explained = model.explain_step("train") if every else {}
    arrays = weights_and_slots(model)
    told(
        losses=gap(curves, found),
        outputs=float(np.abs(outputs - predicted).max()),
        whole=sum(x.nbytes for x in arrays.values()),
        local=sum(x.addressable_shards[0].data.nbytes for x in arrays.values()),
        parts={path: str(tuple(x.sharding.spec)) for path, x in arrays.items()},
        explained=dict(explained),
    )


class Own(multinet.Model):
    """A model whose training step is written out."""

    def __init__(self):
        super().__init__(name="own")
        self.up = layers.Dense(16, activation="relu", name="up")
        self.drop = layers.Dropout(0.3, name="drop")
        self.down = layers.Dense(8, name="down")

    def call(self, x, training=None):
        return self.down(self.drop(self.up(x), training=training))

    def train_step(self, data):
        x, y = data

        def loss(weights):
            return ops.mean(self.compute_loss(y=y, y_pred=self(x, training=True)))

        weights = self.trainable_variables
        value, grads = multinet.value_and_grad(loss)(weights)
        self.optimizer.apply(grads, weights)
        return {"loss": value}


def own_step():
    """Train by a step of the user's, by `train_on_batch`, and by a jitted loop."""
    x, y = cases.data((12,))

    def run():
        multinet.set_random_seed(3)
        model = Own()
        model.compile("adam", "sparse_categorical_crossentropy")
        logs = model.fit(x, y, batch_size=16, epochs=2, verbose=0).history
        batch = model.train_on_batch(x[:16], y[:16])

        @multinet.jit
        def again(x, y):
            return model.train_step((x, y))["loss"]

        return {**logs, "batch": [batch], "jit": [float(again(x[:16], y[:16]))]}

    wanted = run()
    with distribution.FullyShardedDataParallel().scope():
        told(gap=gap(wanted, run()))


def eager():
    """Train without compiling."""
    model, (x, y) = cases.compiled("mlp", run_eagerly=True)
    wanted = model.fit(x, y, batch_size=16, epochs=1, verbose=0).history
    with distribution.FullyShardedDataParallel().scope():
        model, _ = cases.compiled("mlp", run_eagerly=True)
        found = model.fit(x, y, batch_size=16, epochs=1, verbose=0).history
        spec = model.get_layer("up").kernel.__multinet_tensor__().sharding.spec
    told(gap=gap(wanted, found), spec=str(tuple(spec)))


def made():
    """Make weights, in parts, and assign them."""
    mesh = distribution.DeviceMesh((8,), ("all",))
    rules = distribution.LayoutMap(mesh)
    rules["w"] = "all", None
    plain = multinet.Variable("glorot_uniform", (16, 3), name="plain")
    whole = plain.numpy()
    with distribution.ModelParallel(layout_map=rules).scope():
        given = multinet.initializers.Constant(whole)
        v = multinet.Variable(given, (16, 3), name="w")
        first = v.__multinet_tensor__()
        v.assign(whole * 2)
        second = v.__multinet_tensor__()
        slot = multinet.Variable("zeros", (16, 3), name="slot", layout=v)
        third = slot.__multinet_tensor__()
        spread = distribution.distribute_tensor(
            whole, distribution.TensorLayout(("all", None), mesh)
        )
    arrays = first, second, third, spread
    told(
        specs=[str(tuple(x.sharding.spec)) for x in arrays],
        shapes=[list(x.addressable_shards[0].data.shape) for x in arrays],
        equal=[bool((np.asarray(x) == whole).all()) for x in (first, spread)],
        devices=distribution.list_devices(),
        count=distribution.get_device_count("cpu"),
    )


def errors():
    """Tell what is wrong, at build."""
    model, (x, y) = cases.compiled("mlp")
    mesh = distribution.DeviceMesh((4, 2), ("data", "model"))
    rules = distribution.LayoutMap(mesh)
    rules["down/kernels"] = None, "model"
    rules["upp/kernel"] = None, "model"
    plan = distribution.ModelParallel(layout_map=rules, batch_dim_name="data")
    with plan.scope(), warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.train_on_batch(x[:16], y[:16])
        model.test_on_batch(x[:16], y[:16])
    texts = [str(w.message) for w in seen if "LayoutMap" in str(w.message)]
    rules.strict = True
    refused = []
    try:
        with plan.scope():
            model.predict(x[:8], verbose=0)
    except multinet.errors.ArgumentError as error:
        refused.append(str(error))
    rules = distribution.LayoutMap(mesh)
    rules[".*odd/kernel"] = None, "data"
    try:
        with distribution.ModelParallel(layout_map=rules).scope():
            odd = layers.Dense(7, name="odd")
            multinet.Sequential([multinet.Input((4,)), odd], name="made")
    except multinet.errors.ShapeError as error:
        refused.append(str(error))
    told(warnings=texts, refused=refused)


def addressed():
    """Lay weights by their addresses in a model."""
    model, (x, y) = cases.compiled("mlp")
    places = {v.path: place for place, v in model.paths().items() if hasattr(v, "path")}
    mesh = distribution.DeviceMesh((8,), ("all",))
    rules = distribution.LayoutMap(mesh, strict=True)
    rules[places["up/kernel"]] = None, "all"
    with distribution.ModelParallel(layout_map=rules).scope():
        model.train_on_batch(x[:16], y[:16])
    arrays = weights_and_slots(model)
    told(split=[path for path, x in arrays.items() if any(x.sharding.spec)])


ALONE = {f.__name__: f for f in (own_step, eager, made, errors, addressed)}

if __name__ == "__main__":
    multinet.set_backend("jax")
    for chosen in sys.argv[1:]:
        if chosen in ALONE:
            ALONE[chosen]()
        else:
            fitted(*chosen.split("/"), every=chosen.startswith("mlp"))

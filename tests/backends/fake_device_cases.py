"""Run the torch backend on the fake device; print what fails, as JSON by case.

python fake_device_cases.py GROUP
"""

import json
import os
import sys
from pathlib import Path

import fake_device

HERE = Path(__file__).parent
for folder in ("tests", "tests/ops", "tests/layers"):
    sys.path.insert(0, str(HERE.parents[1] / folder))

import numpy as np  # noqa: E402
import optree  # noqa: E402
import torch  # noqa: E402

import multinet  # noqa: E402
from multinet import layers, ops, optimizers, random  # noqa: E402

SEEN = "DeviceFault", "FakeTensorDeviceMismatchError", "DataDependentOutputException"
LOGITS = np.ones((4, 5), "float32")


def check_placed(tree):
    """Raise unless every tensor in the tree is on the device."""
    for x in optree.tree_leaves(tree):
        if isinstance(x, torch.Tensor) and x.device.type != fake_device.NAME:
            raise fake_device.DeviceFault(f"a result is on {x.device}")


def every_op(backend):
    """Each line of the table of ops, and its gradient for the floats in it."""
    from cases import ARRAYS, EXPRESSIONS, evaluate, names_in

    def run(expression):
        check_placed(evaluate(expression, ops, ARRAYS))
        smooth = [n for n in names_in(expression) if ARRAYS[n].dtype.kind in "fc"]

        def function(*values):
            results = evaluate(expression, ops, ARRAYS | dict(zip(smooth, values)))
            return tuple(x for x in optree.tree_leaves(results) if backend.is_tensor(x))

        if smooth:
            primals = [backend.from_numpy(ARRAYS[n]) for n in smooth]
            outputs, pullback = backend.vjp(function, primals)
            check_placed(pullback([ops.ones_like(y) for y in outputs]))

    return {e: lambda e=e: run(e) for e in EXPRESSIONS}


def every_layer(backend):
    """Each layer, forward and backward, as it is called by itself."""
    import layer_cases

    def run(case):
        layer, x = layer_cases.ours(case), layer_cases.inputs(case)
        for training in (False, True):
            y = layer_cases.apply(layer, x, training=training)
            layer_cases.gradients(backend, layer, x, np.ones(y.shape, "f4"), training)
            check_placed([y, *(w.value for w in layer.weights)])

    found = {layer_cases.label(c): lambda c=c: run(c) for c in layer_cases.CASES}
    return found | every_other_layer(backend)


def every_other_layer(backend):
    """Layers that the table of those compared with Keras lacks: wrappers, images."""
    import every_layer
    import test_layers_under_policies as policies

    def run(row):
        given = optree.tree_map(backend.from_numpy, row.given)
        check_placed(every_layer.made(row)(given))
        if row.smooth:
            check_placed(policies.gradients(backend, every_layer.made(row), row.given))

    rows = [row for row in every_layer.rows() if row.case is None and not row.host]
    return {every_layer.title(row): lambda row=row: run(row) for row in rows}


def train(model, x, y, batch):
    """Run three steps, the first of which is recorded, and look where all lies."""
    model.fit(x, y, batch, 3 * batch // len(y), verbose=0)
    path = model.explain_step()["path"]
    if not path.startswith("replay"):
        raise fake_device.DeviceFault(path)
    check_placed([v.value for v in (*model.variables, *model.optimizer.variables)])


def every_fit(backend):
    """Recorded steps of a model around each layer."""
    import fit_cases

    def run(make):
        model, x, y = make()
        train(model, x, y, len(y))

    return {name: lambda m=make: run(m) for name, make in fit_cases.models().items()}


def every_draw(backend):
    """Each distribution: as it is called, and in the call of a recorded step."""
    draws = {
        "uniform": lambda: random.uniform((4, 3)),
        "normal": lambda: random.normal((4, 3)),
        "truncated_normal": lambda: random.truncated_normal((4, 3)),
        "randint": lambda: ops.cast(random.randint((4, 3), 0, 9), "float32"),
        "categorical": lambda: ops.cast(random.categorical(LOGITS, 3), "float32"),
        "shuffle": lambda: random.shuffle(ops.ones((4, 3))),
        "dropout": lambda: random.dropout(ops.ones((4, 3)), 0.5),
    }

    class Noisy(layers.Layer):
        def __init__(self, draw):
            super().__init__()
            self.draw = draw

        def call(self, inputs):
            return ops.add(inputs, self.draw())

    def run(draw):
        check_placed(draw())
        model = multinet.Sequential([layers.Dense(3), Noisy(draw)])
        model.compile("adam", "mse")
        train(model, np.ones((4, 2), "f4"), np.ones((4, 3), "f4"), 4)

    return {name: lambda draw=draw: run(draw) for name, draw in draws.items()}


def every_optimizer(backend):
    """Recorded steps of each optimizer, of a schedule, and of a few metrics."""

    def run(optimizer):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
        model.compile(
            optimizer, "mse", metrics=["mae", "accuracy", "cosine_similarity"]
        )
        x, y = np.ones((8, 3), "f4"), np.ones((8, 2), "f4")
        train(model, x, y, 4)
        model.evaluate(x, y, 4, verbose=0)
        check_placed([v.value for v in model.metrics_variables])
        model.predict(x, 4, verbose=0)

    decay = optimizers.schedules.CosineDecay(0.1, 10)
    made = {
        "momentum": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        "schedule": lambda: optimizers.RMSprop(decay, centered=True, momentum=0.5),
        "clipped": lambda: optimizers.Adam(decay, global_clipnorm=1.0, use_ema=True),
    }
    for name in ("sgd", "adam", "adamw", "adamax", "rmsprop", "adagrad", "adadelta"):
        made[name] = lambda name=name: name
    return {name: lambda make=make: run(make()) for name, make in made.items()}


def every_workload(backend):
    """Recorded steps of the models that are measured."""
    from multinet_benchmarks import models, workloads

    def run(work):
        work = work.resized(3, 1)
        train(models.build(multinet, work), *workloads.data(work), work.batch)

    return {name: lambda w=w: run(w) for name, w in workloads.WORKLOADS.items()}


def every_fault(backend):
    """What must be seen: each passes if it is refused."""

    def looking(y, p):
        return ops.mean(ops.multiply(p, backend.from_numpy(backend.to_numpy(p))))

    def copying(y, p):
        return ops.mean(ops.multiply(p, p.cpu().to(p.device)))

    def fit(loss):
        model = multinet.Sequential([layers.Dense(3)])
        model.compile("adam", loss)
        train(model, np.ones((4, 2), "f4"), np.ones((4, 3), "f4"), 4)

    x, host = backend.from_numpy(np.ones((4, 3), "f4")), torch.ones((4, 3))
    state, weights = x[None, :, :1], [torch.ones_like(x[:1]).t() for _ in range(4)]
    faults = {
        "two devices": lambda: x + host,
        "a host scalar": lambda: x * host[0, 0],
        "item": lambda: x.sum().item(),
        "truth": lambda: bool(x.any()),
        "to_numpy in a step": lambda: fit(looking),
        "cpu in a step": lambda: fit(copying),
        "strided weights": lambda: torch._VF.lstm(
            x[None], (state, state), weights, True, 1, 0.0, False, False, True
        ),
    }

    def run(fault):
        try:
            fault()
        except RuntimeError as error:
            if type(error).__name__ in SEEN:
                return
            raise
        raise AssertionError("it was not seen")

    return {name: lambda fault=fault: run(fault) for name, fault in faults.items()}


GROUPS = {
    "faults": every_fault,
    "ops": every_op,
    "layers": every_layer,
    "fits": every_fit,
    "draws": every_draw,
    "optimizers": every_optimizer,
    "workloads": every_workload,
}


def main(group):
    """Run the cases of a group; print a text for each, empty where it passed."""
    found = {}
    with multinet.use_backend("torch") as backend, fake_device.placed():
        for name, run in GROUPS[group](backend).items():
            try:
                run()
                found[name] = ""
            except Exception as error:  # reported by name, and failed by the test
                found[name] = f"{type(error).__name__}: {error}"[:200]
    print(json.dumps(found), flush=True)
    os._exit(0)  # torch's threads for the device do not end in peace


if __name__ == "__main__":
    main(sys.argv[1])

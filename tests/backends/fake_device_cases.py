"""Run the backend on the fake device; print what fails, as JSON by the name of a case.

    python fake_device_cases.py ops|layers|optimizers|workloads
"""

import json
import os
import sys
import traceback
from pathlib import Path

import fake_device

HERE = Path(__file__).parent
for folder in ("tests/ops", "tests/layers", "examples/benchmarks"):
    sys.path.insert(0, str(HERE.parents[1] / folder))

import numpy as np  # noqa: E402
import optree  # noqa: E402
import torch  # noqa: E402

import multinet  # noqa: E402
from multinet import layers, ops  # noqa: E402


def check_placed(tree):
    for x in optree.tree_leaves(tree):
        if isinstance(x, torch.Tensor) and x.device.type != fake_device.NAME:
            raise fake_device.DeviceFault(f"a result is on {x.device}")


def every_op(backend):
    from cases import ARRAYS, EXPRESSIONS, evaluate, names_in

    def run(expression):
        names = names_in(expression)
        smooth = [n for n in names if ARRAYS[n].dtype.kind in "fc"]
        check_placed(evaluate(expression, ops, ARRAYS))
        if not smooth:
            return

        def function(*values):
            results = evaluate(expression, ops, ARRAYS | dict(zip(smooth, values)))
            return tuple(x for x in optree.tree_leaves(results) if backend.is_tensor(x))

        outputs, pullback = backend.vjp(
            function, [backend.from_numpy(ARRAYS[n]) for n in smooth]
        )
        check_placed(pullback([ops.ones_like(y) for y in outputs]))

    return {e: lambda e=e: run(e) for e in EXPRESSIONS}


def every_layer(backend):
    import layer_cases

    def run(case):
        layer = layer_cases.ours(case)
        x = layer_cases.inputs(case)
        for training in (False, True):
            y = layer_cases.apply(layer, x, training=training)
            check_placed(y)
            layer_cases.gradients(backend, layer, x, np.ones(y.shape, "f4"), training)
        check_placed([w.value for w in layer.weights])

    return {layer_cases.label(c): lambda c=c: run(c) for c in layer_cases.CASES}


def trained(model, x, y, batch):
    model.fit(x, y, batch, 2, verbose=0)
    path = model.explain_step()["path"]
    if not path.startswith("replay"):
        raise fake_device.DeviceFault(path)
    check_placed([v.value for v in model.variables])
    check_placed([v.value for v in model.optimizer.variables])
    model.evaluate(x, y, batch, verbose=0)
    model.predict(x, batch, verbose=0)


def every_optimizer(backend):
    def run(name):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
        model.compile(name, "mse", metrics=["mae"])
        trained(model, np.ones((8, 3), "f4"), np.ones((8, 2), "f4"), 4)

    return {name: lambda name=name: run(name) for name in ("sgd", "adam", "adamw", "adamax", "rmsprop", "adagrad", "adadelta", "lion")}


def workloads(backend):
    import models
    import workloads as table

    def run(workload):
        workload = workload.resized(3, 1)
        trained(models.build(multinet, workload), *table.data(workload), workload.batch)

    return {name: lambda w=w: run(w) for name, w in table.WORKLOADS.items()}


GROUPS = {"ops": every_op, "layers": every_layer, "optimizers": every_optimizer, "workloads": workloads}


def main(group):
    failures = {}
    with multinet.use_backend("torch") as backend, fake_device.placed():
        for name, run in GROUPS[group](backend).items():
            try:
                run()
                failures[name] = ""
            except Exception as error:
                failures[name] = f"{type(error).__name__}: {error}"[:300]
                if os.environ.get("TRACE"): traceback.print_exc()
    print(json.dumps(failures), flush=True)
    os._exit(0)  # torch's threads for the device do not end in peace


if __name__ == "__main__":
    main(sys.argv[1])

"""How programs are run: on Multinet, and once for all on Keras in a process of its own.

python tests/programs/harness.py references.npz  # the numbers of Keras

Those under `native` call functions of one framework, named first in the file's name.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
NATIVE = sorted(path.stem for path in (HERE / "native").glob("*.py"))
# Of one family with another, or slow to compile: the usual run has them on NumPy alone.
LONG = {
    "actor_and_critic",
    "adversarial_inputs",
    "both_directions",
    "clipping_and_averaging",
    "contrastive_views",
    "float64_policy",
    "image_segmentation",
    "inception_branches",
    "many_inputs_many_outputs",
    "memory_network",
    "mixing_patches",
    "mixture_of_experts",
    "normalizations",
    "optimizers",
    "quantiles",
    "schedules",
    "sets_of_points",
    "super_resolution",
    "triplet_embedding",
    "vision_transformer",
    "weighing_tasks",
}


def load(name):
    """Return the function of a program."""
    folder = SCRIPTS if name in NAMES else HERE / "native"
    path = folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"program_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.program


def run(keras, name, start):
    """Return the results of a program, arrays by name."""
    keras.utils.set_random_seed(0)
    return flat(load(name)(keras, start))


def flat(tree, path=""):
    """Return the arrays of nested dicts and lists of results, by path."""
    if not isinstance(tree, dict):
        if not isinstance(tree, list | tuple):
            return {path: np.asarray(tree)}
        if all(isinstance(value, int | float) for value in tree):
            return {path: np.asarray(tree)}
        tree = dict(enumerate(tree))
    arrays = {}
    for key, value in tree.items():
        arrays |= flat(value, f"{path}/{key}" if path else str(key))
    return arrays


class Drawn:
    """Sets initial weights, and keeps them: those of Keras, and a little beside them.

    So a bias is not zero nor a scale one, and a program that forgets one is seen.
    """

    def __init__(self):
        self.kept = []

    def __call__(self, *parts):
        rng = np.random.default_rng(len(self.kept))
        for part in parts:
            weights = [
                w + rng.uniform(-0.1, 0.1, w.shape).astype(w.dtype)
                if w.dtype.kind == "f"
                else w
                for w in part.get_weights()
            ]
            part.set_weights(weights)
            self.kept.append(weights)


class Copied:
    """Sets the initial weights that were kept, which have the same order and shapes."""

    def __init__(self, kept):
        self.kept = iter(kept)

    def __call__(self, *parts):
        for part in parts:
            weights = next(self.kept)
            shapes = [w.shape for w in part.get_weights()]
            assert shapes == [w.shape for w in weights]
            part.set_weights(weights)


def make_references(path, names=NAMES):
    """Write the results and initial weights of Keras."""
    import keras  # slow, and this process alone needs it

    if os.environ["KERAS_BACKEND"] == "torch":
        prepare_torch(keras)
    arrays = {}
    for name in names:
        start = Drawn()
        for key, value in run(keras, name, start).items():
            arrays[f"{name}|result|{key}"] = value
        for i, weights in enumerate(start.kept):
            arrays[f"{name}|count|{i}"] = np.asarray(len(weights))
            for j, weight in enumerate(weights):
                arrays[f"{name}|weight|{i}|{j}"] = weight
    np.savez(path, **arrays)


def prepare_torch(keras):
    """Lead Keras around what torch 2.13 does not do."""
    import torch

    def contiguous(convolution):
        # Where channels come last in memory, some gradients are refused, and with
        # oneDNN they write to memory that is not theirs.
        def convolve(x, kernel, *args, **kwargs):
            return convolution(x.contiguous(), kernel.contiguous(), *args, **kwargs)

        return convolve

    def assign(variable, value):
        # A state that is overwritten in place has no gradient any more.
        if variable.trainable:
            with torch.no_grad():
                variable.value.copy_(value)
        else:
            value = value.detach().clone().to(variable.value.dtype)
            variable._value = torch.nn.Parameter(value, requires_grad=False)

    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False
    for name in ("conv1d", "conv2d", "conv3d"):
        function = getattr(torch.nn.functional, name)
        setattr(torch.nn.functional, name, contiguous(function))
    keras.Variable._direct_assign = assign


def references(path, names=(), framework="torch"):
    """Return the results and the initial weights of Keras, by program.

    Keras runs on torch, where nothing is compiled: programs this small take a tenth of
    the time.
    """
    environment = os.environ | {"KERAS_BACKEND": framework}
    command = [sys.executable, __file__, str(path), *names]
    subprocess.run(command, check=True, env=environment)
    results, weights = {}, {}
    with np.load(path) as arrays:
        for key in arrays.files:
            name, kind, rest = key.split("|", 2)
            if kind == "result":
                results.setdefault(name, {})[rest] = arrays[key]
            elif kind == "count":
                weights.setdefault(name, []).append(
                    [
                        arrays[f"{name}|weight|{rest}|{j}"]
                        for j in range(int(arrays[key]))
                    ]
                )
    return results, weights


if __name__ == "__main__":
    make_references(sys.argv[1], sys.argv[2:] or NAMES)

"""Every layer under each policy: dtypes, results and gradients within its rounding."""

import functools

import numpy as np
import optree
import pytest
from every_layer import made, public, rows, short, title
from layer_cases import apply, data
from references import compiled

import multinet
from multinet import ops
from multinet.registry import use_backend
from multinet.scope import Scope

BACKENDS = ("numpy", "jax", "torch", "tensorflow", "strict")
#: The spacing of numbers near 1 in the dtype that a policy computes in.
SPACING = {
    "mixed_bfloat16": 2**-7,
    "mixed_float16": 2**-10,
    "float64": 1e-6,  # of float32, which the reference is in
    "bfloat16": 2**-7,
    "float16": 2**-10,
}
POLICIES = list(SPACING)
#: So many roundings of the largest number of an array are allowed, one after the other.
ROUNDINGS = 24
#: Colours are cut at black and white, and turn at corners: which side of one a pixel is
#: on is rounding, so that a gradient in few bits may be another.
CORNERS = {"RandomBrightness", "RandomColorJitter", "RandomContrast", "RandomHue"}
CORNERS |= {"RandomSaturation"}


def results(backend, row):
    """Return outputs and the gradients for inputs and weights, NumPy by name, and the
    dtypes that they had.
    """
    layer, given = made(row), optree.tree_map(short, row.given)
    stored = layer.variable_dtype
    assert {w.dtype for w in layer.trainable_weights} <= {stored}
    if not row.smooth:
        outputs = {"outputs": layer(given)}
    else:
        outputs = gradients(backend, layer, given)
    leaves, spec = optree.tree_flatten(outputs)
    dtypes = [str(ops.dtype(leaf)) for leaf in leaves]
    arrays = [np.asarray(ops.convert_to_numpy(leaf)) for leaf in leaves]
    arrays = [
        array.astype("float64") if "float" in dtype else array
        for array, dtype in zip(arrays, dtypes, strict=True)
    ]
    return optree.tree_unflatten(spec, arrays), optree.tree_unflatten(spec, dtypes)


def gradients(backend, layer, given):
    """Return what a layer makes of its inputs in training, and the pullback of it."""
    values = [weight.value for weight in layer.weights]
    leaves, spec = optree.tree_flatten(given)
    leaves = [backend.from_numpy(leaf) for leaf in leaves]
    moving = leaves if "float" in backend.dtype(leaves[0]) else []

    def run(*found):
        parts = found[: len(moving)] or leaves
        with Scope(layer.weights, found[len(moving) :]):
            tree = optree.tree_unflatten(spec, parts)
            return (apply(layer, tree, training=True),)

    def both(*primals):
        (output,), pullback = backend.vjp(run, primals)
        cotangent = short(data(tuple(backend.shape(output)), 1))
        cotangent = backend.cast(backend.from_numpy(cotangent), backend.dtype(output))
        return output, pullback([cotangent])

    whole = compiled(both) if backend.name == "jax" else both
    output, found = whole(*moving, *values)
    for primal, gradient in zip([*moving, *values], found, strict=True):
        assert backend.dtype(gradient) == backend.dtype(primal)
    return {"outputs": output, "gradients": found}


@functools.cache
def reference(place):
    """Return the results of NumPy in float32: other tables compare them with Keras."""
    with use_backend("numpy") as backend:
        return results(backend, rows()[place])


def paths(tree):
    """Return the leaves of a tree by their paths."""
    found, leaves, _ = optree.tree_flatten_with_path(tree)
    return dict(zip(found, leaves, strict=True))


def cases():
    """Each row under each policy on one backend; on all of them in the long run."""
    for i, row in enumerate(rows()):
        for j, name in enumerate(BACKENDS):
            for k, policy in enumerate(POLICIES):
                usual = (i + j) % len(POLICIES) == k
                usual &= name != "jax" or not i % 4  # which compiles
                marks = () if usual else pytest.mark.long
                yield pytest.param(
                    name, i, policy, marks=marks, id=f"{title(row)}-{policy}-{name}"
                )


def test_every_public_layer_has_a_row():
    assert {row.name for row in rows()} == public()


@pytest.mark.parametrize(("name", "place", "policy"), list(cases()))
def test_a_layer_computes_in_the_dtype_of_its_policy(name, place, policy):
    wanted, plain = reference(place)
    with use_backend(name) as backend:
        multinet.config.set_dtype_policy(policy)
        try:
            found, dtypes = results(backend, rows()[place])
        finally:
            multinet.dtype_policies._global = None
    row, computed = rows()[place], policy.removeprefix("mixed_")
    for path, was in paths(plain["outputs"]).items():
        floats = was == "float32" and "boxes" not in path  # which stay, as in Keras
        assert paths(dtypes["outputs"])[path] == (computed if floats else was)
    if row.name in CORNERS and policy != "float64":
        found, wanted = found["outputs"], wanted["outputs"]
    for got, want in zip(*map(optree.tree_leaves, (found, wanted)), strict=True):
        if want.dtype.kind != "f":
            np.testing.assert_array_equal(got, want)
            continue
        far = ROUNDINGS * SPACING[policy] * max(np.abs(want).max(initial=0), 1)
        np.testing.assert_allclose(got, want, rtol=0, atol=far)

"""Explanations by gradients, maps and tries: sums, axioms, Captum, every backend."""

import itertools
import math

import captum.attr
import numpy as np
import pytest
from explained_models import cnn, first, last, linear, mlp, normal, twin, words

from multinet import explain, layers, ops
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.registry import use_backend

REAL = ("numpy", "jax", "torch", "tensorflow")
TABLE, PICTURES = normal(3, 6), normal(2, 6, 6, 2)
TOKENS = np.array([[3, 1, 7, 0, 0], [2, 2, 5, 8, 4]], "int32")
CAPTUM = {mlp: TABLE, cnn: PICTURES}
captums = pytest.mark.parametrize("make", CAPTUM, ids=lambda f: f.__name__)


# -- the same everywhere ---------------------------------------------------------------

METHODS = {
    "gradients": lambda m: explain.gradients(m, TABLE),
    "smooth": lambda m: explain.smooth_gradients(m, TABLE, samples=3),
    "integrated": lambda m: explain.integrated_gradients(m, TABLE, steps=8),
    "occlusion": lambda m: explain.occlusion(m, TABLE, window=2, strides=1),
    "shapley": lambda m: explain.shapley_values(m, TABLE, samples=2),
    "middle": lambda m: explain.integrated_gradients(m, TABLE, steps=4, at="one"),
}


@pytest.mark.parametrize("method", METHODS)
def test_a_table_is_explained_alike_on_every_backend(method):
    _alike(mlp, METHODS[method])


@pytest.mark.parametrize("method", ["grad_cam", "grad_cam_plus_plus"])
def test_a_picture_is_explained_alike_on_every_backend(method):
    _alike(cnn, lambda m: getattr(explain, method)(m, PICTURES))


def test_words_are_explained_alike_on_every_backend():
    _alike(words, lambda m: explain.integrated_gradients(m, TOKENS, at="table"))


def test_the_strict_backend_explains():
    with use_backend("strict"):
        for method in METHODS.values():
            method(mlp())
        explain.grad_cam(cnn(), PICTURES)


def _alike(make, method):
    found = []
    for name in REAL:
        with use_backend(name):
            found.append(method(make()).attributions)
    for each in found[1:]:
        scale = np.abs(found[0]).max()
        np.testing.assert_allclose(each, found[0], rtol=0, atol=1e-5 * scale)


# -- sums and axioms -------------------------------------------------------------------


@pytest.mark.parametrize("baseline", [None, 0.5, normal(1, 6)])
def test_integrated_gradients_add_up_to_the_difference(baseline):
    found = explain.integrated_gradients(mlp(), TABLE, 1, baseline, steps=1024)
    wanted = found.scores - found.baseline_scores
    np.testing.assert_allclose(found.arrays[0].sum(axis=1), wanted, atol=1e-3)
    assert found.completeness < 1e-3


@pytest.mark.parametrize("make, x", [(mlp, TABLE), (cnn, PICTURES)])
def test_integrated_gradients_add_up_to_a_tolerance(real_backend, make, x):
    rough, found = (
        explain.integrated_gradients(make(), x, 1, 2.0, steps=4, tolerance=tolerance)
        for tolerance in (None, 1e-3)
    )
    assert rough.completeness > 1e-3 >= found.completeness
    exact = explain.integrated_gradients(make(), x, 1, 2.0, steps=2000)
    np.testing.assert_allclose(found.arrays[0], exact.arrays[0], atol=2e-3)


def test_no_more_is_asked_for_than_rounding_allows():
    def large(x):
        return 1e6 * ops.sum(ops.relu(x - 0.3), axis=1)

    found = explain.integrated_gradients(large, TABLE, steps=4, tolerance=1e-6)
    assert found.completeness < 2.0**-16 * np.abs(found.scores).max()


def test_few_steps_are_enough_without_kinks():
    found = explain.integrated_gradients(words(), TOKENS, 1, at="table")
    assert (
        found.completeness < 1e-5 < np.abs(found.scores - found.baseline_scores).max()
    )


def test_completeness_tells_what_is_missed():
    few, many = (
        explain.integrated_gradients(mlp(), TABLE, 1, 2.0, steps=n) for n in (1, 2000)
    )
    assert few.completeness > 1e-2 > 1e-3 > many.completeness
    missed = few.attributions.sum(axis=1) - (few.scores - few.baseline_scores)
    np.testing.assert_allclose(few.missing, missed, atol=1e-6)


LINEAR = {
    "gradients": lambda m, x: explain.gradients(m, x, 1, times_input=True),
    "integrated": lambda m, x: explain.integrated_gradients(m, x, 1, steps=1),
    "occlusion": lambda m, x: explain.occlusion(m, x, 1),
    "shapley": lambda m, x: explain.shapley_values(m, x, 1, samples=1),
    "shapley exact": lambda m, x: explain.shapley_values(m, x, 1),
}


@pytest.mark.parametrize("method", LINEAR)
def test_a_linear_model_gives_weights_times_inputs(real_backend, method):
    model, x = linear(), normal(4, 5)
    kernel = model.layers[-1].kernel.numpy()
    found = LINEAR[method](model, x)
    np.testing.assert_allclose(found.attributions, kernel[:, 1] * x, atol=2e-6)


def test_gradients_of_a_linear_model_are_its_weights():
    model, x = linear(), normal(4, 5)
    kernel = np.broadcast_to(model.layers[-1].kernel.numpy()[:, 2], x.shape)
    for method in (explain.gradients, explain.smooth_gradients):
        np.testing.assert_allclose(method(model, x, 2).attributions, kernel, atol=1e-6)


def shapley_by_subsets(score, x, start):
    """Return the values of one row from the definition, subset by subset."""
    n, values = len(x), np.zeros(len(x))
    for i in range(n):
        others = [j for j in range(n) if j != i]
        for size in range(n):
            share = math.factorial(size) * math.factorial(n - size - 1)
            for chosen in itertools.combinations(others, size):
                without = start.copy()
                without[list(chosen)] = x[list(chosen)]
                within = without.copy()
                within[i] = x[i]
                gain = score(within) - score(without)
                values[i] += share / math.factorial(n) * gain
    return values


def game(x):
    """A game of 8 players in which the last does nothing, and 0 and 1 are alike."""
    x = ops.convert_to_tensor(x)
    pair = x[:, 0] * x[:, 1]
    return pair * x[:, 2] + ops.sin(x[:, 3]) + ops.maximum(x[:, 4], x[:, 5]) * x[:, 6]


def test_shapley_values_are_those_of_the_definition(real_backend):
    x = normal(2, 8)
    x[:, 1] = x[:, 0]
    start = np.full((1, 8), 0.3, "float32")
    exact = explain.shapley_values(game, x, baseline=start)
    for row, found in zip(x.astype("float64"), exact.attributions):
        wanted = shapley_by_subsets(
            lambda v: float(np.asarray(ops.convert_to_numpy(game(v[None])))[0]),
            row,
            start[0].astype("float64"),
        )
        np.testing.assert_allclose(found, wanted, atol=2e-6)
    assert exact.completeness < 1e-6  # efficiency
    np.testing.assert_array_equal(exact.attributions[:, 7], 0)  # the dummy
    np.testing.assert_allclose(
        exact.attributions[:, 0], exact.attributions[:, 1], atol=1e-6
    )  # symmetry


def test_shapley_values_of_a_sum_of_games_are_sums():
    x = normal(2, 8)
    one = explain.shapley_values(game, x).attributions
    other = explain.shapley_values(lambda v: ops.sum(v**2, axis=1), x).attributions
    both = explain.shapley_values(lambda v: game(v) + ops.sum(v**2, axis=1), x)
    np.testing.assert_allclose(both.attributions, one + other, atol=1e-5)


def test_sampled_orders_add_up_and_come_close():
    x = normal(2, 8)
    exact = explain.shapley_values(game, x).attributions
    few, many = (explain.shapley_values(game, x, samples=n) for n in (1, 400))
    assert few.completeness < 1e-6 and many.completeness < 1e-6
    np.testing.assert_array_equal(few.attributions[:, 7], 0)
    wrong = [np.abs(each.attributions - exact).max() for each in (few, many)]
    assert wrong[1] < 0.2 * wrong[0]


def test_a_group_plays_as_one_and_shares_its_gain():
    x = normal(2, 4)
    product = lambda v: v[:, 0] * v[:, 1] + v[:, 2] * v[:, 3]  # noqa: E731
    found = explain.shapley_values(product, x, groups=np.array([7, 7, 3, 9]))
    pair = x[:, 0] * x[:, 1] / 2
    np.testing.assert_allclose(found.attributions[:, :2], np.stack([pair, pair], 1))


# -- what is explained -----------------------------------------------------------------


def test_targets_are_places_rows_and_functions():
    model = mlp()
    y = ops.convert_to_numpy(model(TABLE))
    largest = explain.gradients(model, TABLE)
    np.testing.assert_allclose(largest.scores, y.max(axis=1), atol=1e-6)
    for target, wanted in (
        (2, y[:, 2]),
        ((1,), y[:, 1]),
        ([0, 2, 1], y[[0, 1, 2], [0, 2, 1]]),
        (lambda y: y[:, 1] - y[:, 0], y[:, 1] - y[:, 0]),
    ):
        found = explain.gradients(model, TABLE, target)
        np.testing.assert_allclose(found.scores, wanted, atol=1e-6)


def test_several_inputs_and_batches_of_them():
    def product(inputs):
        return ops.sum(inputs["a"] * inputs["b"], axis=1) * 2

    x = {"a": normal(5, 3), "b": normal(5, 3), "n": np.arange(5, dtype="int32")}
    found = explain.gradients(product, x, batch_size=2).attributions
    assert found["n"] is None
    np.testing.assert_allclose(found["a"], 2 * x["b"], atol=1e-6)
    whole = explain.integrated_gradients(product, x, batch_size=2)
    np.testing.assert_allclose(whole.attributions["b"], x["a"] * x["b"], atol=1e-5)
    assert explain.occlusion(product, x, batch_size=3).attributions["n"].shape == (5,)


def test_a_layer_is_explained_as_the_rest_of_the_model_would_be():
    model = mlp()
    middle = ops.convert_to_numpy(model.get_layer("one")(TABLE))

    def rest(h):
        return model.get_layer("head")(model.get_layer("two")(h))

    found = explain.integrated_gradients(model, TABLE, at=model.get_layer("one"))
    wanted = explain.integrated_gradients(rest, middle)
    np.testing.assert_allclose(found.attributions, wanted.attributions, atol=1e-6)
    start = explain.integrated_gradients(model, TABLE, baseline=0.0 * TABLE, at="one")
    np.testing.assert_allclose(
        start.baselines[0],
        np.tile(np.maximum(model.get_layer("one").bias.numpy(), 0), (3, 1)),
    )


def test_windows_cover_the_edges_and_overlap():
    x = normal(1, 5)
    total = lambda v: ops.sum(v, axis=1)  # noqa: E731
    apart = explain.occlusion(total, x, window=2).attributions[0]
    sums = [x[0, :2].sum(), x[0, 2:4].sum(), x[0, 4]]
    np.testing.assert_allclose(apart, np.repeat(sums, 2)[:5], atol=1e-6)
    over = explain.occlusion(total, x, window=3, strides=2).attributions[0]
    a, b = x[0, :3].sum(), x[0, 2:].sum()
    np.testing.assert_allclose(over, [a, a, (a + b) / 2, b, b], atol=1e-6)


# -- Captum ----------------------------------------------------------------------------


def equal(found, wanted):
    np.testing.assert_allclose(found.attributions, wanted, rtol=1e-4, atol=1e-4)


@captums
def test_gradients_are_captums(make):
    model, x = make(), CAPTUM[make]
    module = twin(model)
    np.testing.assert_allclose(
        module(first(x)).detach(), ops.convert_to_numpy(model(x)), atol=1e-5
    )
    wanted = captum.attr.Saliency(module).attribute(first(x), 1, abs=False)
    equal(explain.gradients(model, x, 1), last(wanted))
    wanted = captum.attr.InputXGradient(module).attribute(first(x), 1)
    equal(explain.gradients(model, x, 1, times_input=True), last(wanted))


@captums
def test_integrated_gradients_are_captums(make):
    model, x = make(), CAPTUM[make]
    method = captum.attr.IntegratedGradients(twin(model))
    wanted = method.attribute(
        first(x), 0.5, target=1, n_steps=20, method="gausslegendre"
    )
    equal(explain.integrated_gradients(model, x, 1, 0.5, steps=20), last(wanted))


def test_occlusion_is_captums():
    model = cnn()
    method = captum.attr.Occlusion(twin(model))
    wanted = method.attribute(
        first(PICTURES), (2, 3, 2), (2, 1, 2), baselines=0.5, target=1
    )
    found = explain.occlusion(model, PICTURES, 1, (3, 2), (1, 2), 0.5)
    # Captum's last window of a row ends at the edge, as these do.
    equal(found, last(wanted))


def test_shapley_values_are_captums():
    model = mlp()
    method = captum.attr.ShapleyValues(twin(model))
    wanted = method.attribute(first(TABLE), 0.5, target=1)
    equal(explain.shapley_values(model, TABLE, 1, 0.5), last(wanted))


def test_grad_cam_is_captums():
    model = cnn()
    module = twin(model)
    method = captum.attr.LayerGradCam(module, module[1])
    wanted = method.attribute(first(PICTURES), 1, relu_attributions=True)
    found = explain.grad_cam(model, PICTURES, 1, at="conv", resize=False)
    equal(found, last(wanted)[..., 0])
    assert explain.grad_cam(model, PICTURES, 1, at="conv").attributions.shape == (
        2,
        6,
        6,
    )


def test_grad_cam_plus_plus_is_its_formula():
    model = cnn()
    found = explain.grad_cam_plus_plus(model, PICTURES, 1, at="conv", resize=False)
    slopes = explain.gradients(model, PICTURES, 1, at="conv").arrays[0]
    maps = found.question.inputs[0].astype("float64")
    wanted = np.zeros(maps.shape[:3])
    for b, c in np.ndindex(maps.shape[0], maps.shape[3]):
        weight = 0.0
        for i, j in np.ndindex(maps.shape[1:3]):
            g = slopes[b, i, j, c]
            below = 2 * g**2 + maps[b, :, :, c].sum() * g**3
            weight += (g**2 / below if below else 0.0) * max(g, 0.0)
        wanted[b] += weight * maps[b, :, :, c]
    np.testing.assert_allclose(found.arrays[0], np.maximum(wanted, 0), atol=1e-6)


# -- refusals --------------------------------------------------------------------------


def test_what_cannot_be_explained_is_told():
    with pytest.raises(DTypeError, match="at='embedding'"):
        explain.gradients(words(), TOKENS)
    with pytest.raises(ArgumentError, match=r"one of the layers .*'words/table'"):
        explain.gradients(words(), TOKENS, at="tabel")
    with pytest.raises(ArgumentError, match=r"within rows of shape \(3,\), got 3"):
        explain.gradients(mlp(), TABLE, 3)
    with pytest.raises(ShapeError, match="whose first axis is the batch"):
        explain.gradients(mlp(), [])
    with pytest.raises(ShapeError, match="baseline that broadcasts"):
        explain.integrated_gradients(mlp(), TABLE, baseline=np.zeros((1, 5)))
    with pytest.raises(ArgumentError, match="No layer gives maps of 2 axes"):
        explain.grad_cam(mlp(), TABLE)
    shared = layers.Dense(6, name="shared")
    with pytest.raises(ArgumentError, match="2 times in a call"):
        explain.gradients(lambda x: shared(ops.exp(shared(x))), TABLE, 0, at="shared")

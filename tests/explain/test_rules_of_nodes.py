"""DeepLIFT and LRP: sums, linear models, Captum, every backend, loops and reuse."""

import captum.attr
import numpy as np
import pytest
import torch
from captum.attr._utils.lrp_rules import (
    Alpha1_Beta0_Rule,
    EpsilonRule,
    GammaRule,
    IdentityRule,
)
from explained_models import (
    attending,
    cnn,
    first,
    last,
    linear,
    mlp,
    normal,
    recurrent,
    repeated,
    twin,
    words,
)

from multinet import explain, layers, ops
from multinet.errors import ArgumentError
from multinet.registry import use_backend

REAL = ("numpy", "jax", "torch", "tensorflow")
TABLE, PICTURES = normal(3, 6), normal(2, 6, 6, 2)
TOKENS = np.array([[3, 1, 7, 0], [2, 2, 5, 8]], "int32")
MODELS = {
    linear: normal(3, 5),
    mlp: TABLE,
    cnn: PICTURES,
    repeated: normal(3, 5),
    recurrent: normal(2, 4, 3),
    attending: normal(2, 4, 3),
}
models = pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
rules = pytest.mark.parametrize("rule", ["epsilon", "gamma", "z_plus"])


def size(found):
    """Return how large the scores and their parts are."""
    return max(1, np.abs(found.arrays[0]).sum(), np.abs(found.scores).sum())


# -- sums ------------------------------------------------------------------------------


@models
def test_differences_add_up(make):
    found = explain.deep_lift(make(), MODELS[make], 1, 0.5)
    gain = found.scores - found.baseline_scores
    assert np.abs(gain).max() > 1e-2
    parts = found.arrays[0].reshape(len(gain), -1).sum(axis=1)
    np.testing.assert_allclose(parts, gain, atol=1e-5)
    assert found.completeness < 1e-5


@rules
@models
def test_relevance_adds_up_with_what_biases_absorb(make, rule):
    found = explain.relevance(make(), MODELS[make], 1, rule)
    y = ops.convert_to_numpy(make()(MODELS[make]))[:, 1]
    np.testing.assert_allclose(found.scores, y, rtol=1e-5, atol=1e-5)
    total = found.arrays[0].sum() + found.absorbed
    assert abs(total - y.sum()) < 1e-5 * size(found)
    assert found.completeness < 1e-5 * size(found)


@rules
def test_without_biases_relevance_is_the_score(rule):
    model, x = mlp(), np.abs(TABLE)
    for layer in model.layers[1:]:
        layer.bias.assign(layer.bias.numpy() * 0)
    found = explain.relevance(model, x, 1, rule, epsilon=1e-9)
    assert np.abs(found.scores).min() > 1e-2
    parts = found.arrays[0].sum(axis=1)
    kept = parts if rule == "epsilon" else parts + found.absorbed
    np.testing.assert_allclose(kept.sum(), found.scores.sum(), rtol=1e-5)


def test_words_have_shares_at_their_vectors():
    lifted = explain.deep_lift(words(), TOKENS, 1, at="table")
    passed = explain.relevance(words(), TOKENS, 1, at="table")
    assert lifted.arrays[0].shape == passed.arrays[0].shape == (2, 4, 4)
    assert lifted.completeness < 1e-5 and passed.completeness < 1e-5
    np.testing.assert_array_equal(lifted.arrays[0][0, 3], 0)  # it is masked


def test_choices_that_inputs_make_add_up():
    def kinked(x):
        h = ops.where(x > 0.1, x, -0.3 * x)
        h = ops.maximum(h[:, :3], h[:, 3:] * ops.tanh(h[:, 3:]))
        h = ops.floor(h) + ops.abs(h)
        h = h / ops.max(ops.exp(x), axis=1, keepdims=True)
        return ops.sum(h, axis=1)

    found = explain.deep_lift(kinked, TABLE, None, 0.5)
    assert found.completeness < 1e-5 < np.abs(found.arrays[0]).max()


# -- where there is one answer ---------------------------------------------------------


def test_a_linear_model_gives_weights_times_inputs(real_backend):
    model, x = linear(), normal(4, 5)
    kernel = model.layers[-1].kernel.numpy()[:, 1]
    lifted = explain.deep_lift(model, x, 1, 0.5).attributions
    np.testing.assert_allclose(lifted, kernel * (x - 0.5), atol=1e-5)
    model.layers[-1].bias.assign(np.zeros(3, "float32"))
    passed = explain.relevance(model, x, 1).attributions
    np.testing.assert_allclose(passed, kernel * x, atol=1e-4)


def test_a_function_of_one_number_has_the_slope_between():
    x = normal(2, 3)
    found = explain.deep_lift(lambda v: ops.sum(ops.exp(v), axis=1), x, None, 0.5)
    np.testing.assert_allclose(found.attributions, np.exp(x) - np.exp(0.5), rtol=1e-5)
    same = explain.deep_lift(lambda v: ops.sum(ops.exp(v), axis=1), x, None, x)
    np.testing.assert_array_equal(same.attributions, 0)


def test_a_product_is_shared_by_the_means_of_the_other():
    x = normal(3, 2)
    found = explain.deep_lift(lambda v: v[:, 0] * v[:, 1], x, None, 0.5).attributions
    mean = (x + 0.5) / 2
    np.testing.assert_allclose(found, (x - 0.5) * mean[:, ::-1], atol=1e-6)
    halves = explain.relevance(lambda v: v[:, 0] * v[:, 1], x).attributions
    product = x[:, :1] * x[:, 1:] / 2
    np.testing.assert_allclose(halves, np.repeat(product, 2, 1), atol=1e-5)


def test_a_gate_has_no_relevance():
    x = normal(3, 2)
    gated = lambda v: v[:, 0] * ops.sigmoid(v[:, 1])  # noqa: E731
    found = explain.relevance(gated, x)
    np.testing.assert_array_equal(found.attributions[:, 1], 0)
    np.testing.assert_allclose(found.attributions[:, 0], found.scores, atol=1e-5)


# -- Captum ----------------------------------------------------------------------------

STACKS = pytest.mark.parametrize("make", [mlp, cnn], ids=lambda f: f.__name__)


@STACKS
def test_differences_are_captums(make):
    """Of pooled images, not on all data: where the largest of a window changes place,
    Captum gives the change to other places, and no longer adds up.
    """
    model = make()
    random = np.random.default_rng(1)
    x = random.normal(size=MODELS[make].shape).astype("float32")
    method = captum.attr.DeepLift(twin(model))
    wanted = method.attribute(first(x), first(np.full_like(x, 0.5)), target=1)
    found = explain.deep_lift(model, x, 1, 0.5)
    np.testing.assert_allclose(found.attributions, last(wanted), rtol=1e-4, atol=1e-4)


@rules
@STACKS
def test_relevance_is_captums(make, rule):
    model, x = make(), np.abs(MODELS[make])
    module = twin(model)
    theirs = {
        "epsilon": lambda: EpsilonRule(1e-2),
        "gamma": lambda: GammaRule(0.25, set_bias_to_zero=True),
        "z_plus": lambda: Alpha1_Beta0_Rule(set_bias_to_zero=True),
    }
    for part in module:
        part.rule = IdentityRule()
        if hasattr(part, "weight"):
            part.rule = theirs[rule]()
        elif isinstance(part, torch.nn.MaxPool2d | torch.nn.Flatten):
            part.rule = EpsilonRule()
    wanted = last(captum.attr.LRP(module).attribute(first(x), target=1))
    small = 1e-2 if rule == "epsilon" else 1e-9
    found = explain.relevance(model, x, 1, rule, epsilon=small).attributions
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * scale)


# -- everywhere ------------------------------------------------------------------------


@pytest.mark.parametrize("make", [cnn, repeated], ids=lambda f: f.__name__)
def test_shares_are_the_same_on_every_backend(make):
    lifted, passed = [], []
    for name in REAL:
        with use_backend(name):
            lifted.append(explain.deep_lift(make(), MODELS[make], 1, 0.5).attributions)
            found = explain.relevance(make(), MODELS[make], 1, "z_plus")
            passed.append(found.attributions)
    for maps in (lifted, passed):
        for each in maps[1:]:
            scale = np.abs(maps[0]).max()
            np.testing.assert_allclose(each, maps[0], rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("make", [recurrent, attending], ids=lambda f: f.__name__)
def test_loops_are_shared_out_alike(make):
    found = []
    for name in ("numpy", "torch"):
        with use_backend(name):
            lifted = explain.deep_lift(make(), MODELS[make], 1, 0.5).attributions
            passed = explain.relevance(make(), MODELS[make], 1, "gamma").attributions
            found.append((lifted, passed))
    for one, other in zip(*found):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5 * np.abs(one).max())


def test_the_rule_may_be_told_for_each_layer():
    seen = []

    def rule(path):
        seen.append(path)
        return "z_plus" if path.endswith("one") else "epsilon"

    mixed = explain.relevance(mlp(), np.abs(TABLE), 1, rule).attributions
    plain = explain.relevance(mlp(), np.abs(TABLE), 1).attributions
    assert {"mlp/one", "mlp/two", "mlp/head"} <= set(seen)
    assert np.abs(mixed - plain).max() > 1e-3


def test_what_has_no_rule_is_named():
    layer = layers.Lambda(lambda x: ops.cumprod(x, axis=1)[:, -1], name="products")
    with pytest.raises(
        ArgumentError, match=r"no rule for cumprod of the layer products"
    ):
        explain.relevance(layer, TABLE)
    assert explain.deep_lift(layer, TABLE).completeness < 1e-5
    with pytest.raises(ArgumentError, match="rule"):
        explain.relevance(mlp(), TABLE, rule="zplus")

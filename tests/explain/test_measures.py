"""Measures of explanations against SciPy, Captum, and answers that are known."""

import captum.metrics
import numpy as np
import pytest
import scipy.stats
import torch
from explained_models import cnn, linear, mlp, normal, twin

from multinet import explain, ops
from multinet.errors import ArgumentError
from multinet.explain.measures import _correlation

TABLE = normal(3, 6)


def test_the_infidelity_of_a_linear_model_is_nothing(real_backend):
    x = normal(3, 5)
    for found in (
        explain.gradients(linear(), x, 1),
        explain.integrated_gradients(linear(), x, 1, 0.5, steps=2),
        explain.deep_lift(linear(), x, 1, 0.5),
    ):
        assert explain.infidelity(found, samples=3).max() < 1e-9
    wrong = explain.gradients(linear(), x, 2)
    other = explain.gradients(linear(), x, 1)
    wrong.arrays[0][:] = other.arrays[0]
    assert explain.infidelity(wrong, samples=10).min() > 1e-4


def test_infidelity_is_captums():
    model = mlp()
    found = explain.gradients(model, TABLE, 1)
    random = np.random.default_rng(3)
    changes = iter(np.stack([random.normal(size=TABLE.shape) * 0.2 for _ in range(20)]))

    def changed(x):
        v = torch.tensor(next(changes).astype("float32"))
        return v, x - v

    parts = torch.tensor(found.attributions)
    wanted = [
        captum.metrics.infidelity(
            twin(model), changed, torch.tensor(TABLE), parts, None, None, 1, 1
        ).numpy()
        for _ in range(20)
    ]
    mine = explain.infidelity(found, noise=0.2, samples=20, seed=3)
    np.testing.assert_allclose(mine, np.mean(wanted, axis=0), rtol=1e-3, atol=1e-6)


def test_curves_put_in_and_take_out_the_largest_parts_first():
    x = np.array([[4.0, 1.0, 3.0, 2.0]], "float32")
    found = explain.gradients(lambda v: ops.sum(v, axis=1), x, times_input=True)
    inserted = explain.insertion_curve(found, steps=4)
    np.testing.assert_allclose(inserted.scores, [[0, 4, 7, 9, 10]])
    deleted = explain.deletion_curve(found, steps=4)
    np.testing.assert_allclose(deleted.scores, [[10, 6, 3, 1, 0]])
    np.testing.assert_allclose(deleted.fractions, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(inserted.area, np.trapezoid([0, 4, 7, 9, 10], dx=0.25))
    half = explain.deletion_curve(found, steps=2, baseline=1.0)
    np.testing.assert_allclose(half.scores, [[10, 5, 4]])


def test_curves_of_pictures_take_channels_together():
    x = normal(2, 6, 6, 2)
    for found in (
        explain.integrated_gradients(cnn(), x, 1, steps=4),
        explain.grad_cam(cnn(), x, 1, at="conv", resize=False),
    ):
        if found.method == "grad_cam":
            assert explain.deletion_curve(found, 3).scores.shape == (2, 4)
            continue
        curve = explain.deletion_curve(found, steps=36)
        pixel = np.argmax(found.saliency()[0])
        once = x[:1].copy()
        once.reshape(36, 2)[pixel] = 0
        y = ops.convert_to_numpy(cnn()(once))[0, 1]
        np.testing.assert_allclose(curve.scores[0, 1], y, rtol=1e-4, atol=1e-5)


def test_shuffled_weights_change_explanations_and_come_back():
    model = mlp()
    before = [w.numpy() for w in model.weights]
    seen = explain.randomization_check(lambda m: explain.gradients(m, TABLE, 1), model)
    assert list(seen) == ["head", "two", "one"]
    assert all(-1 <= value < 0.9 for value in seen.values())
    blind = explain.randomization_check(
        lambda m: explain.gradients(lambda x: ops.sum(x**3, axis=1), TABLE), model
    )
    np.testing.assert_allclose(list(blind.values()), 1)
    for weight, old in zip(model.weights, before):
        np.testing.assert_array_equal(weight.numpy(), old)

    def failing(m):
        if not np.array_equal(m.weights[-1].numpy(), before[-1]):
            raise ZeroDivisionError
        return explain.gradients(m, TABLE, 1)

    with pytest.raises(ZeroDivisionError):
        explain.randomization_check(failing, model)
    np.testing.assert_array_equal(model.weights[-1].numpy(), before[-1])


def test_rank_correlations_are_scipys():
    one, other = np.round(normal(50)), np.round(normal(50) * 2)
    wanted = scipy.stats.spearmanr(one, other).statistic
    assert _correlation(one, other) == pytest.approx(wanted)
    assert _correlation(one, np.zeros(50)) == 0


def test_what_cannot_be_measured_is_told():
    found = explain.grad_cam(cnn(), normal(2, 6, 6, 2), 1, at="conv")
    with pytest.raises(ArgumentError, match="of the inputs"):
        explain.infidelity(found)
    with pytest.raises(ArgumentError, match="of the inputs"):
        explain.deletion_curve(found)
    two = explain.gradients(lambda v: ops.sum(v[0] * v[1], axis=1), [TABLE, TABLE])
    with pytest.raises(ArgumentError, match="of one input, got one of 2"):
        explain.insertion_curve(two)

"""Gamma, beta and binomial draws: their distributions, and agreement of backends."""

import numpy as np
import pytest
import scipy.stats

from multinet import ops, random, use_backend
from multinet.errors import DTypeError, ShapeError

NAMES = ("numpy", "jax", "torch", "tensorflow")
COUNT = 4000


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("alpha", [0.05, 0.5, 1.0, 2.5, 30.0, 1e4])
def test_gamma_follows_its_distribution(alpha, backend):
    x = value(random.gamma((COUNT,), alpha, seed=3)).astype("float64")
    assert scipy.stats.kstest(x, scipy.stats.gamma(alpha).cdf).pvalue > 1e-3


@pytest.mark.parametrize("alpha, beta", [(0.7, 0.9), (2, 3), (0.5, 20), (50, 1)])
def test_beta_follows_its_distribution(alpha, beta, backend):
    x = value(random.beta((COUNT,), alpha, beta, seed=4)).astype("float64")
    assert scipy.stats.kstest(x, scipy.stats.beta(alpha, beta).cdf).pvalue > 1e-3


def test_beta_of_tiny_parameters_is_near_the_ends(backend):
    x = value(random.beta((COUNT,), 1e-3, 1e-3, seed=4))
    assert not np.isnan(x).any() and abs(x.mean() - 0.5) < 0.03
    assert np.mean((x < 1e-3) | (x > 0.999)) > 0.97


BINOMIAL = [(1, 0.3), (10, 0.2), (30, 0.5), (50, 0.9), (1000, 0.02), (100_000, 0.37)]


@pytest.mark.parametrize("count, probability", BINOMIAL)
def test_binomial_follows_its_distribution(count, probability, backend):
    x = value(random.binomial((COUNT,), count, probability, seed=5))
    exact = scipy.stats.binom(count, probability)
    low, high = exact.ppf(0.01), exact.ppf(0.99)
    edges = np.unique(np.linspace(low, high, 12).astype(int)) + 0.5
    have = np.histogram(x, [-np.inf, *edges, np.inf])[0]
    want = np.diff([0, *exact.cdf(edges), 1]) * COUNT
    kept = want > 1
    want *= have[kept].sum() / want[kept].sum()
    assert scipy.stats.chisquare(have[kept], want[kept]).pvalue > 1e-3
    assert have[~kept].sum() <= 3 and (x == np.round(x)).all()


def test_certain_and_impossible_trials(backend):
    x = value(random.binomial((2, 3), [5, 0, 7], [[0.0], [1.0]], seed=1))
    np.testing.assert_array_equal(x, [[0, 0, 0], [5, 0, 7]])
    x = value(random.binomial((3,), [-1, 5, 3], [0.5, 2.0, 1.0], seed=1))
    np.testing.assert_array_equal(x, [np.nan, np.nan, 3])


DRAWS = {
    "gamma": lambda: random.gamma((4, 5), [0.3, 1.0, 2.0, 8.0, 99.0], seed=6),
    "beta": lambda: random.beta((4, 5), 0.5, [0.3, 1.0, 2.0, 8.0, 99.0], seed=6),
    "binomial": lambda: random.binomial((4, 5), [1, 9, 40, 99, 5000], 0.4, seed=6),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_agree_on_every_backend_eager_and_compiled(name):
    results = []
    for backend in NAMES:
        with use_backend(backend) as chosen:
            results.append(value(DRAWS[name]()))
            compiled = chosen.jit(lambda: (DRAWS[name](),), ())
            results.append(value(compiled()[0]))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["gamma", "beta", "binomial"])
def test_parameters_get_no_gradient(name, real_backend):
    def function(p):
        given = {"gamma": (p,), "beta": (p, 2.0), "binomial": (9, p)}[name]
        draw = getattr(random, name)((3,), *given, seed=1)
        return (ops.sum(ops.multiply(draw, p)),)

    p = ops.convert_to_tensor([0.2, 0.5, 0.7])
    _, pullback = real_backend.vjp(function, (p,))
    draw = np.asarray(value(pullback((ops.ones(()),))[0]))
    assert np.isfinite(draw).all()


def test_wrong_arguments_are_explained():
    with pytest.raises(DTypeError, match="makes floats"):
        random.gamma((2,), 1.0, dtype="int32")
    with pytest.raises(ShapeError, match="broadcast"):
        random.beta((2,), [1.0, 2.0, 3.0], 1.0)
    with pytest.raises(ShapeError, match="broadcast"):
        random.binomial((2,), [[1], [2]], 0.5)

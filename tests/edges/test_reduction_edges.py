"""Reductions over rows with zeros, offsets, NaN and infinities, against SciPy."""

import numpy as np
import pytest
from scipy import special

from multinet import ops
from multinet.errors import ShapeError
from multinet.registry import use_backend

INF, NAN = np.inf, np.nan
LENGTHS = {
    "numpy": (1, 7, 40, 1000),
    "torch": (1, 7, 40, 1000),
    "jax": (40,),
    "tensorflow": (1, 40),
    "strict": (7,),
}
RUNS = [(name, n) for name, lengths in LENGTHS.items() for n in lengths]


def rows(n):
    """Return rows of finite numbers, and rows with one that is not, at each end."""
    base = np.random.default_rng(n).normal(size=n)
    found = [base, 0 * base, base + 1e4, base - 1e4, base * 1e4, base * 1e-15]
    found += [np.full(n, v) for v in (3.0, -INF, INF, NAN)]
    for value in (NAN, INF, -INF):
        for place in sorted({0, n // 2, n - 1}):
            found.append(np.where(np.arange(n) == place, value, base))
    return np.array(found, np.float32)


def norm(order):
    return lambda x: np.linalg.norm(x, ord=order, axis=-1)


def normalize(order):
    def value(x):
        length = np.linalg.norm(x, ord=order, axis=-1, keepdims=True)
        return x / np.maximum(length, 1e-7)

    return value


def over(function):
    return lambda x: function(x, axis=-1)


def layer_norm(x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-3)


def rms_norm(x):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3)


def log_softmax(x):  # a row with +inf is NaN throughout, as softmax's
    y = special.log_softmax(x, axis=-1)
    return np.where(np.isnan(y).any(-1, keepdims=True), np.nan, y)


# name -> the op over the last axis, its value in float64
REDUCTIONS = {
    "sum": (over(ops.sum), over(np.sum)),
    "mean": (over(ops.mean), over(np.mean)),
    "max": (over(ops.max), over(np.max)),
    "min": (over(ops.min), over(np.min)),
    "ptp": (over(ops.ptp), over(np.ptp)),
    "var": (over(ops.var), over(np.var)),
    "std": (over(ops.std), over(np.std)),
    "cumsum": (over(ops.cumsum), over(np.cumsum)),
    "sort": (over(ops.sort), over(np.sort)),
    "argmax": (over(ops.argmax), over(np.argmax)),
    "argmin": (over(ops.argmin), over(np.argmin)),
    "argsort": (over(ops.argsort), lambda x: np.argsort(x, -1, kind="stable")),
    "count_nonzero": (over(ops.count_nonzero), over(np.count_nonzero)),
    "median": (over(ops.median), over(np.median)),
    "nansum": (over(ops.nansum), over(np.nansum)),
    "nanmean": (over(ops.nanmean), over(np.nanmean)),
    "nanvar": (over(ops.nanvar), over(np.nanvar)),
    "nanstd": (over(ops.nanstd), over(np.nanstd)),
    "nanmax": (over(ops.nanmax), over(np.nanmax)),
    "nanmin": (over(ops.nanmin), over(np.nanmin)),
    "nanmedian": (over(ops.nanmedian), over(np.nanmedian)),
    "nancumsum": (over(ops.nancumsum), over(np.nancumsum)),
    "logsumexp": (over(ops.logsumexp), over(special.logsumexp)),
    "softmax": (over(ops.softmax), over(special.softmax)),
    "log_softmax": (over(ops.log_softmax), log_softmax),
    "norm of 1": (lambda x: ops.norm(x, 1, -1), norm(1)),
    "norm of 2": (lambda x: ops.norm(x, 2, -1), norm(2)),
    "norm of 3": (lambda x: ops.norm(x, 3, -1), norm(3)),
    "norm of 1/2": (lambda x: ops.norm(x, 0.5, -1), norm(0.5)),
    "norm of -1": (lambda x: ops.norm(x, -1, -1), norm(-1)),
    "norm of inf": (lambda x: ops.norm(x, INF, -1), norm(INF)),
    "normalize by 1": (lambda x: ops.normalize(x, -1, 1), normalize(1)),
    "normalize by 2": (over(ops.normalize), normalize(2)),
    "normalize by 3": (lambda x: ops.normalize(x, -1, 3), normalize(3)),
    "layer norm": (lambda x: ops.layer_normalization(x, epsilon=1e-3), layer_norm),
    "RMS norm": (lambda x: ops.rms_normalization(x, epsilon=1e-3), rms_norm),
}
#: Layer norm loses digits at offsets.
LOOSE = {"layer norm": 3e-3}


def wrong_rows(name, got, x):
    """Return the rows of x for which a result is not that of the formula."""
    with np.errstate(all="ignore"):
        wanted = np.asarray(REDUCTIONS[name][1](x.astype(np.float64)))
        wanted = wanted.astype(got.dtype).astype(np.float64)
    # Of sums and means errors count beside the largest number that went in.
    scale = np.where(np.isfinite(x), np.abs(x), 0).max(-1).astype(np.float64)
    scale = scale**2 if "var" in name else scale
    scale = scale * x.shape[-1] if "sum" in name else scale
    if "soft" in name or "normal" in name or "norm" in name.split()[-1:]:
        scale = np.ones_like(scale)
    scale = scale.reshape(scale.shape + (1,) * (wanted.ndim - 1))
    allowed = LOOSE.get(name, 1e-5) * np.abs(wanted) + LOOSE.get(name, 3e-6) * scale
    with np.errstate(all="ignore"):
        near = np.abs(got - wanted) <= allowed
    fine = near | (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    return sorted({int(i) for i in np.argwhere(~fine)[:, 0]})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("backend_name", "length"), RUNS)
def test_reductions_of_rows_at_the_edges(backend_name, length):
    x, wrong = rows(length), {}
    with use_backend(backend_name) as backend:
        calls = [op for op, _ in REDUCTIONS.values()]
        run = backend.jit(lambda x: tuple(op(x) for op in calls), ())
        results = run(backend.from_numpy(x))
        for name, result in zip(REDUCTIONS, results, strict=True):
            if bad := wrong_rows(name, backend.to_numpy(result), x):
                wrong[name] = bad
    assert wrong == {}


# -- slopes ----------------------------------------------------------------------------


def softmax(x):
    return special.softmax(x, axis=-1)


def unit_slope(order):
    """Return the slope of sum(w * normalize(x)) for w = 1, 2, ... along the row."""

    def slope(x):
        w = np.arange(1, x.shape[-1] + 1.0)
        length = np.linalg.norm(x, ord=order, axis=-1, keepdims=True)
        safe = np.where(length > 1e-7, length, 1.0)
        grown = np.sign(x) * (np.abs(x) / safe) ** (order - 1)
        along = (w * x).sum(-1, keepdims=True) / safe**2
        return np.where(length > 1e-7, w / safe - along * grown, w / 1e-7)

    return slope


def norm_slope(order):
    def slope(x):
        length = np.linalg.norm(x, ord=order, axis=-1, keepdims=True)
        safe = np.where(length == 0, 1.0, length)
        return np.sign(x) * (np.abs(x) / safe) ** (order - 1) * (length != 0)

    return slope


def std_slope(x):
    deviation = x.std(-1, keepdims=True)
    flat = deviation == 0
    centred = (x - x.mean(-1, keepdims=True)) / x.shape[-1]
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, deviation))


def weighted(op):
    def call(x):
        w = np.arange(1, ops.shape(x)[-1] + 1, dtype=np.float32)
        return ops.sum(ops.multiply(op(x), w), -1)

    return call


SLOPES = {
    "logsumexp": (over(ops.logsumexp), softmax),
    "logsumexp of two axes": (
        lambda x: ops.logsumexp(ops.reshape(x, (-1, 2, 4)), (1, 2)),
        softmax,
    ),
    "std": (over(ops.std), std_slope),
    "norm of 2": (lambda x: ops.norm(x, 2, -1), norm_slope(2)),
    "norm of 3": (lambda x: ops.norm(x, 3, -1), norm_slope(3)),
    "norm": (lambda x: ops.norm(x, None, -1), norm_slope(2)),
    "normalize by 2": (weighted(over(ops.normalize)), unit_slope(2)),
    "normalize by 3": (weighted(lambda x: ops.normalize(x, -1, 3)), unit_slope(3)),
}
FINITE = np.array(
    [
        [0.3, -1.0, 2.0, 0.0, 1.0, -0.5, 0.7, 0.1],
        [0.0] * 8,
        [2.0] * 8,
        [1e4, 9999.0, 9998.0, 9990.0, 1e4, 9999.5, 9997.0, 9000.0],
        [-1e4, -9999.0, -9998.0, -9990.0, -1e4, -9999.5, -9997.0, -9000.0],
        [1e-12, 2e-12, 0.0, 0.0, 0.0, 0.0, 0.0, -3e-12],
    ],
    np.float32,
)


@pytest.mark.parametrize("once", (False, True))
def test_slopes_of_reductions(backend, once):
    wrong = {}
    x = backend.from_numpy(FINITE)
    for name, (op, formula) in SLOPES.items():
        if once:
            total = lambda x, op=op: (backend.sum(op(x), (0,), False),)  # noqa: E731
            got = backend.value_and_grad(total, (x,))[2][0]
        else:
            (y,), pull = backend.vjp(lambda x, op=op: (op(x),), (x,))
            got = pull((backend.full(backend.shape(y), 1.0, "float32"),))[0]
        got, wanted = backend.to_numpy(got), formula(FINITE.astype(np.float64))
        tolerance = 1e-5 * np.abs(wanted).max(-1, keepdims=True)
        if "norm" in name or name == "std":
            tolerance = 1e-3 * np.maximum(np.abs(wanted).max(-1, keepdims=True), 1e-4)
        bad = ~(np.abs(got - wanted) <= tolerance)
        if bad.any():
            wrong[name] = [
                (got[i], wanted[i]) for i in np.unique(np.argwhere(bad)[:, 0])
            ]
    assert wrong == {}


@pytest.mark.parametrize("name", ("argmax", "argmin", "nanargmax", "nanargmin"))
def test_nothing_has_no_place_of_an_extreme(backend, name):
    op = getattr(ops, name)
    empty = backend.full((3, 0), 1.0, "float32")
    with pytest.raises(ShapeError, match=r"not empty; got shape \(3, 0\)"):
        op(empty, 1)
    with pytest.raises(ShapeError, match="an axis that is not empty"):
        op(empty)
    assert backend.shape(op(empty, 0)) == (0,)  # as np.argmax has it


def test_nan_counts_as_no_place_in_sparsemax(backend):
    x = np.array([[1.0, np.nan, 0.0], [1e4, 9999.5, -np.inf], [0.0, 0.0, 0.0]])
    got = backend.to_numpy(ops.sparsemax(x.astype(np.float32)))
    third = [1 / 3] * 3
    np.testing.assert_allclose(got, [[np.nan] * 3, [0.75, 0.25, 0], third], atol=1e-6)

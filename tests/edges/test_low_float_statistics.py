"""float16 and bfloat16 statistics of numbers whose squares and sums leave the range.

The values and slopes wanted are those of PyTorch's own functions in float64.
"""

import functools

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from multinet import dtypes, layers, ops

SCALES = (1e-3, 300.0, 4000.0, 20000.0)
TOLERANCE = {"float16": 2e-3, "bfloat16": 1.6e-2}
WEIGHTS = np.linspace(0.5, 2.0, 6)


def t_weights():
    return torch.tensor(WEIGHTS)


def t_normalize(x, order):
    length = torch.linalg.vector_norm(x, ord=order, dim=-1, keepdim=True)
    return x / torch.clamp(length, min=1e-7)


def t_rms(x):
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-3)


def t_group(x, groups):
    y = F.group_norm(x.movedim(-1, 1), groups, eps=1e-3)
    return y.movedim(1, -1)


def t_pool(x):
    return F.avg_pool2d(x.movedim(-1, 1), 2).movedim(1, -1)


def t_batch(x):
    flat = x.reshape(-1, x.shape[-1])
    var, mean = torch.var_mean(flat, 0, correction=0)
    return (x - mean) * torch.rsqrt(var + 1e-3)


def t_cdist(x):
    rows = x.reshape(-1, x.shape[-1])
    return torch.sqrt(((rows[:3, None] - rows[None, 3:6]) ** 2).sum(-1))


def cdist(x):
    rows = ops.reshape(x, (-1, 6))
    return ops.cdist(*(ops.take(rows, i, 0) for i in ([0, 1, 2], [3, 4, 5])))


def batch_normalization(x):
    wide = ops.cast(x, "float32")
    mean, variance = ops.moments(wide, (0, 1, 2))
    return ops.batch_normalization(x, mean, variance, -1)


# name -> the op, and PyTorch's function, of x (3, 4, 4, 6)
OPS = {
    "mean": (lambda x: ops.mean(x, -1), lambda x: x.mean(-1)),
    "std": (lambda x: ops.std(x, -1), lambda x: x.std(-1, correction=0)),
    "std of all": (ops.std, lambda x: x.std(correction=0)),
    "nanmean": (lambda x: ops.nanmean(x, -1), lambda x: x.mean(-1)),
    "nanstd": (lambda x: ops.nanstd(x, -1), lambda x: x.std(-1, correction=0)),
    "average": (
        lambda x: ops.average(x, -1, ops.cast(WEIGHTS, ops.dtype(x))),
        lambda x: (x * t_weights()).sum(-1) / t_weights().sum(),
    ),
    "norm": (lambda x: ops.norm(x, axis=-1), lambda x: x.norm(dim=-1)),
    "norm of 3": (lambda x: ops.norm(x, 3, -1), lambda x: x.norm(3, -1)),
    "normalize": (ops.normalize, lambda x: t_normalize(x, 2)),
    "normalize by 3": (lambda x: ops.normalize(x, -1, 3), lambda x: t_normalize(x, 3)),
    "layer norm": (
        lambda x: ops.layer_normalization(x, epsilon=1e-3),
        lambda x: F.layer_norm(x, (6,), eps=1e-3),
    ),
    "RMS norm": (lambda x: ops.rms_normalization(x, epsilon=1e-3), t_rms),
    "batch norm": (batch_normalization, t_batch),
    "average pool": (lambda x: ops.average_pool(x, 2), t_pool),
    "logsumexp": (lambda x: ops.logsumexp(x, -1), lambda x: torch.logsumexp(x, -1)),
    "cdist": (cdist, t_cdist),
}


def numbers(scale, dtype):
    """Return both signs of numbers of a size, no two neighbours alike."""
    x = np.random.default_rng(3).uniform(0.2, 1.0, (3, 4, 4, 6))
    sign = np.where(np.arange(x.size).reshape(x.shape) % 3 == 0, -1.0, 1.0)
    return (x * sign * scale).astype(np.float32).astype(dtypes.to_numpy(dtype))


def wanted_of(function, x):
    """Return the value in float64, and the slopes of its sum with weights."""
    t = torch.tensor(x.astype(np.float64), requires_grad=True)
    y = function(t)
    weights = torch.tensor(weighing(tuple(y.shape)))
    (slope,) = torch.autograd.grad((y * weights).sum(), t)
    return y.detach().numpy(), slope.numpy()


def weighing(shape):
    return np.random.default_rng(5).integers(1, 4, shape).astype(np.float64)


def found_of(backend, op, t):
    (y,), pull = backend.vjp(lambda x: (op(x),), (t,))
    weights = ops.cast(weighing(backend.shape(y)), backend.dtype(y))
    return y, pull((weights,))[0]


def close(got, want, dtype):
    """Return whether results of a dtype are right, beside the largest."""
    want = np.asarray(want).astype(got.dtype).astype(np.float64)
    size = np.abs(np.where(np.isfinite(want), want, 0)).max(initial=0.0)
    tiny = 1e-7 if dtype == "float16" else 1e-30  # subnormals
    error = np.abs(got.astype(np.float64) - want)
    return bool(np.all((error <= TOLERANCE[dtype] * size + tiny) | (got == want)))


def faults(x, dtype, function, got, steep):
    """Return which of a value and its slopes are not those of PyTorch in float64."""
    value, slope = wanted_of(function, x)
    assert got.dtype == steep.dtype == x.dtype
    found = (("value", got, value), ("slope", steep, slope))
    return [what for what, result, want in found if not close(result, want, dtype)]


@pytest.mark.parametrize("dtype", tuple(TOLERANCE))
def test_statistics_of_low_floats(backend, dtype):
    calls, wrong = [op for op, _ in OPS.values()], {}
    run = backend.jit(lambda x: sum((found_of(backend, f, x) for f in calls), ()), ())
    for scale in SCALES:
        x = numbers(scale, dtype)
        found = [backend.to_numpy(y) for y in run(backend.from_numpy(x))]
        for i, (name, (_, function)) in enumerate(OPS.items()):
            if bad := faults(x, dtype, function, *found[2 * i : 2 * i + 2]):
                wrong[name, scale] = bad
    assert wrong == {}


LAYERS = {
    "layer": (
        lambda: layers.LayerNormalization(),
        lambda x: F.layer_norm(x, (6,), eps=1e-3),
    ),
    "RMS": (lambda: layers.RMSNormalization(epsilon=1e-3), t_rms),
    "group": (lambda: layers.GroupNormalization(2), lambda x: t_group(x, 2)),
    "unit": (lambda: layers.UnitNormalization(), lambda x: t_normalize(x, 2)),
    "batch": (lambda: layers.BatchNormalization(), t_batch),
    "pool": (lambda: layers.AveragePooling2D(2), t_pool),
    "global": (lambda: layers.GlobalAveragePooling2D(), lambda x: x.mean((1, 2))),
}


def test_layers_of_low_floats(backend):
    wrong = {}
    for name, (make, function) in LAYERS.items():
        layer = make()
        layer.dtype_policy = "float16"
        options = {"training": True} if name == "batch" else {}
        for scale in SCALES:
            x = numbers(scale, "float16")
            t = backend.from_numpy(x)
            layer(t, **options)  # makes the weights
            call = functools.partial(layer, **options)
            found = found_of(backend, call, t)
            found = [backend.to_numpy(y) for y in found]
            if bad := faults(x, "float16", function, *found):
                wrong[name, scale] = bad
    assert wrong == {}


def test_masked_means_of_many_large_numbers(backend):
    layer = layers.GlobalAveragePooling1D(dtype="float16")
    x = np.full((1, 40, 2), 20000.0, np.float16)
    mask = np.arange(40)[None] < 30
    got = backend.to_numpy(layer(backend.from_numpy(x), mask=mask))
    np.testing.assert_array_equal(got, np.full((1, 2), 20000.0, np.float16))


def test_peak_signal_to_noise_of_large_numbers(backend):
    x, y = (np.full((2, 8), v, np.float16) for v in (16384.0, 15360.0))
    got = backend.to_numpy(ops.psnr(*map(backend.from_numpy, (x, y)), 16384.0))
    np.testing.assert_allclose(got, 20 * np.log10(16.0), rtol=2e-3)


def test_correlation_of_large_numbers(backend):
    x = numbers(20000.0, "float16").reshape(2, -1)
    got = backend.to_numpy(ops.corrcoef(backend.from_numpy(x)))
    np.testing.assert_allclose(got, np.corrcoef(x.astype(np.float64)), atol=2e-3)


def test_middle_of_many_bfloat16(backend):
    x = np.arange(1000.0).astype(dtypes.to_numpy("bfloat16"))
    got = backend.to_numpy(ops.nanmedian(backend.from_numpy(x)))
    assert float(got) == np.median(x.astype(np.float64))

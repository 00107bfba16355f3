"""Optimizers and metrics as pure functions: the same numbers, Variables untouched."""

import numpy as np
import pytest

import multinet
from multinet import metrics, ops, optimizers
from multinet.errors import ArgumentError, ShapeError

START, GRADS = np.float32([1.0, -2.0, 3.0]), np.float32([0.5, 0.25, -1.0])
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 5)),
    "ema": lambda: optimizers.RMSprop(use_ema=True, clipnorm=0.5, weight_decay=0.01),
}


def host(values):
    return [np.asarray(ops.convert_to_numpy(x)) for x in values]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_apply(real_backend, name):
    optimizer, other = OPTIMIZERS[name](), OPTIMIZERS[name]()
    v, w = multinet.Variable(START), multinet.Variable(START)
    optimizer.build([v])
    other.build([w])
    state = [x.value for x in optimizer.variables]
    before, weights = host(state), [v.value]
    step = multinet.jit(optimizer.stateless_apply)
    for _ in range(3):
        weights, state = step(state, [ops.convert_to_tensor(GRADS)], weights)
        other.apply([ops.convert_to_tensor(GRADS)])
    np.testing.assert_allclose(*host([weights[0], w]), rtol=1e-6)
    for mine, theirs in zip(host(state), host(other.variables), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-6)
    np.testing.assert_array_equal(v.numpy(), START)
    for mine, theirs in zip(host(optimizer.variables), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_what_does_not_fit_is_refused(backend):
    optimizer, v = optimizers.SGD(), multinet.Variable(START)
    with pytest.raises(ArgumentError, match="not built"):
        optimizer.stateless_apply([], [GRADS], [START])
    optimizer.build([v])
    state = [x.value for x in optimizer.variables]
    with pytest.raises(ArgumentError, match="expects 3 values"):
        optimizer.stateless_apply(state[1:], [GRADS], [START])
    with pytest.raises(ShapeError, match=r"shape \(3,\), got \(2,\)"):
        optimizer.stateless_apply(state, [GRADS], [START[:2]])


def test_a_variable_may_be_set_to_its_gradient(real_backend):
    v, w = multinet.Variable(START), multinet.Variable(START)
    v.overwrite_with_gradient = True
    optimizer = optimizers.SGD(1.0)
    optimizer.apply_gradients([(ops.convert_to_tensor(GRADS), x) for x in (v, w)])
    np.testing.assert_array_equal(v.numpy(), GRADS)
    np.testing.assert_array_equal(w.numpy(), START - GRADS)


@pytest.mark.parametrize("make", [metrics.MeanSquaredError, metrics.AUC])
def test_metrics_as_functions(real_backend, make):
    metric, other = make(), make()
    y, p = np.float32([[0], [1], [1]]), np.float32([[0.2], [0.4], [0.9]])
    state = metric.stateless_reset_state()
    for weight in (None, np.float32([1, 2, 0])):
        state = metric.stateless_update_state(state, y, p, sample_weight=weight)
        other.update_state(y, p, sample_weight=weight)
    found, wanted = metric.stateless_result(state), other.result()
    np.testing.assert_allclose(*host([found, wanted]), rtol=1e-6)
    for mine, start in zip(host(metric.variables), host(make().variables), strict=True):
        np.testing.assert_array_equal(mine, start)
    with pytest.raises(ArgumentError, match="values, for"):
        metric.stateless_result(state[:-1])

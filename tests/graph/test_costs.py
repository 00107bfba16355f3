"""Counts against the formulas of the literature, at several sizes."""

import numpy as np
import pytest

import multinet
from multinet import graph, layers, ops
from multinet.errors import ArgumentError
from multinet.graph import Spec
from multinet.registry import current

SIZES = ((1, 1), (5, 7), (32, 100))


def dense(b, t, n=6, m=8):
    return 2 * b * n * m + b * m


def conv(b, t, h=10, w=12, c=4, out=8, k=3, groups=2):
    pixels = (h + 1) // 2 * ((w + 1) // 2)
    return b * pixels * out * (2 * k * k * c // groups + 1)


def lstm(b, t, n=4, m=5):
    products = 2 * b * t * 4 * m * (n + m)
    return products + 8 * b * t * m + 9 * b * t * m  # sums of gates, then functions


def attention(b, t, h=2, k=4, d=8):
    projections = 3 * (2 * b * t * d * h * k + b * t * h * k)
    projections += 2 * b * t * h * k * d + b * t * d
    scores = 2 * b * h * t * t * k + b * h * t * t  # with the scale
    softmax = 5 * b * h * t * t
    return projections + scores + softmax + 2 * b * h * t * t * k


SERIES = Spec(("batch", "time", 8))
CLOSED = {
    dense: (lambda: layers.Dense(8), [Spec(("batch", 6))]),
    conv: (
        lambda: layers.Conv2D(8, 3, 2, "same", groups=2),
        [Spec(("batch", 10, 12, 4))],
    ),
    lstm: (lambda: layers.LSTM(5), [Spec(("batch", "time", 4))]),
    attention: (lambda: layers.MultiHeadAttention(2, 4), [SERIES, SERIES]),
}


@pytest.mark.parametrize("formula", CLOSED, ids=lambda f: f.__name__)
def test_operations_are_those_of_the_closed_formula(formula):
    make, specs = CLOSED[formula]
    layer = make()
    total = graph.capture(layer, *specs, check=False).costs().total
    for b, t in SIZES:
        sizes = {"batch": b, "time": t} if "time" in repr(total) else {"batch": b}
        assert total.at(**sizes).flops == formula(b, t)
    assert total.parameters == layer.count_params()


def test_bytes_are_what_each_primitive_reads_and_writes():
    total = graph.capture(layers.Dense(8), Spec(("batch", 6))).costs().total
    for b in (1, 5, 64):
        product = b * 6 + 6 * 8 + b * 8
        bias = b * 8 + 8 + b * 8
        assert total.at(batch=b).bytes == 4 * (product + bias)
        assert total.at(batch=b).activations == 2 * b * 8


def loss(kernel, bias, head, x, y):
    h = ops.relu(ops.matmul(x, kernel) + bias)
    return ops.sum(ops.square(ops.matmul(h, head) - y))


def test_the_backward_pass_has_a_product_for_each_operand_with_a_gradient():
    n, m, k = 6, 8, 3
    given = [Spec((n, m)), Spec((m,)), Spec((m, k)), Spec(("b", n)), Spec(("b", k))]
    forward = graph.capture(loss, *given).costs().total
    both = multinet.value_and_grad(loss, argnums=(0, 1, 2))
    total = graph.capture(both, *given).costs().total
    for b in (1, 4, 50):
        products = 2 * b * m * k * 2 + 2 * b * n * m  # of h and head; of kernel alone
        bias = b * m  # summed over the batch
        relu = b * m
        square = b * k * 2  # for each of the two operands that are one, and their sum
        total_ = products + bias + relu + square + b * k
        found = total.at(b=b).flops - forward.at(b=b).flops
        assert found == total_


def beyond_forward(function, *specs):
    """Return the operations for the gradients of all arguments of a function."""
    every = tuple(range(len(specs)))
    both = multinet.value_and_grad(function, argnums=every)
    forward, total = (graph.capture(f, *specs).costs().total for f in (function, both))
    return forward, total


def test_the_backward_pass_of_a_convolution_is_two_of_them():
    def convolved(x, kernel):
        return ops.sum(ops.conv(x, kernel, 2, "same"))

    given = Spec(("batch", 9, 8, 2)), Spec((3, 3, 2, 5))
    forward, total = beyond_forward(convolved, *given)
    for b in (1, 6):
        one = 2 * b * 5 * 4 * 5 * 3 * 3 * 2
        assert forward.at(batch=b).flops == one + b * 5 * 4 * 5
        assert total.at(batch=b).flops - forward.at(batch=b).flops == 2 * one


def test_the_backward_pass_of_attention():
    def attended(q, k, v):
        return ops.sum(ops.dot_product_attention(q, k, v))

    h, d = 2, 4
    forward, total = beyond_forward(attended, *[Spec(("batch", "time", h, d))] * 3)
    for b, t in SIZES:
        products = 2 * b * h * t * t * d
        scores = b * h * t * t
        # exp, whose two gradients are added; the quotient, for the divisor by row.
        softmax = (1 + 1 + 2 + 1) * scores
        at = {"batch": b, "time": t}
        found = total.at(**at).flops - forward.at(**at).flops
        assert found == 4 * products + softmax + scores  # and the scale


def test_the_backward_pass_of_a_recurrence():
    def recurrent(x, kernel, again, bias):
        b, t, _ = ops.shape(x)
        zeros = ops.zeros((b, 5))
        found = current().lstm(x, zeros, zeros, kernel, again, bias, None, False)
        return ops.sum(found[0])

    n, m = 4, 5
    given = Spec(("batch", "time", n)), Spec((n, 4 * m)), Spec((m, 4 * m))
    forward, total = beyond_forward(recurrent, *given, Spec((4 * m,)))
    for b, t in SIZES:
        at = {"batch": b, "time": t}
        products = 2 * 2 * b * t * 4 * m * (n + m)
        bias = b * t * 4 * m  # summed over all steps
        step = 5 + 2 * 3  # functions, then products for both operands
        parts = 3 * 4  # the gradients of four parts are added in full
        found = total.at(**at).flops - forward.at(**at).flops
        assert found == products + bias + (step + parts) * b * t * m


def test_a_loop_costs_as_much_as_its_steps():
    def program(x):
        return ops.scan(lambda c, row: (ops.tanh(c + row), c), ops.zeros((4,)), x)

    total = graph.capture(program, Spec(("time", 4))).costs().total
    assert total.at(time=9).flops == 9 * (4 + 4)


def test_a_branch_costs_as_much_as_the_larger_one():
    def program(x):
        return ops.cond(ops.sum(x) > 0, lambda: ops.exp(ops.exp(x)), lambda: x * 2)

    costs = graph.capture(program, Spec((5,))).costs()
    assert costs.total.flops == 5 + 1 + 10


def test_what_depends_on_values_is_named():
    costs = graph.capture(lambda x: ops.sort(ops.svd(x)[1]), Spec((4, 3))).costs()
    assert costs.uncounted == ("svd", "sort")


def test_costs_are_by_layer():
    x = multinet.Input((6,), name="x")
    h = layers.Dense(8, activation="relu", name="hidden")(x)
    model = multinet.Model(x, layers.Dense(3, name="head")(h), name="m")
    costs = graph.capture(model).costs()
    assert list(costs.layers) == ["m/hidden", "m/head"]
    assert costs.of("head").at(batch=2).flops == 2 * (2 * 8 * 3 + 3)
    assert costs.of("m") == costs.total
    assert repr(costs.of("head").flops) == "51 * batch"
    assert "m/hidden" in str(costs) and "171 * batch" in str(costs)
    with pytest.raises(ArgumentError, match="No layer of the graph"):
        costs.of("tail")
    with pytest.raises(ArgumentError, match="Did you mean 'batch'"):
        costs.total.at(bach=3)


def test_a_step_of_training_costs_about_three_times_the_forward_pass():
    model = multinet.Sequential(
        [multinet.Input((32,)), layers.Dense(64), layers.Dense(32)]
    )
    model.compile("sgd", "mse")
    spec = Spec(("batch", 32))
    forward = graph.capture(model, spec).costs().total.at(batch=64).flops
    step = graph.capture_step(model, spec, spec).costs().total.at(batch=64).flops
    assert 2.3 < step / forward < 3.2  # the first layer's input needs no gradient
    assert np.prod((64, 32, 64)) * 2 * 5 < step

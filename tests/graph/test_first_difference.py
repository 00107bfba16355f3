"""The search for the first node that differs, on backends that are wrong on purpose."""

import sys
from pathlib import Path

import numpy as np
import pytest

import multinet
from multinet import graph, layers, ops
from multinet.graph import Spec, first_difference
from multinet.graph.widening import is_inexact
from multinet.interface import primitives
from multinet.registry import get

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "conformance"))
from graph_models import MODELS, attending, cnn, masked, mlp, normal, shared
from test_wrong_backends import wrong

ALL = ("numpy", "torch", "jax", "tensorflow", "strict")
QUICK = ("numpy", "torch", "strict")  # what compiles nothing
SCALARS = None, np.uint32(1), np.int32(1), np.float32(0.001)
#: Where 1% is no fault: `full` makes zeros here, the other gives nothing to a gradient.
NONE = {"full", "stop_gradient"}


def larger(backend):
    """Return a change of values that is 1%."""
    return lambda x: backend.multiply(x, 1.01)


def steeper(backend):
    """Return a change of gradients that is 1%, of values nothing."""

    def change(x):
        drift = backend.subtract(x, backend.stop_gradient(x))
        return backend.add(x, backend.multiply(drift, 0.01))

    return change


def program(make, whole=False):
    """Return the graph of a model as primitives, and data."""
    x = MODELS[make](4, 6)
    return graph.capture(make(), x, whole=whole, check=False), (x,)


def training(make, whole=False):
    """Return the graph of a step of training as primitives, and data."""
    model, x = make(), MODELS[make](4, 6)
    y = normal(4, *model.output_shape[1:])
    model.compile("adam", "mse")
    step = graph.capture_step(model, x, y, whole=whole, check=False)
    return step, (x, y, *SCALARS)


def floats(captured):
    """Return the primitives of a graph that make floats."""
    found = {
        node.op
        for node in captured.walk()
        if not node.bodies and any(is_inexact(x.dtype) for x in node.outputs)
    }
    return sorted(found & set(primitives()) - NONE)


def slow(value):
    return pytest.param(value, marks=pytest.mark.long)


BACKENDS = [name if name in QUICK else slow(name) for name in ALL]


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "primitives"])
def test_no_backend_differs_in_training(make, name, whole):
    step, data = training(make, whole)
    found = first_difference(step, *data, backend=name)
    assert found.verdict == "equal", str(found)
    assert found.largest <= 1
    assert found.nodes == sum(1 for _ in step.walk())


@pytest.mark.parametrize("name", ALL)
def test_a_model_is_the_same_on_every_backend(name):
    found = first_difference(cnn(), Spec(("batch", "h", "w", 2)), backend=name)
    assert found.verdict == "equal", str(found)
    assert found.first is None and "conditions" in str(found)


# -- faults ----------------------------------------------------------------------------

VALUES = {mlp: "matmul", cnn: "conv", masked: "tanh", shared: "sum", attending: "exp"}
SLOPES = {mlp: "add", cnn: "max_pool", attending: "sigmoid"}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("make", VALUES, ids=lambda f: f.__name__)
def test_a_primitive_one_percent_off_is_named(make, name):
    check_named(*program(make), VALUES[make], name, larger)


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_a_primitive_one_percent_off_is_named_where_programs_are_compiled(name):
    check_named(*program(mlp), "matmul", name, larger)


def loop(x):
    """Return the sum of a loop whose body has a function and a product."""
    zeros = ops.zeros((3,))
    return ops.sum(ops.scan(lambda c, row: (ops.tanh(c + row) * 2, c), zeros, x)[0])


@pytest.mark.parametrize("name", ALL)
def test_a_primitive_is_named_inside_of_a_loop(name):
    x = normal(5, 3)
    captured = graph.capture(loop, x, whole=False, check=False)
    check_named(captured, (x,), "tanh", name, larger)
    gradient = graph.capture(multinet.grad(loop), x, whole=False, check=False)
    backend = get(name)
    broken = wrong(backend, "tanh", steeper(backend))
    first = first_difference(gradient, x, backend=broken).first
    assert (first.kind, first.op, first.derivative) == ("wrong", "tanh", "vjp")
    assert first.where == ("value_and_grad", "step 0 of scan")


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("make", SLOPES, ids=lambda f: f.__name__)
def test_a_gradient_one_percent_off_is_named(make, name):
    check_named(*training(make), SLOPES[make], name, steeper)


def check_named(captured, data, op, name, change):
    """Check that the search names a method that is made wrong, and where it is."""
    backend = get(name)
    broken = wrong(backend, op, change(backend))
    first = first_difference(captured, *data, backend=broken).first
    assert first is not None and (first.kind, first.op) == ("wrong", op), str(first)
    assert list(captured.walk())[first.index].op == op
    assert first.derivative == ("vjp" if change is steeper else "")
    ratio = np.abs(first.got / first.expected)
    assert ratio == pytest.approx(1.01, rel=1e-3)
    assert first.error > 100


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_each_primitive_one_percent_off_is_named(make, name):
    captured, data = program(make)
    for op in floats(captured):
        check_named(captured, data, op, name, larger)


@pytest.mark.long
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_each_gradient_one_percent_off_is_named(make, name):
    captured, data = training(make)
    (node,) = [node for node in captured.nodes if node.op == "value_and_grad"]
    (body,) = node.bodies
    varying = {id(x) for x in body.inputs}
    for each in body.walk():
        if varying & {id(x) for x in each.reads()}:
            varying |= {id(x) for x in each.outputs}
            varying |= {id(x) for inner in each.bodies for x in inner.inputs}
    reached = {x.op for x in body.walk() if varying & {id(y) for y in x.outputs}}
    for op in set(floats(captured)) & reached:
        check_named(captured, data, op, name, steeper)


def with_method(name, method):
    """Return the NumPy backend with one method replaced."""
    return type("Other", (type(get("numpy")),), {name: method})()


def test_a_fused_method_that_is_wrong_is_named_itself():
    plain = get("numpy")

    def gelu(self, x, approximate):
        return plain.multiply(plain.gelu(x, approximate), 1.001)

    first = first_difference(
        layers.Activation("gelu", name="gelu"),
        normal(3, 4),
        backend=with_method("gelu", gelu),
    ).first
    assert (first.kind, first.op, first.layer) == ("wrong", "gelu", "gelu")
    assert first.where == () and "gelu(" in first.line


def test_a_primitive_is_named_inside_of_the_fused_method_that_runs_it():
    class Other(type(get("numpy"))):
        def tanh(self, x):
            return super().multiply(super().tanh(x), 1.01)

        def gelu(self, x, approximate):
            return super(type(get("numpy")), self).gelu(x, approximate)

    first = first_difference(ops.gelu, normal(3, 4), backend=Other()).first
    assert (first.op, first.where) == ("tanh", ("gelu",))
    assert first.kind == "wrong" and first.index == 0


# -- ties and kinks --------------------------------------------------------------------


def zeros_and_others():
    return np.array([[0, 1.5, -2, 0.25], [-0.5, 0, 3, 0]], "float32")


def right_derivative(self, x):
    """Return relu with the gradient from above at 0."""
    return self.where(self.less(x, self.full((), 0.0, self.dtype(x))), 0.0, x)


def slope(x):
    return multinet.grad(lambda y: ops.sum(ops.relu(y)))(x)


def test_another_derivative_at_a_kink_is_no_error():
    broken = with_method("relu", right_derivative)
    found = first_difference(slope, zeros_and_others(), backend=broken)
    assert found.verdict == "drifting"
    assert (found.first.kind, found.first.op) == ("kink", "relu")
    assert found.first.element in {(0, 0), (1, 1), (1, 3)}
    assert "is at a kink" in str(found)


def test_an_error_beside_a_kink_is_one():
    def relu(self, x):
        y = right_derivative(self, x)
        return self.add(y, self.multiply(self.subtract(y, self.stop_gradient(y)), 0.01))

    found = first_difference(
        slope, zeros_and_others(), backend=with_method("relu", relu)
    )
    assert found.verdict == "wrong" and found.first.op == "relu"


def test_another_of_two_equal_elements_is_a_tie():
    def argmax(self, x, axis):
        last = super(type(self), self).argmax(self.flip(x, (axis,)), axis)
        return self.subtract(self.full((), x.shape[axis] - 1, "int32"), last)

    broken = with_method("argmax", argmax)
    tied = np.array([[1, 3, 3, 2], [4, 0, 1, 2]], "float32")
    found = first_difference(lambda x: ops.argmax(x, -1), tied, backend=broken)
    assert (found.verdict, found.first.kind) == ("drifting", "tie")
    assert (found.first.element, found.first.got, found.first.expected) == ((0,), 2, 1)


def test_another_index_without_a_tie_is_wrong():
    def argmax(self, x, axis):
        return self.add(super(type(self), self).argmax(x, axis), 1)

    found = first_difference(
        lambda x: ops.argmax(x, -1), normal(3, 5), backend=with_method("argmax", argmax)
    )
    assert found.verdict == "wrong" and found.first.op == "argmax"

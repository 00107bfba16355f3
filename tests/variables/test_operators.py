"""Native tensors, Variables and host data under every operator of Python."""

import operator

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.registry import current, get

LEFT = np.array([[1.5, 2.0], [3.0, 0.5]], "float32")
RIGHT = np.array([[0.5, 2.0], [1.25, 4.0]], "float32")
ROWS = np.array([1, 0], "int32")

SMOOTH = {
    name: getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "pow", "matmul")
}
OPERATORS = SMOOTH | {
    name: getattr(operator, name)
    for name in (
        *("floordiv", "mod", "lt", "le", "gt", "ge", "eq", "ne"),
        *("iadd", "isub", "imul", "itruediv", "ipow", "imatmul", "ifloordiv", "imod"),
    )
}
# What stands left and right: a native tensor, a Variable, an array, a number.
PAIRS = ("tv", "vt", "vv", "av", "va", "nv", "vn", "sv", "vs")
KEYS = {
    "t[v]": lambda t, v, rows, row: t[rows],
    "v[v]": lambda t, v, rows, row: v[rows],
    "v[t]": lambda t, v, rows, row: v[ops.cast(rows, "int32")],
    "v[a]": lambda t, v, rows, row: v[ROWS],
    "t[v, v]": lambda t, v, rows, row: t[rows, rows],
    "t[:, v]": lambda t, v, rows, row: t[:, rows],
    "t[scalar]": lambda t, v, rows, row: t[row],
    "v[scalar]": lambda t, v, rows, row: v[row],
    "v[0]": lambda t, v, rows, row: v[0],
    "v[:, None]": lambda t, v, rows, row: v[:, None],
}
SIGNS = {"-v": operator.neg, "+v": operator.pos, "abs(v)": operator.abs}


class Mixed:
    """Variables beside a tensor, and every expression of them by name."""

    def __init__(self, variable, rows, row):
        self.v, self.rows, self.row = variable, rows, row

    def pair(self, name, sides, tensor):
        """Return the result of an operator on two operands."""
        made = {
            "t": lambda: tensor * 1.0,
            "v": lambda: self.v,
            "a": lambda: (LEFT if sides[0] == "a" else RIGHT).copy(),
            "n": lambda: 2.0,
            "s": lambda: np.float32(2.0),
        }
        return OPERATORS[name](*(made[side]() for side in sides))

    def all(self, tensor):
        """Return every result as float32, by name."""
        found = {
            f"{name} {sides}": self.pair(name, sides, tensor)
            for name in OPERATORS
            for sides in PAIRS
            if is_defined(name, sides)
        }
        for name, read in KEYS.items():
            found[name] = read(tensor * 1.0, self.v, self.rows, self.row)
        for name, sign in SIGNS.items():
            found[name] = sign(self.v)
        return {name: ops.cast(x, "float32") for name, x in found.items()}


def is_defined(name, sides):
    """Return whether Python defines the operator on such operands."""
    return not ("matmul" in name and ("n" in sides or "s" in sides))


def expected(name, left=LEFT, right=RIGHT):
    """Return what NumPy makes of an expression; `left` is the tensor."""
    if name in KEYS:
        return KEYS[name](left, right, ROWS, 1)
    if name in SIGNS:
        return SIGNS[name](right)
    name, sides = name.split()
    values = {"t": left, "v": right, "n": 2.0, "s": 2.0}
    first, second = (
        (LEFT if i == 0 else RIGHT) if side == "a" else values[side]
        for i, side in enumerate(sides)
    )
    return OPERATORS[name.removeprefix("i")](first, second)


def mixed():
    """Return the Variables of the table."""
    return Mixed(
        multinet.Variable(RIGHT),
        multinet.Variable(ROWS, dtype="int32"),
        multinet.Variable(1, dtype="int32"),
    )


def check(results):
    """Compare results, by name, with NumPy."""
    for name, value in results.items():
        value = ops.convert_to_numpy(value)
        np.testing.assert_allclose(value, expected(name), rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_gives_a_tensor_of_the_backend(real_backend, name):
    table = mixed()
    for sides in filter(lambda sides: is_defined(name, sides), PAIRS):
        result = table.pair(name, sides, ops.convert_to_tensor(LEFT))
        assert current().is_tensor(result)
        np.testing.assert_allclose(
            ops.convert_to_numpy(result), expected(f"{name} {sides}"), rtol=1e-5
        )
    np.testing.assert_array_equal(table.v.numpy(), RIGHT)  # += has bound a new tensor


def test_every_expression_eagerly(real_backend):
    check(mixed().all(ops.convert_to_tensor(LEFT)))


def test_every_expression_in_jit(real_backend):
    table = mixed()
    check(multinet.jit(lambda t: table.all(t))(ops.convert_to_tensor(LEFT)))


class Everything(layers.Layer):
    """A layer whose call uses every expression of the table."""

    def build(self, shape):
        self.v = self.add_weight(shape=(2, 2), initializer="zeros", name="v")
        whole = {"initializer": "zeros", "dtype": "int32", "trainable": False}
        self.rows = self.add_weight(shape=(2,), name="rows", **whole)
        self.row = self.add_weight(shape=(), name="row", **whole)
        for variable, value in zip((self.v, self.rows, self.row), (RIGHT, ROWS, 1)):
            variable.assign(value)

    def call(self, x):
        self.names, results = zip(*Mixed(self.v, self.rows, self.row).all(x).items())
        flat = [ops.reshape(r, (1, -1)) for r in results]
        return ops.concatenate(flat, axis=1)


def test_every_expression_in_a_layer(real_backend):
    model = multinet.Sequential([multinet.Input(batch_shape=(2, 2)), Everything()])
    found = model.predict(LEFT, verbose=0)[0]
    names = model.layers[0].names
    wanted = np.concatenate([np.ravel(expected(name)) for name in names])
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def slopes(function, *values):
    """Return the gradients of a scalar function by central differences in float64."""
    found = []
    for at, value in enumerate(values):
        slope = np.zeros(value.shape)
        for place in np.ndindex(value.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = [v.astype("float64") for v in values]
                moved[at][place] += step
                ends.append(function(*moved))
            slope[place] = (ends[0] - ends[1]) / 2e-6
        found.append(slope)
    return found


@pytest.mark.parametrize("name", [*SMOOTH, "iadd", "imul", "imatmul"])
def test_gradients_flow_through_an_operator(real_backend, name):
    table = mixed()
    for sides in filter(lambda sides: is_defined(name, sides), PAIRS):

        def total(pair, sides=sides):
            v, t = pair
            return ops.sum(table.pair(name, sides, t) * 1.5) + 0.0 * ops.sum(t)

        def plain(right, left, sides=sides):
            return np.sum(expected(f"{name} {sides}", left, right)) * 1.5

        tensor = ops.convert_to_tensor(LEFT)
        found = multinet.grad(total)((table.v, tensor))
        for got, want in zip(found, slopes(plain, RIGHT, LEFT)):
            np.testing.assert_allclose(
                ops.convert_to_numpy(got), want, rtol=1e-3, atol=1e-3, err_msg=sides
            )


def test_gradients_flow_through_indexing(real_backend):
    table = mixed()

    def total(v):
        t = ops.convert_to_tensor(LEFT)
        return ops.sum(t[table.rows] * table.v[table.rows, table.rows] ** 2.0)

    def plain(v):
        return np.sum(LEFT[ROWS] * v[ROWS, ROWS] ** 2)

    found = ops.convert_to_numpy(multinet.grad(total)(table.v))
    np.testing.assert_allclose(found, slopes(plain, RIGHT)[0], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float16"])
def test_operands_of_two_dtypes_promote_as_in_ops(real_backend, dtype):
    values = np.array([[1, 0], [2, 3]]).astype(dtype)
    count = multinet.Variable(values, dtype=dtype)
    tensor = ops.convert_to_tensor(LEFT)
    assert ops.dtype(tensor * count) == ops.dtype(count * tensor) == "float32"
    for found in (tensor + count, count + tensor):
        np.testing.assert_allclose(ops.convert_to_numpy(found), LEFT + values)
    for found in (tensor > count, count < tensor):
        np.testing.assert_array_equal(ops.convert_to_numpy(found), LEFT > values)


TRUTHS = {"int32": [6, 3, 0], "bool": [True, False, True], "float32": [0.5, 0, 0]}


@pytest.mark.parametrize("dtype", TRUTHS)
@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_and_or_xor_are_of_truth_values(real_backend, name, dtype):
    values, apply = np.array(TRUTHS[dtype], dtype), getattr(operator, name)
    v, other = multinet.Variable(values, dtype=dtype), values[::-1].copy()
    wanted = apply(values != 0, other != 0)
    tensor = ops.convert_to_tensor(other)
    # An integer tensor on the left is TensorFlow's to serve: of bits.
    left = [apply(tensor, v)] if dtype == "bool" else []
    for found in (apply(v, tensor), apply(v, other), *left):
        np.testing.assert_array_equal(ops.convert_to_numpy(found), wanted)


# -- models of a textbook --------------------------------------------------------------


class Linear(layers.Layer):
    """The first layer that people write."""

    def __init__(self, units, style):
        super().__init__()
        self.units, self.style = units, style

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], self.units), initializer="ones")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x):
        if self.style == "ops":
            return ops.matmul(x, self.w) + self.b
        if self.style == "in place":
            x = x @ self.w
            x += self.b
            return x
        return x @ self.w + self.b


def data():
    """Return inputs and targets of a linear regression."""
    random = np.random.default_rng(0)
    x = random.normal(size=(16, 3)).astype("float32")
    return x, (x @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")


def by_hand(epochs, rate=0.1, batch=8):
    """Return the losses of the epochs of `Linear(1)`, in float64."""
    x, y = (a.astype("float64") for a in data())
    w, b, losses = np.ones((3, 1)), np.zeros(1), []
    for _ in range(epochs):
        total = 0.0
        for i in range(0, len(x), batch):
            difference = x[i : i + batch] @ w + b - y[i : i + batch]
            total += np.sum(difference**2)
            w = w - rate * 2 * x[i : i + batch].T @ difference / batch
            b = b - rate * 2 * np.sum(difference, 0) / batch
        losses.append(total / len(x))
    return losses


@pytest.mark.parametrize("style", ["ops", "operators", "in place"])
def test_a_textbook_layer_trains(backend, style):
    if backend.name == "strict" and style != "ops":
        return  # its tensors have no operators of their own
    model = multinet.Sequential([Linear(1, style)])
    model.compile(multinet.optimizers.SGD(0.1), "mse")
    x, y = data()
    history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], by_hand(4), rtol=1e-5)


class ByHand(multinet.Model):
    """A Linear whose steps are the user's own."""

    def __init__(self):
        super().__init__()
        self.line = Linear(1, "operators")
        self.power = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, x):
        return self.line(x)

    def train_step(self, data):
        x, y = data

        def loss(variables):
            return ops.mean((y - self(x)) ** (self.power + self.power)) * self.power

        weights = self.trainable_variables
        value, gradients = multinet.value_and_grad(loss)(weights)
        self.optimizer.apply(gradients, weights)
        return {"loss": value}


def test_operators_in_a_train_step(real_backend):
    model, (x, y) = ByHand(), data()
    model(x)
    model.compile(multinet.optimizers.SGD(0.1))
    history = model.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], by_hand(4, batch=16), rtol=1e-5)


def test_operators_in_a_loss(real_backend):
    half = multinet.Variable(0.5, trainable=False)

    class Scaled(layers.Layer):
        def build(self, shape):
            self.half = half

        def call(self, x):
            return x

    def loss(y_true, y_pred):
        difference = y_true * half - half * y_pred
        return ops.mean((difference / half) ** 2.0, axis=-1)

    model = multinet.Sequential([Linear(1, "operators"), Scaled()])
    model.compile(multinet.optimizers.SGD(0.1), loss)
    x, y = data()
    history = model.fit(x, y, batch_size=8, epochs=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], by_hand(4), rtol=1e-5)


# -- functions of the frameworks -------------------------------------------------------


def native_functions():
    """Return (backend, function of a tensor and a Variable, what NumPy says)."""
    import tensorflow as tf
    import torch

    return [
        ("torch", lambda t, v: torch.add(t, v), LEFT + RIGHT),
        ("torch", lambda t, v: torch.nn.functional.linear(t, v), LEFT @ RIGHT.T),
        ("torch", lambda t, v: torch.cat([t, v]), np.concatenate([LEFT, RIGHT])),
        ("tensorflow", lambda t, v: tf.matmul(t, v), LEFT @ RIGHT),
        ("tensorflow", lambda t, v: tf.add(t, v), LEFT + RIGHT),
        ("tensorflow", lambda t, v: tf.nn.relu(v), RIGHT),
        ("tensorflow", lambda t, v: tf.concat([t, v], 0), np.vstack([LEFT, RIGHT])),
        ("numpy", lambda t, v: np.sqrt(v), np.sqrt(RIGHT)),
        ("numpy", lambda t, v: np.add(t, v, out=np.zeros_like(t)), LEFT + RIGHT),
        ("numpy", lambda t, v: np.add.reduce(v), RIGHT.sum(0)),
    ]


def test_functions_of_a_framework_take_the_value():
    for name, function, wanted in native_functions():
        with multinet.use_backend(name):
            found = function(ops.convert_to_tensor(LEFT), multinet.Variable(RIGHT))
            assert get(name).is_tensor(found)
            np.testing.assert_allclose(
                ops.convert_to_numpy(found), wanted, rtol=1e-5, err_msg=name
            )


class Shift(layers.Layer):
    """A layer that adds to the tensor it is given."""

    def build(self, shape):
        self.b = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x):
        x += self.b
        return x


def test_an_operator_in_place_leaves_what_a_layer_was_given(real_backend):
    x = ops.convert_to_tensor(LEFT)
    array, tensor = LEFT.copy(), x
    array += multinet.Variable(RIGHT)
    tensor += multinet.Variable(RIGHT)
    given, layer = LEFT.copy(), Shift()
    first, second = layer(given), layer(given)
    for found in (array, tensor):
        np.testing.assert_allclose(ops.convert_to_numpy(found), LEFT + RIGHT)
    np.testing.assert_array_equal(ops.convert_to_numpy(x), LEFT)
    np.testing.assert_array_equal(given, LEFT)
    np.testing.assert_array_equal(*map(ops.convert_to_numpy, (first, second)))


def test_symbolic_tensors_meet_native_ones(real_backend):
    x = multinet.Input((2,))
    for left, right in ((ops.ones((2,)), x), (multinet.Variable(RIGHT), x)):
        for result in (left + right, right + left, left * right, left > right):
            assert result.shape == ((None, 2) if left.ndim == 1 else (2, 2))

"""Host data become tensors by one rule on every backend."""

import numpy as np
import pytest

import multinet
from multinet import dtypes, layers, losses, metrics, ops
from multinet.errors import DTypeError

# What NumPy makes of numbers by itself, and what such data become.
DEFAULTS = {"float64": "float32", "int64": "int32", "complex128": "complex64"}
KEPT = ("bool", "uint8", "int8", "int16", "uint16", "uint32", "int32", "float16")
KEPT = (*KEPT, "bfloat16", "float32", "complex64")
RULE = DEFAULTS | {name: name for name in KEPT}


def data(dtype):
    """Return host data of a dtype."""
    return np.array([[0, 1], [1, 0]]).astype(multinet.dtypes.to_numpy(dtype))


@pytest.mark.parametrize("given", RULE)
def test_the_dtype_that_host_data_get(backend, given):
    array, wanted = data(given), RULE[given]
    assert ops.dtype(ops.convert_to_tensor(array)) == wanted
    assert ops.dtype(ops.reshape(array, (4,))) == wanted
    assert ops.dtype(ops.concatenate([array, array])) == wanted
    assert multinet.Variable(array).dtype == wanted
    assert ops.dtype(ops.convert_to_tensor(array[0, 0])) == wanted  # a scalar of NumPy
    np.testing.assert_array_equal(
        ops.convert_to_numpy(ops.flip(array)), array[::-1, ::-1]
    )


@pytest.mark.parametrize("given", ["float64", "int64", "complex128"])
def test_two_operands_from_the_host(backend, given):
    x, y = data(given), data(given)
    for found in (ops.add(x, y), ops.multiply(x, y), ops.maximum(x.real, y.real)):
        assert ops.dtype(found) in ("float32", "int32", "complex64")


def test_data_beside_a_tensor(backend):
    x = ops.ones((2, 2), dtype="float16")
    assert ops.dtype(ops.add(x, data("float64"))) == "float32"
    assert ops.dtype(ops.matmul(data("float64"), ops.ones((2, 2)))) == "float32"
    assert ops.dtype(ops.add(x, data("int64"))) == "float16"


def test_a_dtype_that_is_asked_for_is_given_exactly(backend):
    for value in (np.array(0.1), [0.1], 0.1):
        found = ops.convert_to_tensor(value, "float64")
        assert ops.dtype(found) == "float64"
        assert ops.convert_to_numpy(found).ravel()[0] == 0.1
    large = ops.convert_to_tensor(np.array([2**40]), "int64")
    assert ops.convert_to_numpy(large)[0] == 2**40
    assert multinet.Variable(np.array(0.1), dtype="float64").numpy() == 0.1


def test_integers_out_of_range_are_refused(backend):
    for value in (
        np.array([2**40]),
        np.int64(2**40),
        [2**40],
        np.array([-(2**31) - 1]),
    ):
        with pytest.raises(DTypeError, match="does not fit in int32.*dtype='int64'"):
            ops.convert_to_tensor(value)
        with pytest.raises(DTypeError, match="does not fit in int32"):
            multinet.Variable(value)


R, N = np.random.default_rng(0).random, np.arange  # NumPy's own dtypes
HALF, ONE = np.float64(0.5), np.int64(1)

# (what it gives, a call of host data that nobody gave a dtype)
CALLS = {
    "full": ("float32", lambda: ops.full((2,), HALF)),
    "arange": ("int32", lambda: ops.arange(np.int64(3))),
    "linspace": ("float32", lambda: ops.linspace(HALF, np.float64(2), 3)),
    "where": ("float32", lambda: ops.where(N(2) > 0, R(2), R(2))),
    "clip": ("float32", lambda: ops.clip(R(2), HALF, np.float64(1))),
    "maximum": ("float32", lambda: ops.maximum(ops.ones((2,)), HALF)),
    "take": ("float32", lambda: ops.take(R((3, 2)), N(2), axis=0)),
    "one_hot": ("float32", lambda: ops.one_hot(N(2), 3)),
    "stack": ("float32", lambda: ops.stack([R(2), R(2)])),
    "einsum": ("float32", lambda: ops.einsum("ij,jk->ik", R((2, 2)), R((2, 2)))),
    "solve": ("float32", lambda: ops.solve(np.eye(2), R((2, 2)))),
    "conv": ("float32", lambda: ops.conv(R((1, 5, 1)), R((3, 1, 1)))),
    "segment_sum": ("float32", lambda: ops.segment_sum(R(4), N(4))),
    "quantile": ("float32", lambda: ops.quantile(R(4), HALF)),
    "argmax": ("int32", lambda: ops.argmax(R(4))),
    "scatter": ("float32", lambda: ops.scatter(np.array([[0]]), R(1), (3,))),
    "fft": ("float32", lambda: ops.fft((R(4), R(4)))[0]),
    "dot": ("int32", lambda: ops.dot(N(3), N(3))),
    "sort": ("float32", lambda: ops.sort(R(3))),
    "resize": ("float32", lambda: ops.image.resize(R((4, 4, 3)), (2, 2))),
    "uniform": ("float32", lambda: multinet.random.uniform((2,), HALF, ONE)),
    "normal": ("float32", lambda: multinet.random.normal((2,), HALF, HALF)),
    "activation": ("float32", lambda: multinet.activations.gelu(R(3))),
    "loss": ("float32", lambda: losses.mean_squared_error(R((4, 1)), R((4, 1)))),
    "labels": (
        "float32",
        lambda: losses.sparse_categorical_crossentropy(N(2), R((2, 3))),
    ),
    "metric": ("float32", lambda: metrics.binary_accuracy(R((4, 1)), R((4, 1)))),
    "embedding": ("float32", lambda: layers.Embedding(3, 2)(N(2)[None])),
    "map": ("float32", lambda: ops.map(lambda row: ops.add(row, 1.0), R(3))),
    "grad": ("float32", lambda: multinet.grad(lambda x: ops.sum(ops.exp(x)))(R(3))),
    "jit": ("float32", lambda: multinet.jit(lambda x: ops.sum(x))(R(3))),
    "scan": (
        "float32",
        lambda: multinet.scan(lambda c, x: (ops.add(c, x), x), HALF, R(3))[0],
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_ops_make_of_the_defaults_of_numpy(backend, name):
    dtype, call = CALLS[name]
    assert ops.dtype(call()) == dtype


class Endless:
    """What NumPy would read for ever."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return np.ones(2)


def test_what_might_have_no_end_is_not_read(backend):
    for take in (ops.convert_to_tensor, multinet.Variable, ops.mean, ops.flip):
        with pytest.raises(DTypeError, match="got a Endless. Make an array"):
            take(Endless())
    assert ops.convert_to_numpy(ops.sum(range(4))) == 6


def wide_results():
    """Return tensors of 64 bits as many kinds of operation leave them."""
    x = ops.convert_to_tensor([[0.1, 0.2], [0.3, 0.4]], "float64")
    i = ops.convert_to_tensor([[1, 2], [3, 4]], "int64")
    v = multinet.Variable(np.array([0.1, 0.2]), dtype="float64")
    dense = layers.Dense(2, dtype="float64")
    scan = multinet.scan(
        lambda c, y: (ops.add(c, y), ops.multiply(c, y)), ops.take(x, 0, axis=0), x
    )
    return {
        "arithmetic": ops.add(ops.multiply(x, 2.0), x),
        "sum": ops.sum(x),
        "matmul": ops.matmul(x, x),
        "where": ops.where(ops.greater(x, 0.2), x, 0.0),
        "variance": ops.var(x),
        "item": ops.get_item(ops.max(x, axis=0), 0),
        "integers": ops.add(i, ops.cumsum(i, axis=0)),
        "remainder": ops.mod(i, 3),
        "complex": ops.fft((x, x))[0],
        "variable": ops.add(v, 0.1),
        "value": v.value,
        "layer": dense(np.ones((3, 2))),
        "gradient": multinet.grad(lambda x: ops.sum(ops.square(x)))(x),
        "jit": multinet.jit(lambda x: ops.add(ops.sum(x), 0.1))(x),
        "scan": scan[0],
        "rows of scan": scan[1],
        "loop": multinet.while_loop(
            lambda x: ops.less(ops.sum(x), 3.0), lambda x: ops.add(x, x), x
        ),
        "random": multinet.random.normal((2,), dtype="float64"),
        "loss": losses.MeanSquaredError(dtype="float64")(x, ops.zeros((2, 2))),
        "dropout": layers.Dropout(0.5, dtype="float64")(np.ones((3, 2)), training=True),
    }


def test_tensors_of_64_bits_keep_them(backend):
    for name, x in wide_results().items():
        (x,) = x if isinstance(x, tuple | list) and len(x) == 1 else (x,)
        assert ops.is_tensor(x), name
        wanted = "int64" if name in ("integers", "remainder") else "float64"
        assert ops.dtype(x) == wanted, name
        for again in (ops.add(x, x), ops.reshape(x, (-1,)), ops.negative(x)):
            assert ops.dtype(again) == wanted, name


def test_what_operators_make_of_64_bits_keeps_them(real_backend):
    x = ops.convert_to_tensor([[0.1, 0.2], [0.3, 0.4]], "float64")
    for y in (x + x, x * 2.0, x[0], x[0][1], x[:, 1], next(iter(x[0])), -x):
        assert ops.dtype(ops.add(y, 0.1)) == "float64"
        assert ops.dtype(ops.add(y > 0.1, True)) == "bool"


LAID_OUT = {
    "as it is": lambda x: x,
    "transposed": lambda x: x.T,
    "backwards": lambda x: x[::-1, ::-1],
    "every third": lambda x: x[::3],
    "off by one byte": lambda x: _shifted(x),
    "one number": lambda x: x[5, 5],
    "none": lambda x: x[:0],
    "no row": lambda x: np.zeros((0, 3), x.dtype),
}


def _shifted(x):
    memory = np.empty(x.nbytes + 1, np.uint8)
    made = np.ndarray(x.shape, x.dtype, memory, 1)
    made[...] = x
    return made


@pytest.mark.parametrize("layout", LAID_OUT)
@pytest.mark.parametrize("size", [10, 300])  # bytes below and above 64 KiB
@pytest.mark.parametrize("dtype", ["bool", "int32", "bfloat16", "float32", "complex64"])
def test_a_tensor_keeps_what_the_array_was(real_backend, dtype, size, layout):
    numbers = np.random.default_rng(0).integers(0, 2, (size, size))
    array = np.asarray(LAID_OUT[layout](numbers.astype(dtypes.to_numpy(dtype))))
    want = array.copy()
    tensor = real_backend.from_numpy(array)
    array[...] = array == 0
    assert real_backend.dtype(tensor) == dtype
    assert real_backend.shape(tensor) == want.shape
    np.testing.assert_array_equal(real_backend.to_numpy(tensor), want)
    twice = real_backend.where(real_backend.equal(tensor, tensor), tensor, tensor)
    np.testing.assert_array_equal(real_backend.to_numpy(twice), want)


def test_a_step_may_use_up_what_came_from_an_array(real_backend):
    array = np.random.default_rng(0).random((300, 300), np.float32)
    double = real_backend.jit(lambda x: (real_backend.add(x, x),), donate=(0,))
    for _ in range(3):
        found = double(real_backend.from_numpy(array))[0]
        np.testing.assert_array_equal(real_backend.to_numpy(found), array * 2)


def test_methods_of_a_backend_take_names(real_backend):
    x = real_backend.from_numpy(np.array([1.0, 2.0]))
    total = real_backend.sum(x, axes=(0,), keepdims=False)
    double = real_backend.jit(function=lambda x: (real_backend.add(x, x),), donate=())
    assert real_backend.to_numpy(total) == 3.0
    np.testing.assert_array_equal(real_backend.to_numpy(double(x)[0]), [2.0, 4.0])


def test_gradients_of_one_own_and_checkpoints_see_64_bits(backend):
    seen = []

    @multinet.custom_gradient
    def square(x):
        seen.append(ops.dtype(ops.add(x, 1.0)))

        def back(g):
            seen.append(ops.dtype(ops.multiply(g, 2.0)))
            return ops.multiply(ops.multiply(g, 2.0), x)

        return ops.square(x), back

    @multinet.checkpoint
    def twice(x):
        seen.append(ops.dtype(ops.add(x, 1.0)))
        return ops.add(x, x)

    x = ops.convert_to_tensor([0.1, 0.2], "float64")
    found = multinet.grad(lambda x: ops.sum(twice(square(x))))(x)
    assert set(seen) == {"float64"} and ops.dtype(found) == "float64"
    np.testing.assert_allclose(ops.convert_to_numpy(found), [0.4, 0.8], rtol=1e-15)


def test_floatx_of_64_bits_leaves_data_as_they_are(backend):
    multinet.config.set_floatx("float64")
    try:
        assert ops.dtype(ops.mean(np.array([0.1, 0.2]))) == "float64"
        assert ops.dtype(ops.convert_to_tensor(np.array([1j]))) == "complex128"
        assert ops.dtype(ops.convert_to_tensor(np.array([1]))) == "int32"
        model = multinet.Sequential([multinet.Input((2,)), layers.Dense(1)])
        model.compile(multinet.optimizers.SGD(0.125), "mse")
        x = np.array([[0.1, 0.2], [0.3, 0.4]])
        kernel = model.layers[0].kernel.numpy()
        model.fit(x, np.ones((2, 1)), epochs=1, verbose=0)
        slope = 2 * x.T @ (x @ kernel - 1.0) / 2
        np.testing.assert_allclose(
            model.layers[0].kernel.numpy(), kernel - 0.125 * slope, rtol=1e-14
        )
        assert ops.dtype(ops.add(model.layers[0].kernel, 1.0)) == "float64"
    finally:
        multinet.config.set_floatx("float32")


# -- what has a dtype takes them straight ----------------------------------------------

THIRD = np.array([[1 / 3, 2 / 3]])


def test_a_layer_takes_floats_in_its_dtype(backend):
    layer = layers.Identity(dtype="float64")
    for value in (THIRD, THIRD.tolist()):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(value)), THIRD)
    assert ops.dtype(layers.Identity(dtype="float16")(THIRD)) == "float16"
    assert ops.dtype(layers.Identity()(THIRD)) == "float32"


def test_a_layer_keeps_integers(backend):
    assert ops.dtype(layers.Identity(dtype="float16")(np.array([[1, 2]]))) == "int32"
    embedding = layers.Embedding(10, 4)
    for rows in (np.array([[1, 2]]), [[1, 2]]):
        assert ops.shape(embedding(rows)) == (1, 2, 4)


@pytest.mark.parametrize("name", ["MeanSquaredError", "MeanAbsoluteError", "Poisson"])
def test_a_loss_takes_floats_in_its_dtype(backend, name):
    loss = getattr(losses, name)(dtype="float64")
    target = THIRD[:, ::-1] + 1e-9
    formula = {
        "MeanSquaredError": lambda t, p: np.mean((t - p) ** 2),
        "MeanAbsoluteError": lambda t, p: np.mean(np.abs(t - p)),
        "Poisson": lambda t, p: np.mean(p - t * np.log(p + 1e-7)),
    }[name]
    for pair in ((target, THIRD), (target.tolist(), THIRD.tolist())):
        found = ops.convert_to_numpy(loss(*pair))
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, formula(target, THIRD), rtol=1e-14)
    weighted = ops.convert_to_numpy(loss(target, THIRD, np.array([1 / 3])))
    np.testing.assert_allclose(weighted, formula(target, THIRD) / 3, rtol=1e-14)
    assert ops.dtype(getattr(losses, name)()(target, THIRD)) == "float32"


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("MeanSquaredError", lambda t, p: np.mean((t - p) ** 2)),
        ("RootMeanSquaredError", lambda t, p: np.sqrt(np.mean((t - p) ** 2))),
        (
            "R2Score",
            lambda t, p: 1 - np.sum((t - p) ** 2) / np.sum((t - t.mean()) ** 2),
        ),
    ],
)
def test_a_metric_takes_floats_in_its_dtype(backend, name, formula):
    metric = getattr(metrics, name)(dtype="float64")
    target, guess = THIRD.T, THIRD.T[::-1] + 1e-9
    metric.update_state(target, guess)
    found = ops.convert_to_numpy(metric.result())
    np.testing.assert_allclose(found, formula(target, guess), rtol=1e-13)


def test_a_mean_takes_floats_in_its_dtype(backend):
    metric = metrics.Mean(dtype="float64")
    metric.update_state(THIRD, sample_weight=np.array([1 / 7]))
    np.testing.assert_allclose(ops.convert_to_numpy(metric.result()), 0.5, rtol=1e-15)

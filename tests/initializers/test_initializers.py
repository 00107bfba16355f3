"""Initial values: the distribution asked for, equal bit for bit on every backend."""

import inspect
import math

import numpy as np
import pytest

import multinet
from multinet import initializers
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.registry import use_backend
from multinet.seeds import SeedGenerator

RANDOM = [
    ("RandomUniform", {}, (50, 200)),
    ("RandomNormal", {}, (50, 200)),
    ("TruncatedNormal", {}, (50, 200)),
    ("VarianceScaling", {}, (50, 200)),
    ("GlorotUniform", {}, (50, 200)),
    ("GlorotNormal", {}, (50, 200)),
    ("HeUniform", {}, (3, 3, 20, 60)),
    ("HeNormal", {}, (3, 3, 20, 60)),
    ("LecunUniform", {}, (50, 200)),
    ("LecunNormal", {}, (50, 200)),
    ("Orthogonal", {}, (64, 48)),
]
ALL = (
    "Zeros",
    "Ones",
    "Constant",
    "Identity",
    "STFT",
    *(name for name, _, _ in RANDOM),
)


def made(name, shape, backend, dtype=None, **options):
    with use_backend(backend) as chosen:
        value = getattr(initializers, name)(**options)(shape, dtype=dtype)
        return chosen.to_numpy(value)


@pytest.mark.parametrize("name,options,shape", RANDOM)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_values_are_bit_identical_on_every_backend(
    backends, name, options, shape, dtype
):
    wanted = made(name, shape, "numpy", dtype, seed=3, **options)
    assert wanted.shape == shape and wanted.dtype.name == dtype
    for backend in backends:
        found = made(name, shape, backend, dtype, seed=3, **options)
        assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("name,options,shape", RANDOM[:-1])
def test_moments_are_those_of_keras(name, options, shape):
    import keras

    x = made(name, shape, "numpy", seed=5, **options).astype("float64")
    peer = getattr(keras.initializers, name)(seed=5, **options)(shape)
    deviation = np.asarray(peer).std()
    assert abs(x.mean()) < 4 * deviation / math.sqrt(x.size)
    assert x.std() == pytest.approx(deviation, rel=0.03)
    assert np.abs(x).max() == pytest.approx(np.abs(np.asarray(peer)).max(), rel=0.3)


def test_uniform_fills_its_range_evenly():
    x = made("RandomUniform", (20000,), "numpy", minval=2.0, maxval=5.0, seed=1)
    assert x.min() >= 2.0 and x.max() <= 5.0
    counts, _ = np.histogram(x, 10, (2.0, 5.0))
    assert (
        (counts - 2000) ** 2 / 2000
    ).sum() < 27.9  # chi-square, 9 degrees, p = 0.001


def test_glorot_uniform_ends_at_its_limit():
    x = made("GlorotUniform", (100, 300), "numpy", seed=1)
    limit = math.sqrt(6 / 400)
    assert 0.999 * limit < np.abs(x).max() <= limit


def test_normal_passes_a_kolmogorov_smirnov_test():
    from scipy import stats as scipy_stats

    x = made("RandomNormal", (20000,), "numpy", mean=1.0, stddev=2.0, seed=1)
    assert scipy_stats.kstest(x, "norm", (1.0, 2.0)).pvalue > 1e-3
    cut = made("TruncatedNormal", (20000,), "numpy", mean=1.0, stddev=2.0, seed=1)
    assert scipy_stats.kstest(cut, "truncnorm", (-2, 2, 1.0, 2.0)).pvalue > 1e-3


@pytest.mark.parametrize("shape", [(6, 6), (8, 3), (3, 8), (2, 3, 4)])
def test_orthogonal_has_orthonormal_rows_or_columns(backend, shape):
    x = backend.to_numpy(initializers.Orthogonal(gain=2.0, seed=1)(shape))
    flat = x.reshape(-1, shape[-1]).astype("float64") / 2
    small = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    np.testing.assert_allclose(small, np.eye(len(small)), atol=1e-6)


@pytest.mark.parametrize("name,options,shape", RANDOM)
def test_explicit_seed_repeats_itself(name, options, shape):
    initializer = getattr(initializers, name)(seed=7, **options)
    first, second = np.asarray(initializer(shape)), np.asarray(initializer(shape))
    np.testing.assert_array_equal(first, second)
    other = made(name, shape, "numpy", seed=8, **options)
    assert np.abs(first - other).max() > 0


def test_unseeded_initializer_is_new_at_each_call_and_follows_the_global_seed(backend):
    def draws():
        multinet.set_random_seed(11)
        initializer = initializers.get("glorot_uniform")
        again = initializers.get("glorot_uniform")
        return [backend.to_numpy(f((4, 5))) for f in (initializer, initializer, again)]

    first, second = draws(), draws()
    np.testing.assert_array_equal(first, second)
    assert len({x.tobytes() for x in first}) == 3


def test_generator_gives_the_next_values_of_its_stream(backend):
    streams = []
    for _ in range(2):
        initializer = initializers.RandomNormal(seed=SeedGenerator(4))
        streams.append([backend.to_numpy(initializer((3,))) for _ in range(2)])
    np.testing.assert_array_equal(streams[0], streams[1])
    assert np.abs(streams[0][0] - streams[0][1]).max() > 0


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "float64"])
def test_constants_have_the_dtype_asked_for(backend, dtype):
    for initializer, value in (
        ("zeros", 0),
        ("ones", 1),
        (initializers.Constant(3), 3),
    ):
        x = initializers.get(initializer)((2, 3), dtype=dtype)
        assert backend.dtype(x) == dtype
        np.testing.assert_array_equal(
            backend.to_numpy(x), np.full((2, 3), value, dtype)
        )


def test_constant_broadcasts_an_array(backend):
    x = initializers.Constant(np.array([1.0, 2.0]))((3, 2))
    np.testing.assert_array_equal(backend.to_numpy(x), [[1, 2]] * 3)


def test_identity_is_scaled(backend):
    x = initializers.Identity(gain=3.0)((2, 3))
    np.testing.assert_array_equal(backend.to_numpy(x), 3 * np.eye(2, 3))


@pytest.mark.parametrize("side", ["real", "imag"])
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", None])
@pytest.mark.parametrize("scaling", ["density", "spectrum", None])
@pytest.mark.parametrize("periodic", [False, True])
def test_fourier_kernel_is_that_of_keras(side, window, scaling, periodic):
    import keras

    options = (side, window, scaling, periodic)
    found = np.asarray(initializers.STFT(*options)((8, 1, 7)))
    wanted = np.asarray(keras.initializers.STFT(*options)((8, 1, 7)))
    np.testing.assert_allclose(found, wanted, atol=2e-6)


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4), (2, 3, 4, 5)])
@pytest.mark.parametrize("axes", [None, ([0], [1])])
def test_fans_are_those_of_keras(shape, axes):
    from keras.src.initializers.random_initializers import compute_fans

    axes = axes if axes and len(shape) > 1 else (None, None)
    assert initializers.compute_fans(shape, *axes) == compute_fans(shape, *axes)


@pytest.mark.parametrize("name", ALL)
def test_configuration_is_that_of_keras_and_builds_an_equal_one(name):
    import keras

    initializer = getattr(initializers, name)()
    config = initializers.serialize(initializer)
    assert initializers.deserialize(config).get_config() == initializer.get_config()
    theirs = keras.initializers.serialize(getattr(keras.initializers, name)())
    assert theirs["config"].items() <= initializer.get_config().items()
    ours = inspect.signature(getattr(initializers, name)).parameters.values()
    peers = inspect.signature(getattr(keras.initializers, name)).parameters.values()
    assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in peers]


def test_generator_survives_the_configuration():
    config = initializers.serialize(initializers.HeNormal(seed=SeedGenerator(4)))
    again = initializers.deserialize(config)
    assert isinstance(again.seed, SeedGenerator) and again.seed.seed == 4


@pytest.mark.parametrize("name", ["zeros", "he_normal", "HeNormal", "uniform", "one"])
def test_names_of_keras_are_known(name):
    import keras

    mine, theirs = initializers.get(name), keras.initializers.get(name)
    assert type(mine).__name__ == type(theirs).__name__


def test_wrong_arguments_are_explained():
    with pytest.raises(ArgumentError, match="glorot_uniform"):
        initializers.get("glorot_unifrom")
    with pytest.raises(ArgumentError, match="seed"):
        initializers.RandomNormal(seed="x")
    with pytest.raises(DTypeError, match="makes floats"):
        initializers.RandomNormal()((2,), dtype="int32")
    with pytest.raises(ShapeError, match="two axes"):
        initializers.Orthogonal()((2,))


def test_a_tensor_is_the_constant_that_it_holds(real_backend):
    values = np.arange(6, dtype="float32").reshape(2, 3)
    tensor = multinet.ops.convert_to_tensor(values)
    made = initializers.get(tensor)((2, 3))
    np.testing.assert_array_equal(multinet.ops.convert_to_numpy(made), values)
    dense = multinet.layers.Dense(3, kernel_initializer=tensor)
    dense.build((None, 2))
    np.testing.assert_array_equal(dense.kernel.numpy(), values)
    again = multinet.layers.Dense.from_config(dense.get_config())
    again.build((None, 2))
    np.testing.assert_array_equal(again.kernel.numpy(), values)

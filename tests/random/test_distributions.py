"""Random words, keys and distributions: known answers, equality, moments."""

import numpy as np
import pytest
import scipy.stats

from multinet import ops, philox, random, use_backend
from multinet.errors import ArgumentError, DTypeError

NAMES = ("numpy", "jax", "torch", "tensorflow")
KEY = (0x12345678, 0x9ABCDEF0)

# Random123's known answers for philox4x32-10: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (
        (0xFFFFFFFF,) * 4,
        (0xFFFFFFFF,) * 2,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def value(x):
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("counter, key, words", KNOWN)
def test_philox_gives_the_known_answers(counter, key, words):
    assert philox.block(key, counter) == words


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 3, 11), (0, 4)])
@pytest.mark.parametrize("width", [16, 32])
def test_words_are_the_reference_on_every_backend(shape, width, real_backend):
    count = int(np.prod(shape))
    draw = philox.words if width == 32 else philox.half_words
    want = draw(KEY, count).reshape(shape)
    np.testing.assert_array_equal(
        value(real_backend.random_bits(KEY, shape, width)), want
    )
    compiled = real_backend.jit(
        lambda key: (real_backend.random_bits(key, shape, width),), ()
    )
    key = real_backend.argument(KEY, "uint32")
    np.testing.assert_array_equal(value(compiled(key)[0]), want)


def test_derived_keys_are_the_reference(real_backend):
    want = philox.fold_in(KEY, 77)
    key = real_backend.fold_in(real_backend.from_numpy(np.uint32(KEY)), 77)
    np.testing.assert_array_equal(
        value(real_backend.random_bits(key, (9,), 32)), philox.words(want, 9)
    )


EXACT = {
    "uniform": lambda: random.uniform((5, 7), seed=3),
    "symmetric": lambda: random.uniform((5, 7), -0.3, 0.3, seed=3),
    "from zero": lambda: random.uniform((5, 7), 0, 1.7, seed=3),
    "to zero": lambda: random.uniform((5, 7), -1.7, 0, seed=3),
    "float16": lambda: random.uniform((5, 7), -0.1, 0.1, "float16", seed=3),
    "bfloat16": lambda: random.uniform((5, 7), 0, 0.7, "bfloat16", seed=3),
    "float64": lambda: random.uniform((5, 7), -0.3, 0.3, "float64", seed=3),
    "randint": lambda: random.randint((5, 7), -10, 1000, seed=3),
    "wide": lambda: random.randint((5, 7), -(2**31), 2**31 - 1, seed=3),
    "int64": lambda: random.randint((5, 7), 2**40, 2**40 + 2**32, "int64", seed=3),
    "uint8": lambda: random.randint((5, 7), 3, 256, "uint8", seed=3),
    "dropout": lambda: random.dropout(ops.ones((5, 7)), 0.3, seed=3),
    "rows": lambda: random.dropout(ops.ones((5, 7)), 0.3, (5, 1), seed=3),
    "shuffle": lambda: random.shuffle(ops.arange(50), seed=3),
}


@pytest.mark.parametrize("name", EXACT)
def test_draws_are_equal_bit_for_bit_on_every_backend(name):
    results = []
    for backend in NAMES:
        with use_backend(backend) as chosen:
            results.append(value(EXACT[name]()))
            compiled = chosen.jit(lambda: (EXACT[name](),), ())
            results.append(value(compiled()[0]))
    for result in results[1:]:
        assert result.dtype == results[0].dtype
        assert result.tobytes() == results[0].tobytes()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("low, high", [(0, 1), (-1, 1), (0.5, 0.75), (-3, 0), (1, 7.3)])
def test_uniform_stays_in_the_half_open_range(dtype, low, high, backend):
    x = random.uniform((2000,), low, high, dtype, seed=5)
    assert backend.dtype(x) == dtype
    x = value(x).astype("float64")
    kind = value(ops.cast([low, high], dtype)).astype("float64")
    assert (x >= kind[0]).all() and (x < kind[1]).all()
    steps = {"float16": 0.02, "bfloat16": 0.04}.get(dtype, 0.0)
    fit = scipy.stats.kstest(x, scipy.stats.uniform(low, high - low).cdf)
    assert fit.pvalue > 1e-3 or fit.statistic < 0.03 + steps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_normal_follows_the_normal_distribution(dtype, backend):
    x = value(random.normal((40, 250), 3.0, 2.0, dtype, seed=1))
    assert x.dtype == dtype
    assert scipy.stats.kstest(x.reshape(-1), "norm", (3, 2)).pvalue > 1e-3


def test_normals_agree_across_backends():
    results = []
    for backend in NAMES:
        with use_backend(backend):
            results.append(value(random.normal((100,), seed=2)))
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=2e-5, atol=2e-6)


def test_truncated_normal_follows_its_distribution(backend):
    x = value(random.truncated_normal((10000,), 1.0, 0.5, seed=4))
    assert (np.abs(x - 1) <= 1 + 1e-6).all()
    law = scipy.stats.truncnorm(-2, 2, 1.0, 0.5)
    assert scipy.stats.kstest(x, law.cdf).pvalue > 1e-3


def test_randint_is_uniform_over_its_range(backend):
    x = value(random.randint((10000,), -2, 5, seed=8))
    assert x.dtype == np.int32 and set(np.unique(x)) == set(range(-2, 5))
    assert scipy.stats.chisquare(np.bincount(x + 2)).pvalue > 1e-3


def test_randint_is_the_scaled_pair_of_words():
    words = philox.words(philox.make_key(8), 200).astype(object).reshape(100, 2)
    span = 3_000_000_019
    want = [(int(h) << 32 | int(low)) * span >> 64 for h, low in words]
    x = value(random.randint((100,), 0, span, "int64", seed=8))
    np.testing.assert_array_equal(x, np.array(want, "int64"))


def test_categorical_follows_the_probabilities(backend):
    logits = np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-30]]).astype("float32")
    x = value(random.categorical(logits, 4000, seed=6))
    assert x.shape == (2, 4000) and x.dtype == np.int32
    counts = np.bincount(x[0], minlength=3)
    assert scipy.stats.chisquare(counts, [400, 800, 2800]).pvalue > 1e-3
    assert set(np.unique(x[1])) == {0, 1}


def test_shuffle_is_a_permutation_of_slices(backend):
    x = np.arange(40).reshape(20, 2)
    rows = value(random.shuffle(x, seed=1))
    assert sorted(map(tuple, rows)) == sorted(map(tuple, x))
    assert (rows != x).any()
    columns = value(random.shuffle(x.T.copy(), axis=1, seed=1))
    np.testing.assert_array_equal(columns, rows.T)


def test_dropout_keeps_the_mean_and_never_multiplies_infinity(backend):
    x = value(random.dropout(ops.ones((200, 200)), 0.25, seed=9))
    assert set(np.unique(x)) == {0, np.float32(1 / 0.75)}
    assert abs(x.mean() - 1) < 0.01
    infinite = np.full((100,), np.inf, "float32")
    kept = value(random.dropout(infinite, 0.5, seed=9))
    assert set(np.unique(kept)) == {0, np.inf}
    assert value(random.dropout(ops.ones((3,)), 0.0, seed=1)).all()
    assert not value(random.dropout(ops.ones((3,)), 1.0, seed=1)).any()


def test_an_integer_seed_repeats_itself(backend):
    first, second = (value(random.normal((4,), seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (value(random.normal((4,), seed=4)) != first).any()


def test_a_generator_goes_on_and_its_copy_repeats(backend):
    generator = random.SeedGenerator(5)
    first, second = (value(random.uniform((4,), seed=generator)) for _ in range(2))
    assert (first != second).any()
    again = random.SeedGenerator(**generator.get_config())
    np.testing.assert_array_equal(value(random.uniform((4,), seed=again)), first)


def test_the_global_seed_repeats_the_whole_program(backend):
    runs = []
    for _ in range(2):
        random.set_random_seed(11)
        generator = random.SeedGenerator()
        draws = [random.uniform((3,)), random.uniform((3,), seed=generator)]
        runs.append(np.stack([value(d) for d in draws]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()


def test_wrong_arguments_are_explained():
    with pytest.raises(ArgumentError, match="minval < maxval"):
        random.uniform((2,), 1, 1)
    with pytest.raises(ArgumentError, match="within int8"):
        random.randint((2,), 0, 300, "int8")
    with pytest.raises(DTypeError, match="makes floats"):
        random.normal((2,), dtype="int32")
    with pytest.raises(ArgumentError, match="rate"):
        random.dropout(ops.ones((2,)), 1.5)
    with pytest.raises(ArgumentError, match="seed"):
        random.normal((2,), seed="a")

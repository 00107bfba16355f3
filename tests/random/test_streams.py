"""Random streams: each draw has the number that the table of `multinet.streams` says.

The expected numbers are computed here, from Philox on the host, and the numbers of the
table written out.
"""

import numpy as np
import pytest

import multinet
from multinet import layers, ops, philox, random, streams
from multinet.training.clock import StepClock

OTHER, LOOSE, INNER, MODELS = 2**31, 3 * 2**30, 2**31, 2**31
LOOPS = 7 * 2**29
SEED = 11
X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(20, 2)).astype("float32")


def uniform(key, *numbers, count=4):
    """Return the uniform numbers of a key after folding in some numbers."""
    for number in numbers:
        key = philox.fold_in(key, number)
    words = philox.words(key, count) >> np.uint32(8)
    return words.astype("float32") * np.float32(2**-24)


def host(x):
    return np.asarray(ops.convert_to_numpy(x))


def test_the_streams_of_a_site_are_disjoint_and_fit_the_counter():
    for kinds in (
        (streams.TRAINING, streams.OTHER, streams.LOOSE, streams.LOOPS),
        (streams.SITES, streams.MODELS, streams.LOOPS),
    ):
        ordered = sorted(kinds, key=lambda stream: stream.start)
        for before, after in zip(ordered, ordered[1:]):
            assert before.stop <= after.start
        for stream in ordered:
            assert 0 <= stream.start < stream.stop <= 2**32 and stream.step == 1
            ends = (0, 1, len(stream) - 1, len(stream), 5 * len(stream) + 3)
            assert all(streams.number(stream, count) in stream for count in ends)
    draws_of_a_step = range(2**31)
    assert draws_of_a_step.stop <= streams.INNER.start < streams.INNER.stop <= 2**32


def test_a_block_of_draws_does_not_cross_the_end_of_its_stream():
    site = random.SeedGenerator(1)
    site.count = len(streams.LOOSE) - 2
    assert streams.number(streams.LOOSE, streams.reserve(site, 3)) == LOOSE
    assert site.count == len(streams.LOOSE) + 3


def test_the_numbers_of_steps_begin_anew_at_the_end_of_their_stream():
    draws = StepClock()
    for trains, first, size in ((True, 0, 2**31), (False, OTHER, 2**30)):
        for done in (0, 5, size - 3, size - 1, size + 7):
            draws.counts[trains] = done
            want = [first + (done + 1 + i) % size for i in range(6)]
            assert draws.numbers(trains, 6).tolist() == want
            if not trains:
                draws.counts[False] += 1
                assert draws.looked()[0].tolist() == want[:1]


# -- steps -----------------------------------------------------------------------------


class Noise(layers.Layer):
    """Notes the numbers that it draws: two of a generator, two without a seed."""

    def build(self, input_shape):
        self.generator = random.SeedGenerator(5)
        self.seen = self.add_weight((4, 4), "zeros", trainable=False)

    def call(self, inputs):
        draws = []
        for _ in range(2):
            draws.append(random.uniform((4,), seed=self.generator))
            draws.append(random.uniform((4,)))
        self.seen.assign(ops.stack(draws))
        return ops.add(inputs, ops.mean(ops.stack(draws)))


def noisy(kind=multinet.Model, **options):
    multinet.set_random_seed(SEED)
    inputs = multinet.Input((3,))
    model = kind(inputs, layers.Dense(2)(Noise()(layers.Dense(3)(inputs))))
    model.compile("sgd", "mse", **options)
    return model


def expected(step):
    """Return what `Noise` draws in a step of the first model of the seed."""
    generator = philox.make_key(5)
    model = philox.fold_in(philox.make_key(SEED), MODELS)
    return np.stack(
        [
            uniform(generator, step, 0),
            uniform(model, 0, step, 0),
            uniform(generator, step, 1),
            uniform(model, 1, step, 0),
        ]
    )


def seen(model):
    return next(x for x in model.layers if isinstance(x, Noise)).seen.numpy()


class OwnStep(multinet.Model):
    def train_step(self, data):
        x, y = data
        compute = lambda w: self.compute_loss(x, y, self(x, training=True))  # noqa: E731
        loss, grads = multinet.value_and_grad(compute)(self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        return {"loss": loss}


def losses_of(model, way):
    """Return the loss of each of 10 steps of training, without a shuffle."""
    if way == "batches":
        pairs = [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 20, 4)] * 2
        return [_loss(model, *pair) for pair in pairs]
    found = []

    class Losses(multinet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            found.append(logs["loss"])

    for _ in range(10):  # an epoch of one batch has the loss of a step
        i = 4 * (len(found) % 5)
        model.fit(
            X[i : i + 4],
            Y[i : i + 4],
            4,
            shuffle=False,
            verbose=0,
            callbacks=[Losses()],
        )
    return found


def _loss(model, x, y):
    model.reset_metrics()
    return float(model.train_on_batch(x, y))


def test_every_way_to_train_draws_the_numbers_of_its_steps(backend):
    results = []
    for kind, way, options in (
        (multinet.Model, "fit", {}),
        (multinet.Model, "fit", {"run_eagerly": True}),
        (multinet.Model, "batches", {}),
        (OwnStep, "fit", {}),
        (OwnStep, "fit", {"run_eagerly": True}),
        (OwnStep, "batches", {}),
    ):
        model = noisy(kind, **options)
        results.append(losses_of(model, way))
        np.testing.assert_array_equal(seen(model), expected(10))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-5)


@pytest.mark.parametrize("kind", [multinet.Model, OwnStep])
def test_any_number_of_steps_in_a_call_draws_the_same(backend, kind):
    curves = []
    for several in (1, 3, 5):
        model = noisy(kind, steps_per_execution=several)
        history = model.fit(X, Y, 4, epochs=4, verbose=0)
        curves.append(history.history["loss"])
        np.testing.assert_array_equal(seen(model), expected(20))
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-5)
    np.testing.assert_allclose(curves[2], curves[0], rtol=1e-5)


def test_looking_at_a_model_does_not_change_how_it_trains(backend):
    curves = []
    for looks in (False, True):
        model = noisy()
        curve = []
        for _ in range(3):
            if looks:
                model.predict(X, verbose=0)
                model.evaluate(X, Y, verbose=0)
                model.predict(X[:4], verbose=0)
            curve += model.fit(X, Y, 4, verbose=0).history["loss"]
        np.testing.assert_array_equal(seen(model), expected(15))
        curves.append(curve)
    np.testing.assert_array_equal(*curves)


def test_steps_of_predict_and_evaluate_have_their_own_numbers(backend):
    model = noisy()
    model.fit(X, Y, 4, verbose=0)
    for number in (1, 2, 3):
        model.predict(X, batch_size=20, verbose=0)
        np.testing.assert_array_equal(seen(model), expected(OTHER + number))
    model.evaluate(X, Y, batch_size=10, verbose=0)
    np.testing.assert_array_equal(seen(model), expected(OTHER + 5))


def test_a_second_model_draws_other_numbers_without_a_seed(backend):
    first = noisy()
    inputs = multinet.Input((3,))
    second = multinet.Model(inputs, layers.Dense(2)(Noise()(inputs)))
    second.compile("sgd", "mse")
    for model in (first, second):
        model.train_on_batch(X, Y)
    np.testing.assert_array_equal(seen(first)[::2], seen(second)[::2])
    key = philox.fold_in(philox.make_key(SEED), MODELS + 1)
    np.testing.assert_array_equal(seen(second)[1], uniform(key, 0, 1, 0))


class Branching(layers.Layer):
    """Draws in branches and loops, and after them; only one branch draws."""

    def build(self, input_shape):
        self.generator = random.SeedGenerator(5)
        self.flag = self.add_weight((), "zeros", trainable=False)
        self.seen = self.add_weight((6, 4), "zeros", trainable=False)

    def call(self, inputs):
        self.seen.assign(ops.concatenate(draws_of(self.generator, self.flag)))
        self.flag.assign(ops.subtract(1.0, self.flag))
        return ops.add(inputs, ops.mean(self.seen))


def draws_of(generator, flag):
    """Return the draws of a branch, of three iterations, then two plain ones."""

    def draw(*_):
        return random.uniform((4,), seed=generator)

    def twice():
        return ops.add(draw(), ops.multiply(0.0, draw()))

    chosen = ops.cond(ops.greater(flag, 0.5), twice, lambda: ops.zeros((4,)))
    _, rows = ops.scan(lambda c, x: (c, draw()), np.float32(0.0), length=3)
    return [ops.stack([chosen]), rows, ops.stack([draw(), random.uniform((4,))])]


def test_branches_fold_in_their_number_and_loops_the_iteration(backend):
    key = philox.make_key(5)
    for eagerly in (False, True):
        multinet.set_random_seed(SEED)
        layer = Branching()
        model = multinet.Sequential([multinet.Input((3,)), layer, layers.Dense(2)])
        model.compile("sgd", "mse", run_eagerly=eagerly)
        root = philox.fold_in(philox.make_key(SEED), MODELS)
        for step in (1, 2):
            model.train_on_batch(X, Y)
            drawn = layer.seen.numpy()
            branch = uniform(key, step, INNER + 0, 0, 0) if step == 2 else np.zeros(4)
            np.testing.assert_array_equal(drawn[0], branch)
            for i in range(3):
                loop = uniform(key, step, INNER + 1, 0, i)
                np.testing.assert_array_equal(drawn[1 + i], loop)
            np.testing.assert_array_equal(drawn[4], uniform(key, step, 0))
            np.testing.assert_array_equal(drawn[5], uniform(root, 0, step, 0))


def test_loops_of_every_kind_draw_anew_in_each_iteration(backend):
    key = philox.make_key(5)

    def rows(run):
        multinet.set_random_seed(SEED)
        generator = random.SeedGenerator(5)
        return host(run(lambda: random.uniform((4,), seed=generator)))

    def written(table, i, row):
        return ops.where(ops.expand_dims(ops.equal(ops.arange(3), i), 1), row, table)

    zeros = np.zeros((3, 4), "float32")
    runs = {
        "map": lambda draw: ops.map(lambda x: draw(), zeros),
        "vectorized_map": lambda draw: ops.vectorized_map(lambda x: draw(), zeros),
        "fori_loop": lambda draw: ops.fori_loop(
            0, 3, lambda i, table: written(table, i, draw()), zeros
        ),
        "while_loop": lambda draw: ops.while_loop(
            lambda i, table: ops.less(i, 3),
            lambda i, table: (ops.add(i, 1), written(table, i, draw())),
            (np.int32(0), zeros),
        )[1],
    }
    for name, run in runs.items():
        loop = LOOPS + (name == "while_loop")  # its condition is the one before
        want = np.stack([uniform(key, loop, 0, i) for i in range(3)])
        np.testing.assert_array_equal(rows(run), want, err_msg=name)
        compiled = rows(lambda draw, run=run: multinet.jit(lambda: run(draw))())
        np.testing.assert_array_equal(compiled, want, err_msg=name)


# -- loose draws -----------------------------------------------------------------------


def test_loose_draws_are_the_same_with_and_without_jit(backend):
    def program(jit):
        multinet.set_random_seed(SEED)
        a, b = random.SeedGenerator(5), random.SeedGenerator()
        found = []

        def several():
            first = random.uniform((4,), seed=a)
            return [
                first,
                random.uniform((4,), seed=b),
                random.uniform((4,), seed=a),
                random.uniform((4,)),
                random.uniform((4,), seed=3),
            ]

        @jit
        def nested():
            return [*several(), *jit(several)(), random.uniform((4,))]

        several = jit(several)
        for step in range(3):
            found += several()
            found.append(random.uniform((4,), seed=a))  # between compiled calls
            found += nested() if step else several()
            found.append(random.uniform((4,)))
        assert (a.count, b.count) == (19, 8)
        return [host(x) for x in found]

    plain, compiled = program(lambda f: f), program(multinet.jit)
    np.testing.assert_array_equal(plain, compiled)
    a, root = philox.make_key(5), philox.make_key(SEED)
    b = philox.fold_in(root, 1)  # the first site of the seed
    for place, want in (
        (0, uniform(a, LOOSE)),
        (1, uniform(b, LOOSE)),
        (2, uniform(a, LOOSE + 1)),
        (3, uniform(root, 2)),
        (4, uniform(philox.make_key(3))),
        (5, uniform(a, LOOSE + 2)),
        (6, uniform(a, LOOSE + 3)),
        (9, uniform(root, 3)),
        (11, uniform(root, 4)),
    ):
        np.testing.assert_array_equal(compiled[place], want, err_msg=str(place))


def test_loops_and_branches_are_counted_with_and_without_jit(backend):
    def program(jit):
        multinet.set_random_seed(SEED)
        generator = random.SeedGenerator(5)
        function = jit(lambda flag: ops.concatenate(draws_of(generator, flag)[:2]))
        found = []
        for flag in (1.0, 0.0, 1.0):
            found.append(host(function(np.float32(flag))))
            found.append(host(random.uniform((1, 4), seed=generator)))
        return np.concatenate(found)

    plain, compiled = program(lambda f: f), program(multinet.jit)
    np.testing.assert_array_equal(plain, compiled)
    key = philox.make_key(5)
    for call in range(3):
        branch = uniform(key, LOOPS + 2 * call, 0, 0) if call != 1 else np.zeros(4)
        np.testing.assert_array_equal(plain[5 * call], branch)
        for i in range(3):
            row = uniform(key, LOOPS + 2 * call + 1, 0, i)
            np.testing.assert_array_equal(plain[5 * call + 1 + i], row)
        np.testing.assert_array_equal(
            plain[5 * call + 4], uniform(key, LOOSE + 2 * call + 1)
        )


def test_a_loop_that_never_runs_counts_as_where_it_is_compiled(backend):
    found = []
    for jit in (lambda f: f, multinet.jit):
        multinet.set_random_seed(SEED)
        generator = random.SeedGenerator(5)

        def loop(limit, generator=generator):
            def body(i, x):
                return ops.add(i, 1), random.uniform((4,), seed=generator)

            start = (np.int32(0), np.zeros(4, "float32"))
            return ops.while_loop(lambda i, x: ops.less(i, limit), body, start)[1]

        run = jit(loop)
        run(np.int32(0))
        found.append(host(run(np.int32(1))))
    want = uniform(philox.make_key(5), LOOPS + 3, 0, 0)
    np.testing.assert_array_equal(found[0], want)
    np.testing.assert_array_equal(*found)


def test_a_draw_without_a_seed_in_a_loop_follows_the_global_seed(backend):
    def draw(flag):
        return ops.cond(flag, lambda: random.uniform((4,)), lambda: ops.zeros((4,)))

    for function in (draw, multinet.jit(draw)):
        for seed in (SEED, SEED + 1):
            multinet.set_random_seed(seed)
            for i in range(2):
                found = host(function(np.bool_(True)))
                want = uniform(philox.make_key(seed), LOOPS + i, 0, 0)
                np.testing.assert_array_equal(found, want)


def test_a_branch_that_is_not_taken_is_not_run_where_nothing_is_compiled():
    ran = []
    for name in ("numpy", "torch"):
        with multinet.use_backend(name):
            ops.cond(
                ops.greater(np.float32(2.0), 1.0),
                lambda: ops.zeros(()),
                lambda: ran.append(1) or ops.ones(()),
            )
    assert ran == []


def test_set_random_seed_repeats_what_a_compiled_function_draws(backend):
    @multinet.jit
    def draw():
        return random.uniform((4,))

    runs = []
    for seed in (3, 4, 3):
        multinet.set_random_seed(seed)
        runs.append([host(draw()), host(random.uniform((4,))), host(draw())])
        for i, drawn in enumerate(runs[-1]):
            np.testing.assert_array_equal(drawn, uniform(philox.make_key(seed), 1 + i))
    np.testing.assert_array_equal(runs[0], runs[2])


def test_gradients_and_checkpoints_draw_as_the_plain_function_does(backend):
    def program(wrap):
        generator = random.SeedGenerator(5)

        def function(x):
            return ops.sum(ops.multiply(x, random.uniform((4,), seed=generator)))

        grads = [host(multinet.grad(wrap(function))(np.ones(4, "f"))) for _ in range(2)]
        return [*grads, host(random.uniform((4,), seed=generator))]

    key = philox.make_key(5)
    want = [uniform(key, LOOSE + i) for i in range(3)]
    wraps = (
        lambda f: f,
        multinet.jit,
        multinet.checkpoint,
        lambda f: multinet.jit(multinet.checkpoint(f)),
    )
    for wrap in wraps:
        np.testing.assert_allclose(program(wrap), want, rtol=1e-6)


def test_shapes_alone_draw_nothing():
    multinet.set_random_seed(SEED)
    generator = random.SeedGenerator(5)
    layer = layers.Activation(
        lambda x: x + random.uniform((3,)) + random.uniform((3,), seed=generator)
    )
    layer(multinet.Input((3,)))
    layer.compute_output_shape((None, 3))
    assert generator.count == 0
    drawn = host(random.uniform((4,)))
    np.testing.assert_array_equal(drawn, uniform(philox.make_key(SEED), 1))


def test_initial_weights_are_loose_draws_wherever_a_layer_is_built(backend):
    def weights(build):
        multinet.set_random_seed(SEED)
        layer = layers.Dense(3)
        build(layer)
        return layer.kernel.numpy()

    want = weights(lambda layer: layer(X))
    np.testing.assert_array_equal(weights(lambda x: multinet.jit(lambda: x(X))()), want)

    def in_a_step(layer):
        class Own(multinet.Model):
            def predict_step(self, data):
                return layer(data[0] if isinstance(data, tuple) else data)

        model = Own()
        model.compile()
        model.predict(X, verbose=0)

    np.testing.assert_array_equal(weights(in_a_step), want)


def test_the_state_of_a_generator_is_kept_and_set(backend):
    generator = random.SeedGenerator((5 << 32) + 7)
    host(random.uniform((2,), seed=generator))
    state = generator.state
    assert state.dtype == "uint32" and state.tolist() == [7, 5, 1]
    wanted = host(random.uniform((4,), seed=generator))
    other = random.SeedGenerator()
    other.state = state
    np.testing.assert_array_equal(host(random.uniform((4,), seed=other)), wanted)
    with pytest.raises(ValueError, match="shape \\(3,\\)"):
        other.state = state[:2]
    with pytest.raises(ValueError, match="unknown arguments"):
        random.SeedGenerator(1, seeds=2)


def test_the_next_key_is_a_seed(real_backend):
    generator, other = random.SeedGenerator(3), random.SeedGenerator(3)
    first, second = generator.next(), generator.next()
    assert ops.dtype(first) == "uint32" and ops.shape(first) == (2,)
    assert host(first).tolist() != host(second).tolist()
    wanted = [host(random.uniform((4,), seed=other)) for _ in range(2)]
    compiled = multinet.jit(lambda key: random.uniform((4,), seed=key))
    for key, numbers in zip((first, second), wanted):
        np.testing.assert_array_equal(host(random.uniform((4,), seed=key)), numbers)
        np.testing.assert_array_equal(host(compiled(key)), numbers)

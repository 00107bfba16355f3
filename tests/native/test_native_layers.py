"""Functions of the framework in layers: as if they had been written with `ops`."""

import numpy as np
import pytest
from native_functions import BY, OPS, kit

import multinet
from multinet import graph, layers, ops
from multinet.errors import ShapeError, TraceError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(12, 5, 4)).astype("float32")
Y = RNG.normal(size=(12, 1)).astype("float32")


@pytest.fixture
def native(real_backend):
    """Functions of the framework in use."""
    return kit(real_backend.name)


def applied(function, name):
    return layers.Lambda(function, name=name)


def trained(model, x=X, y=Y, epochs=2, **options):
    """The losses of a fit."""
    model.compile(multinet.optimizers.Adam(0.01), "mse", **options)
    fit = model.fit(x, y, batch_size=6, epochs=epochs, shuffle=False, verbose=0)
    return fit.history["loss"]


def alike(makes, shape=(5, 4), x=X, y=Y):
    """Fit models around each layer from the same weights; return the last model."""
    losses = []
    for make in makes:
        multinet.set_random_seed(5)
        given = multinet.Input(shape)
        hidden = make()(layers.Dense(4, name="in")(given))
        hidden = layers.Flatten()(hidden) if None not in hidden.shape[1:] else hidden
        if len(hidden.shape) > 2:
            hidden = layers.GlobalAveragePooling1D()(hidden)
        model = multinet.Model(given, layers.Dense(1, name="out")(hidden))
        losses.append(trained(model, x, y))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    return model


# -- the table -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(12, 5, 4), (None, None, 4)])
def test_shapes_are_those_of_ops(real_backend, shape):
    for name, function in BY[real_backend.name]().items():
        found, expected = (
            applied(f, name)(multinet.Input(batch_shape=shape))
            for f in (function, OPS[name])
        )
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), name
        assert list(map(repr, _forms(found))) == list(map(repr, _forms(expected))), name


def _forms(tensor):
    """The sizes of a tensor, of unknown ones whether they are expressions."""
    return [
        n if isinstance(n, int) else len(repr(n).split()) for n in tensor.array.shape
    ]


def test_a_model_of_all_learns_as_one_of_ops(real_backend):
    losses = []
    for table in (OPS, BY[real_backend.name]()):
        multinet.set_random_seed(1)
        given = multinet.Input((None, 4))
        hidden = layers.Dense(4, "tanh", name="in")(given)
        parts = []
        for name, function in table.items():
            part = applied(function, name)(hidden)
            axes = tuple(range(1, len(part.shape)))
            mean = ops.mean(part, axes) if axes else part
            parts.append(ops.expand_dims(mean, -1))
        output = layers.Dense(1, name="out")(layers.Concatenate(name="all")(parts))
        model = multinet.Model(given, output)
        losses.append(trained(model))
        expected = [f(hidden_of(model)) for f in table.values()]
        for f, y in zip(OPS.values(), expected):
            found = ops.convert_to_numpy(f(hidden_of(model)))
            np.testing.assert_allclose(found, ops.convert_to_numpy(y), 1e-4, 1e-5)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    told = model.explain_step()
    assert "native" in told and "einsum" in told["native"]
    path = {"torch": "replay", "numpy": "planned"}.get(real_backend.name, "jit")
    assert told["path"].startswith(path)


def hidden_of(model):
    return model.get_layer("in")(ops.convert_to_tensor(X))


# -- sizes -----------------------------------------------------------------------------


def test_cuts_and_values_make_sizes_unknown(native):
    given = multinet.Input(batch_shape=(None, None, 4))
    for cut in (slice(40, None), slice(100, None), slice(30)):
        found = applied(lambda x: native.tanh(x)[:, cut], "cut")(given)  # noqa: B023
        assert found.shape == (None, None, 4)
        assert found.array.shape[1] not in given.array.shape
    flat = multinet.Input(batch_shape=(6, 4))
    if multinet.backend.backend() != "jax":  # whose sizes never depend on values
        assert applied(native.rows, "rows")(flat).shape == (None, 4)
    assert applied(lambda x: native.tanh(x)[:, 9:], "none")(flat).shape == (6, 0)


@pytest.mark.parametrize("name", ["numpy", "torch"])  # where shapes come of values
def test_functions_that_need_some_values_find_them(name):
    import torch

    if name == "torch":
        factor, table = torch.linalg.cholesky, torch.ones(1, 2)
    else:
        factor, table = np.linalg.cholesky, np.ones((1, 2), "float32")
    with multinet.use_backend(name):
        given = multinet.Input(batch_shape=(3, 4, 4))
        assert applied(factor, "factor")(given).shape == (3, 4, 4)
        indices = multinet.Input((5,), dtype="int32")
        found = applied(lambda x: table[x], "row")(indices)
        assert found.shape == (None, 5, 2)


# -- layers around native code ---------------------------------------------------------


def block(native):
    """A layer with parts, statistics, draws and a loss."""

    class Block(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = layers.Dense(6, activation=native.relu, name="dense")
            self.norm = layers.BatchNormalization(name="norm")
            self.drop = layers.Dropout(0.4, seed=7, name="drop")

        def call(self, inputs, training=None):
            hidden = native.tanh(self.dense(inputs))
            hidden = self.norm(hidden, training=training)
            self.add_loss(0.1 * native.average(native.square(hidden)))
            return self.drop(native.sigmoid(hidden), training=training)

    return Block


class ByOps:
    """The same functions, by `ops`."""

    relu, tanh, sigmoid = ops.relu, ops.tanh, ops.sigmoid
    average, square, product = ops.mean, ops.square, ops.matmul


def test_parts_statistics_draws_and_losses(native):
    makes = [lambda f=f: block(f)(name="block") for f in (ByOps, native)]
    model = alike(makes)
    part = model.get_layer("block")
    assert sorted(v.path for v in part.weights) == [
        *("block/dense/bias", "block/dense/kernel", "block/norm/beta"),
        *("block/norm/gamma", "block/norm/moving_mean", "block/norm/moving_variance"),
    ]
    assert {"block", "dense"} <= set(model.explain_step()["native"].split(", "))
    assert np.abs(part.norm.moving_mean.numpy()).max() > 0


def test_building_changes_no_statistics_and_no_draws(native):
    def states(functions):
        multinet.set_random_seed(5)
        part = block(functions)(name="block")
        part(multinet.Input((5, 4)), training=True)
        weights = [v.numpy() for v in part.weights]
        return [*weights, multinet.random.normal((3,)), part.drop.seed_generator.next()]

    for found, expected in zip(states(native), states(ByOps), strict=True):
        found, expected = map(ops.convert_to_numpy, (found, expected))
        np.testing.assert_array_equal(found, expected)


def test_nested_layers_and_models(native):
    def outer(functions):
        class Outer(multinet.Model):
            def __init__(self, **options):
                super().__init__(**options)
                self.inner = block(functions)(name="inner")
                self.last = layers.Dense(3, name="last")

            def call(self, inputs, training=None):
                hidden = self.inner(inputs, training=training)
                return functions.tanh(self.last(hidden))

        return Outer(name="outer")

    alike([lambda: outer(ByOps), lambda: outer(native)])


def test_masks_go_in_and_out(native):
    def masked(functions):
        class Weighing(layers.Layer):
            def __init__(self, **options):
                super().__init__(**options)
                self.supports_masking = True

            def call(self, inputs, mask=None):
                return functions.tanh(inputs) * ops.cast(mask, "float32")[..., None]

        return multinet.Sequential(
            [
                layers.Masking(),
                Weighing(name="weighing"),
                layers.GlobalAveragePooling1D(),
            ],
            name="masked",
        )

    x = X.copy()
    x[:, 3:] = 0
    alike([lambda: masked(ByOps), lambda: masked(native)], x=x)
    given = multinet.Input((5, 4))
    part = masked(native).layers[1]
    assert part(layers.Masking()(given))._keras_mask.shape == (None, 5)


def test_cells_of_recurrent_layers(native):
    def cell(functions):
        class Cell(layers.Layer):
            state_size = output_size = 3

            def build(self, input_shape):
                self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")
                self.built = True

            def call(self, inputs, states, training=None):
                hidden = functions.tanh(ops.matmul(inputs, self.kernel) + states[0])
                return hidden, [hidden]

        return layers.RNN(Cell(name="cell"), return_sequences=True, name="rnn")

    alike([lambda f=f: cell(f) for f in (ByOps, native)], shape=(None, 4))


def test_losses_metrics_and_activations(native):
    def loss(functions):
        def own(y_true, y_pred):
            return functions.average(functions.square(y_true - y_pred))

        return own

    found = []
    for functions in (ByOps, native):
        multinet.set_random_seed(2)
        model = multinet.Sequential(
            [multinet.Input((4,)), layers.Dense(3, functions.relu), layers.Dense(1)]
        )
        own = loss(functions)
        model.compile("sgd", own, metrics=[own])
        found.append(model.fit(X[:, 0], Y, verbose=0, shuffle=False).history)
    assert list(found[0]) == list(found[1]) == ["loss", "own"]
    for name in found[0]:
        np.testing.assert_allclose(found[0][name], found[1][name], rtol=1e-5)


def test_steps_of_users_and_functions_that_are_compiled(native):
    def stepping(functions):
        class Stepping(multinet.Model):
            def __init__(self):
                super().__init__(name="stepping")
                self.dense = layers.Dense(1, name="dense")
                self.drop = layers.Dropout(0.5, seed=4, name="drop")

            def call(self, inputs, training=None):
                return self.dense(self.drop(inputs, training=training))

            def train_step(self, data):
                x, y = data

                def loss_of(weights):
                    error = functions.tanh(self(x, training=True) - y)
                    return functions.average(functions.square(error))

                weights = self.trainable_variables
                loss, grads = multinet.value_and_grad(loss_of)(weights)
                self.optimizer.apply(grads, weights)
                return {"loss": loss}

        multinet.set_random_seed(8)
        return Stepping()

    losses = [trained(stepping(f), X[:, 0], Y) for f in (ByOps, native)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    seed = multinet.random.SeedGenerator(3)

    def drawn(x):
        return native.tanh(x) + multinet.random.normal((4,), seed=seed)

    compiled = multinet.jit(drawn)
    found = [ops.convert_to_numpy(compiled(X[0, 0])) for _ in range(2)]
    seed = multinet.random.SeedGenerator(3)
    tensor = ops.convert_to_tensor(X[0, 0])
    plain = [ops.convert_to_numpy(drawn(tensor)) for _ in range(2)]
    np.testing.assert_allclose(found, plain, rtol=1e-6)


def test_functions_given_to_ops(native):
    given = multinet.Input((4,))
    mapped = multinet.Model(given, ops.map(native.tanh, given))
    np.testing.assert_allclose(
        mapped.predict(X[:, 0], verbose=0), np.tanh(X[:, 0]), 1e-5
    )


# -- errors ----------------------------------------------------------------------------


def test_errors_of_users_keep_their_words(native):
    def mine(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="'mine'"):
        applied(mine, "mine")(multinet.Input((4,)))
    with pytest.raises(KeyError, match="'mine'"):
        applied(lambda x: mine(native.tanh(x)), "later")(multinet.Input((4,)))
    with pytest.raises(ShapeError, match="matmul") as caught:
        applied(lambda x: ops.matmul(native.tanh(x), np.ones((3, 2))), "odd")(
            multinet.Input((4,))
        )
    assert "odd" not in str(caught.value)
    with pytest.raises(Exception, match="4|shape|size|matri|dimension") as caught:
        applied(lambda x: native.product(x, native.tanh(x)), "wrong")(
            multinet.Input((3, 4))
        )
    assert "SymbolicArray" not in str(caught.value)


def test_a_graph_that_is_captured_has_none_of_it(native):
    model = multinet.Sequential([multinet.Input((4,)), layers.Dense(2, native.tanh)])
    with pytest.raises((TypeError, ValueError, AttributeError, TraceError)):
        graph.capture(model)

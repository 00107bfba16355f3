"""Recurrent layers against Keras 3: masks, states, cells, wrappers, dropout."""

import json

import keras as peer
import numpy as np
import pytest
from layer_cases import data
from references import compiled, without_draws

import multinet
from multinet import layers, ops, optimizers
from multinet.errors import ArgumentError, ShapeError
from multinet.registry import use_backend
from multinet.scope import Scope

X = data((3, 5, 4))
MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 0], [0, 0, 1, 1, 1]], bool)
KINDS = {
    "LSTM": {},
    "GRU": {},
    "GRU before": {"reset_after": False},
    "SimpleRNN": {},
    "LSTM plain": {"recurrent_activation": "hard_sigmoid"},
    "GRU plain": {"recurrent_activation": "hard_sigmoid", "reset_after": False},
}
kinds = pytest.mark.parametrize("kind", KINDS)


def numpy(tree):
    """Return the tensors of a result as a list of NumPy arrays."""
    parts = tree if isinstance(tree, list | tuple) else [tree]
    return [ops.convert_to_numpy(part) for part in parts]


class Reference:
    """A layer of Keras with given weights, and its results: compiling it is slow."""

    known = {}

    def __init__(self, layer, shape):
        with without_draws():
            layer.build(shape)
        rng = np.random.default_rng(3)
        self.weights = [
            rng.normal(0, 0.5, w.shape).astype("float32") for w in layer.weights
        ]
        layer.set_weights(self.weights)
        self.layer, self.results = layer, {}

    def __call__(self, x, **options):
        """Return the tensors of its result as a list of NumPy arrays."""
        key = repr((x.shape, options))
        if key not in self.results:
            tree = compiled(lambda x: self.layer(x, **options))(x)
            parts = tree if isinstance(tree, list | tuple) else [tree]
            self.results[key] = [np.asarray(part) for part in parts]
        return self.results[key]


def near(found, wanted, tolerance=1e-5):
    """Check that two lists of arrays agree."""
    assert [x.shape for x in found] == [x.shape for x in wanted]
    for x, y in zip(found, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def twins(make, key, shape=X.shape):
    """Return our layer and a reference with its weights; `make` takes a module."""
    if key not in Reference.known:
        Reference.known[key] = Reference(make(peer.layers), shape)
    other, mine = Reference.known[key], make(layers)
    mine.build(shape)
    mine.set_weights(other.weights)
    return mine, other


def pair(kind, **options):
    """Return our layer and a reference with its weights."""
    name, options = kind.split()[0], {**KINDS[kind], **options}
    return twins(lambda m: getattr(m, name)(3, **options), f"{name} {options}")


def ours(kind, **options):
    """Return our layer with the weights of its kind."""
    layer = getattr(layers, kind.split()[0])(3, **KINDS[kind], **options)
    layer.build(X.shape)
    rng = np.random.default_rng(3)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.weights])
    return layer


# -- masks and states ------------------------------------------------------------------


@kinds
@pytest.mark.parametrize("backwards", [False, True])
def test_masked_steps_keep_the_state_and_the_output(backend, kind, backwards):
    options = {"return_sequences": True, "return_state": True}
    mine, other = pair(kind, go_backwards=backwards, **options)
    near(numpy(mine(X, mask=MASK)), other(X, mask=MASK))
    mine, other = pair(kind, go_backwards=backwards, zero_output_for_mask=True)
    near(numpy(mine(X, mask=MASK)), other(X, mask=MASK))


@kinds
def test_masked_steps_can_give_zeros(backend, kind):
    mine, other = pair(kind, return_sequences=True, zero_output_for_mask=True)
    found = numpy(mine(X, mask=MASK))
    near(found, other(X, mask=MASK))
    assert not found[0][~MASK].any()


@kinds
def test_values_at_masked_steps_do_not_matter(backend, kind):
    mine = ours(kind)
    spoiled = np.where(MASK[..., None], X, np.nan).astype("float32")
    near(numpy(mine(spoiled, mask=MASK)), numpy(mine(X, mask=MASK)), 1e-6)


@kinds
def test_an_initial_state_is_where_the_sequence_starts(backend, kind):
    count = 2 if kind.startswith("LSTM") else 1
    start = [data((3, 3), seed) for seed in range(count)]
    mine, other = pair(kind, return_state=True)
    near(
        numpy(mine(X, initial_state=start)),
        other(X, initial_state=start),
    )
    first = numpy(mine(X[:, :2]))
    rest = mine(X[:, 2:], initial_state=first[1:])
    near(numpy(rest), numpy(mine(X)))


@kinds
def test_a_mask_given_by_a_layer_before_reaches_the_loop(backend, kind):
    mine, other = pair(kind)
    hidden = np.where(MASK[..., None], X, 0.0).astype("float32")
    x = multinet.Input(batch_shape=X.shape)
    model = multinet.Model(x, mine(layers.Masking()(x)))
    near([model.predict(hidden, verbose=0)], other(X, mask=MASK))


def test_a_mask_goes_on_with_sequences_and_ends_with_states():
    layer = layers.LSTM(2, return_sequences=True, return_state=True)
    assert layer.compute_mask(X, MASK)[0] is MASK
    assert layer.compute_mask(X, MASK)[1:] == [None, None]
    assert layers.GRU(2).compute_mask(X, MASK) is None
    assert layers.Bidirectional(layers.GRU(2)).compute_mask(X, MASK) is None


@kinds
def test_a_stateful_layer_goes_on_where_it_ended(backend, kind):
    name = kind.split()[0]
    mine = getattr(layers, name)(3, stateful=True, **KINDS[kind])
    whole = ours(kind)
    mine.build((3, None, 4))
    mine.set_weights(whole.get_weights())
    mine(X[:, :2])
    near(numpy(mine(X[:, 2:])), numpy(whole(X)))
    assert len(mine.weights) == len(whole.weights)
    assert [tuple(v.shape) for v in mine.states] == [(3, 3)] * len(mine.states)
    mine.reset_state()
    near(numpy(mine(X)), numpy(whole(X)))


def test_predict_carries_the_states_of_a_stateful_layer(backend):
    x = multinet.Input(batch_shape=(3, None, 4))
    stateful = layers.GRU(2, stateful=True)
    model = multinet.Model(x, stateful(x))
    plain = layers.GRU(2)
    plain.build(X.shape)
    plain.set_weights(stateful.get_weights())
    model.predict(X[:, :3], verbose=0, batch_size=3)
    found = model.predict(X[:, 3:], verbose=0, batch_size=3)
    near([found], numpy(plain(X)))
    stateful.reset_state()
    near([model.predict(X, verbose=0, batch_size=3)], numpy(plain(X)))


def test_fit_carries_the_states_of_a_stateful_layer(backend):
    x = multinet.Input(batch_shape=(3, 5, 4))
    layer = layers.LSTM(2, stateful=True)
    model = multinet.Model(x, layer(x))
    model.compile(optimizers.SGD(0.0), "mse")
    twice = np.concatenate([X, X])
    model.fit(twice, np.zeros((6, 2), "float32"), 3, shuffle=False, verbose=0)
    plain = layers.LSTM(2, return_state=True)
    plain.build(X.shape)
    plain.set_weights(layer.get_weights())
    wanted = numpy(plain(np.concatenate([X, X], axis=1)))[1:]
    near([v.numpy() for v in layer.states], wanted)


# -- the loop --------------------------------------------------------------------------


@kinds
def test_unrolled_loops_and_loops_over_the_cell_give_the_same(backend, kind):
    mine = ours(kind, return_sequences=True)
    options = [{"unroll": True}]
    options += [] if kind == "SimpleRNN" else [{"use_cudnn": False}]
    for option in options:
        other = ours(kind, return_sequences=True, **option)
        for mask in (None, MASK):
            near(numpy(other(X, mask=mask)), numpy(mine(X, mask=mask)))


@kinds
def test_a_layer_over_its_cell_is_that_layer(backend, kind):
    name = kind.split()[0]
    mine = ours(kind)
    cell = getattr(layers, f"{name}Cell")(3, **KINDS[kind])
    loop = layers.RNN(cell)
    loop.build(X.shape)
    loop.set_weights(mine.get_weights())
    near(numpy(loop(X)), numpy(mine(X)))
    states = cell.get_initial_state(batch_size=3)
    for i in range(5):
        output, states = cell(X[:, i], states)
    near(numpy(output), numpy(mine(X)))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "GRU before"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_gradient_of_one_backward_pass_is_that_of_the_loop(backend, kind, masked):
    """The fused kernels of backends serve first-order derivatives only."""
    found = []
    for option in ({}, {"use_cudnn": False}):
        mine = ours(kind, return_sequences=True, return_state=True, **option)
        found.append(_gradients(backend, mine, MASK if masked else None))
    near(*found, tolerance=3e-5)


def _gradients(backend, layer, mask):
    values = [weight.value for weight in layer.weights]
    mask = None if mask is None else backend.from_numpy(mask)
    start = [backend.from_numpy(data((3, 3), 9 + i)) for i in layer.state_size]
    factors = [data((3, 5, 3), 5), data((3, 3), 6), data((3, 3), 7)]
    factors = [backend.from_numpy(f) for f in factors]

    def loss(x, *values):
        weights, state = values[: len(layer.weights)], values[len(layer.weights) :]
        with Scope(layer.weights, weights):
            outputs = layer(x, initial_state=list(state), mask=mask, training=True)
        total = backend.full((), 0.0, "float32")
        for y, factor in zip(outputs, factors):
            axes = tuple(range(len(backend.shape(y))))
            product = backend.sum(backend.multiply(y, factor), axes, False)
            total = backend.add(total, product)
        return (total,)

    def run(*values):
        return backend.value_and_grad(loss, values)[2]

    arguments = (backend.from_numpy(X), *values, *start)
    return [backend.to_numpy(g) for g in backend.jit(run, ())(*arguments)]


class Adder(layers.Layer):
    """A cell of the user's own: the state adds up a projection."""

    state_size = 3

    def build(self, input_shape):
        """Create the projection."""
        self.kernel = self.add_weight((input_shape[-1], 3), "ones", name="kernel")

    def call(self, inputs, states):
        """Return the sum so far, twice it as the output."""
        total = ops.add(states[0], ops.matmul(inputs, self.kernel))
        return ops.multiply(total, 2.0), [total]


def test_a_cell_of_the_user_runs(backend):
    layer = layers.RNN(Adder(), return_sequences=True, return_state=True)
    outputs, state = numpy(layer(X))
    sums = np.cumsum(X.sum(-1), 1)[..., None] * np.ones(3)
    near([outputs, state], [2 * sums, sums[:, -1]])


def test_stacked_cells_are_those_of_keras(backend):
    def make(module):
        cells = [module.LSTMCell(3), module.GRUCell(2), module.SimpleRNNCell(4)]
        return module.RNN(cells, return_sequences=True)

    mine, other = twins(make, "stacked")
    near(numpy(mine(X)), other(X))
    near(numpy(mine(X, mask=MASK)), other(X, mask=MASK))
    assert mine.compute_output_shape((None, 5, 4)) == (None, 5, 4)
    states = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True)
    found = states(X)
    assert [len(s) for s in found[1:]] == [2, 1]


# -- dropout ---------------------------------------------------------------------------


@kinds
def test_dropout_is_one_mask_for_all_steps(backend, kind):
    mine = ours(kind, dropout=0.5, seed=1, return_sequences=True, use_bias=False)
    ones = np.ones((3, 5, 4), "float32")
    with Scope(mine.weights, [w.value for w in mine.weights], step=4):
        (first,) = numpy(mine(ones, training=True))
    with Scope(mine.weights, [w.value for w in mine.weights], step=4):
        (again,) = numpy(mine(ones, training=True))
    with Scope(mine.weights, [w.value for w in mine.weights], step=5):
        (other,) = numpy(mine(ones, training=True))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    near(
        numpy(mine(ones)),
        numpy(ours(kind, return_sequences=True, use_bias=False)(ones)),
    )


def test_dropout_masks_scale_what_they_keep(backend):
    mine = layers.SimpleRNN(
        4, activation=None, kernel_initializer="identity", dropout=0.25, seed=3
    )
    mine.build((64, 1, 4))
    (found,) = numpy(mine(np.ones((64, 1, 4), "float32"), training=True))
    values = set(np.round(np.unique(found), 5))
    assert values == {np.float32(0.0), np.round(np.float32(4 / 3), 5)}
    assert 0.15 < (found == 0).mean() < 0.35


@kinds
def test_recurrent_dropout_drops_the_state_alone(backend, kind):
    mine = ours(kind, recurrent_dropout=0.5, seed=2)
    plain = ours(kind)
    near(numpy(mine(X[:, :1], training=True)), numpy(plain(X[:, :1])))
    changed = numpy(mine(X, training=True))[0] - numpy(plain(X))[0]
    assert np.abs(changed).max() > 1e-3
    near(numpy(mine(X)), numpy(plain(X)))


def test_dropout_is_equal_on_every_backend():
    found = []
    for name in ("numpy", "jax", "torch", "tensorflow"):
        with use_backend(name):
            mine = ours("GRU", dropout=0.3, recurrent_dropout=0.4, seed=5)
            found.append(numpy(mine(X, training=True)))
    for other in found[1:]:
        near(other, found[0], 1e-6)


# -- wrappers --------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("sequences", [False, True])
def test_bidirectional_is_that_of_keras(backend, mode, sequences):
    def make(module):
        layer = module.LSTM(3, return_sequences=sequences, return_state=True)
        return module.Bidirectional(layer, merge_mode=mode)

    mine, other = twins(make, f"bidirectional {mode} {sequences}")
    for mask in (None, MASK):
        near(numpy(mine(X, mask=mask)), other(X, mask=mask))
    start = [data((3, 3), seed) for seed in range(4)]
    near(
        numpy(mine(X, initial_state=start)),
        other(X, initial_state=start),
    )
    shapes = mine.compute_output_shape((None, 5, 4))
    assert [s[1:] for s in shapes] == [x.shape[1:] for x in numpy(mine(X))]
    names = (mine.forward_layer.name, mine.backward_layer.name)
    assert [n.split("_")[0] for n in names] == ["forward", "backward"]


def test_bidirectional_takes_another_layer_for_the_way_back(backend):
    def make(module):
        back = module.GRU(2, go_backwards=True, return_sequences=True)
        layer = module.SimpleRNN(3, return_sequences=True)
        return module.Bidirectional(layer, backward_layer=back)

    mine, other = twins(make, "bidirectional of two")
    near(numpy(mine(X)), other(X))
    with pytest.raises(ArgumentError, match="go_backwards"):
        layers.Bidirectional(layers.GRU(2), backward_layer=layers.GRU(2))


def test_time_distributed_is_that_of_keras(backend):
    def make(module):
        return module.TimeDistributed(module.Dense(3, activation="tanh"))

    mine, other = twins(make, "dense in time")
    near(numpy(mine(X)), other(X))
    assert mine.compute_output_shape((None, None, 4)) == (None, None, 3)
    image = data((2, 3, 5, 5, 2))
    mine, other = twins(
        lambda m: m.TimeDistributed(m.Conv2D(3, 2)), "images in time", image.shape
    )
    near(numpy(mine(image)), other(image))


def test_time_distributed_steps_one_after_the_other_through_moments(backend):
    mine = layers.TimeDistributed(layers.BatchNormalization())
    other = peer.layers.TimeDistributed(peer.layers.BatchNormalization())
    mine.build(X.shape), other.build(X.shape)
    wanted = np.asarray(other(X, training=True))
    near(numpy(mine(X, training=True)), [wanted], 1e-4)
    near(mine.get_weights(), other.get_weights())


def test_time_distributed_hands_the_mask_of_each_step_on(backend):
    class Kept(layers.Layer):
        """Zeros where the mask is false."""

        def call(self, inputs, mask=None):
            """Return masked inputs."""
            return ops.where(ops.expand_dims(mask, -1), inputs, 0.0)

    found = layers.TimeDistributed(Kept())(X, mask=MASK)
    near(numpy(found), [np.where(MASK[..., None], X, 0)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.RNN(layers.GRUCell(2, dropout=0.1), return_sequences=True),
        lambda: layers.RNN([layers.LSTMCell(2), layers.SimpleRNNCell(3)]),
        lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="sum"),
        lambda: layers.TimeDistributed(layers.Dense(2, activation="relu")),
        lambda: layers.LSTMCell(2, unit_forget_bias=False),
    ],
)
def test_a_configuration_of_nested_layers_survives_json(make):
    layer = make()
    text = json.dumps(layer.get_config())
    again = type(layer).from_config(json.loads(text))
    assert json.dumps(again.get_config()) == text
    shape = (3, 4) if isinstance(layer, layers.LSTMCell) else X.shape
    layer.build(shape), again.build(shape)
    again.set_weights(layer.get_weights())
    if shape == X.shape:
        near(numpy(again(X)), numpy(layer(X)), 1e-6)


# -- training and errors ---------------------------------------------------------------


def _losses(backend, wide):
    with use_backend(backend):
        multinet.random.set_random_seed(4)
        model = multinet.Sequential(
            [
                layers.Input((6, 4)),
                layers.LSTM(8, return_sequences=True, dropout=0.1),
                layers.Bidirectional(layers.GRU(5)),
                layers.Dense(3),
            ]
        )
        loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.Adam(0.01), loss)
        x, y = data((64, 6, 4)), np.arange(64) % 3
        history = model.fit(x, y, 16, epochs=3, verbose=0)
    return history.history["loss"]


def test_a_model_trains_alike_on_every_backend():
    wanted = _losses("numpy", True)
    assert wanted[-1] < wanted[0]
    for name in ("jax", "torch", "tensorflow"):
        np.testing.assert_allclose(_losses(name, True), wanted, rtol=1e-4)


def test_the_forget_gate_starts_open():
    layer = layers.LSTM(2)
    layer.build((None, 3, 4))
    np.testing.assert_array_equal(layer.weights[2].numpy(), [0, 0, 1, 1, 0, 0, 0, 0])
    assert layer.units == 2 and layer.unit_forget_bias
    with pytest.raises(AttributeError, match="reset_after"):
        _ = layer.reset_after_all


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(ArgumentError, match="units"):
        layers.LSTM(0)
    with pytest.raises(ArgumentError, match="dropout"):
        layers.GRU(2, dropout=1.5)
    with pytest.raises(ArgumentError, match="state_size"):
        layers.RNN(layers.Dense(2))
    with pytest.raises(ArgumentError, match="use_cudnn"):
        layers.LSTM(2, use_cudnn="maybe")
    with pytest.raises(ArgumentError, match="use_cudnn"):
        layers.LSTM(2, activation="relu", use_cudnn=True)(X)
    with pytest.raises(ShapeError, match="batch, time, features"):
        layers.LSTM(2)(X[0])
    with pytest.raises(ShapeError, match="batch size"):
        layers.GRU(2, stateful=True)(multinet.Input((5, 4)))
    with pytest.raises(ShapeError, match="a batch of 2"):
        layer = layers.GRU(2, stateful=True)
        layer(X)
        layer(X[:2])
    with pytest.raises(ArgumentError, match="2 initial states"):
        layers.LSTM(2)(X, initial_state=[data((3, 2))])
    with pytest.raises(ShapeError, match="initial states of shape"):
        layers.GRU(2)(X, initial_state=[data((3, 4))])
    with pytest.raises(ShapeError, match="unknown number of steps"):
        layers.SimpleRNN(2, unroll=True)(multinet.Input((None, 4)))
    with pytest.raises(ShapeError, match="three axes"):
        layers.TimeDistributed(layers.Dense(2))(X[0])
    with pytest.raises(ShapeError, match="mask of shape"):
        layers.TimeDistributed(layers.Dense(2))(X, mask=MASK[:, :2])
    with pytest.raises(ArgumentError, match="merge_mode"):
        layers.Bidirectional(layers.GRU(2), merge_mode="max")
    layer = layers.LSTM(2)
    layer(X)
    with pytest.raises(ShapeError, match="built on other data"):
        layer(data((3, 5, 6)))

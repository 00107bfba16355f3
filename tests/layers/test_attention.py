"""Attention layers under masks, with scores, causal and with dropout."""

import keras as peer
import numpy as np
import pytest
from layer_cases import apply, data
from references import without_draws

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

Q, V = data((2, 4, 6)), data((2, 5, 6), 1)
GIVEN = np.random.default_rng(3).random((2, 4, 5)) > 0.4
GIVEN[:, :, 0] = True  # each query may see something
QUERY = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool)
VALUE = np.array([[1, 1, 1, 0, 0], [1, 1, 0, 1, 1]], bool)

MULTI = ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3})
GROUPED = (
    "GroupQueryAttention",
    {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2},
)
heads = pytest.mark.parametrize("case", [MULTI, GROUPED], ids=["multi", "grouped"])


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def both(case, **options):
    """Return our layer of a case and that of Keras, with equal weights."""
    name, arguments = case
    ours = getattr(layers, name)(**arguments, **options)
    theirs = getattr(peer.layers, name)(**arguments, **options)
    ours.build((2, 4, 6), (2, 5, 6))
    with without_draws():
        theirs.build((2, 4, 6), (2, 5, 6))
    rng = np.random.default_rng(5)
    weights = [rng.normal(size=w.shape).astype("float32") for w in ours.weights]
    ours.set_weights(weights), theirs.set_weights(weights)
    return ours, theirs


def same(mine, wanted):
    """Compare results, tuples of them entry by entry."""
    if not isinstance(wanted, tuple):
        mine, wanted = (mine,), (wanted,)
    for x, y in zip(mine, wanted, strict=True):
        np.testing.assert_allclose(numpy(x), y, rtol=2e-5, atol=1e-5)


@heads
@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, GIVEN, GIVEN[:1], GIVEN[0]], ids=np.shape)
def test_masks_scores_and_causality_are_those_of_keras(
    backend, case, scores, causal, mask
):
    ours, theirs = both(case)
    options = {"use_causal_mask": causal, "return_attention_scores": scores}
    if mask is not None:
        options["attention_mask"] = mask
    same(ours(Q, V, **options), theirs(Q, V, **options))


@heads
def test_masks_of_the_inputs_keep_what_they_hide_from_being_seen(backend, case):
    ours, _ = both(case)
    whole = numpy(ours(Q, V, query_mask=QUERY, value_mask=VALUE))
    hidden = np.where(VALUE[..., None], V, 99.0).astype("float32")
    other = numpy(ours(Q, hidden, query_mask=QUERY, value_mask=VALUE))
    np.testing.assert_allclose(whole[QUERY], other[QUERY], rtol=1e-5, atol=1e-6)
    assert not np.allclose(whole[QUERY], numpy(ours(Q, V))[QUERY], atol=1e-3)
    # A mask for each head is merged with them too.
    number = 2 if case is MULTI else 4
    per_head = np.broadcast_to(GIVEN[:, None], (2, number, 4, 5))
    merged = GIVEN & VALUE[:, None]
    shown = merged.any(-1)
    mine = numpy(ours(Q, V, value_mask=VALUE, attention_mask=per_head))
    alone = numpy(ours(Q, V, attention_mask=merged))
    np.testing.assert_allclose(mine[shown], alone[shown], rtol=1e-5, atol=1e-6)


@heads
def test_the_fused_path_gives_what_the_scores_give(backend, case):
    ours, _ = both(case)
    options = {"use_causal_mask": True, "attention_mask": GIVEN}
    outputs, scores = ours(Q, V, return_attention_scores=True, **options)
    np.testing.assert_allclose(
        numpy(ours(Q, V, **options)), numpy(outputs), rtol=1e-5, atol=1e-6
    )
    allowed = GIVEN & np.tri(4, 5, dtype=bool)
    total = numpy(scores).sum(-1)
    np.testing.assert_allclose(total, np.ones_like(total), rtol=1e-5)
    assert not numpy(scores)[:, 0][~allowed].any()


@heads
def test_dropout_of_attention_is_that_of_keras_at_rest_and_random_in_training(
    backend, case
):
    ours, theirs = both(case, dropout=0.4, seed=3)
    blind = GIVEN.copy()
    blind[0, 2] = False  # this query sees nothing
    same(ours(Q, V, attention_mask=blind), theirs(Q, V, attention_mask=blind))
    rest, first, second = (
        numpy(ours(Q, V, training=mode)) for mode in (False, True, True)
    )
    assert not np.allclose(first, rest) and not np.allclose(first, second)
    many = np.repeat(Q[:1], 2, axis=0)
    draws = [numpy(ours(many, V, training=True)) for _ in range(300)]
    spread = np.std(draws, axis=0) / np.sqrt(300)
    expected = numpy(ours(many, V, training=False))
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) < 6 * spread + 1e-6)


def test_attention_over_other_axes_takes_masks_as_that_of_keras(backend):
    x = data((2, 3, 4, 6))
    arguments = {"num_heads": 2, "key_dim": 3, "attention_axes": (2,)}
    ours = layers.MultiHeadAttention(**arguments)
    theirs = peer.layers.MultiHeadAttention(**arguments)
    ours.build(x.shape, x.shape), theirs.build(x.shape, x.shape)
    theirs.set_weights(ours.get_weights())
    mask = np.random.default_rng(0).random((2, 3, 4, 4)) > 0.3
    options = {"attention_mask": mask, "return_attention_scores": True}
    same(ours(x, x, **options), theirs(x, x, **options))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_attention_of_one_head_is_that_of_keras_under_masks(backend, name, causal):
    ours, theirs = getattr(layers, name)(), getattr(peer.layers, name)()
    options = {"mask": [QUERY, VALUE], "use_causal_mask": causal}
    options["return_attention_scores"] = True
    ours([Q, V]), theirs([Q, V])
    theirs.set_weights(ours.get_weights())
    same(ours([Q, V], **options), theirs([Q, V], **options))
    same(ours([Q, V], mask=[None, VALUE]), theirs([Q, V], mask=[None, VALUE]))


def test_a_symbolic_call_with_scores_has_both_shapes():
    q, v = multinet.Input((4, 6)), multinet.Input((5, 6))
    outputs, scores = layers.MultiHeadAttention(2, 3)(
        q, v, return_attention_scores=True
    )
    assert outputs.shape == (None, 4, 6) and scores.shape == (None, 2, 4, 5)


def test_the_projections_are_initialized_by_their_inputs_and_outputs():
    multinet.set_random_seed(0)
    layer = layers.MultiHeadAttention(8, 16)
    layer.build((None, 4, 64), (None, 4, 64))
    query, _, key, *_ = layer.get_weights()
    limit = np.sqrt(6 / (64 + 128))  # Glorot: 64 inputs, 8 * 16 outputs
    assert 0.98 * limit < np.abs(query).max() <= limit
    assert not np.array_equal(query, key)


WRONG = [
    (lambda: layers.MultiHeadAttention(0, 3), "num_heads"),
    (lambda: layers.MultiHeadAttention(2, 3, value_dim=0), "value_dim"),
    (lambda: layers.MultiHeadAttention(2, 3, attention_axes="1"), "attention_axes"),
    (lambda: layers.MultiHeadAttention(2, 3, sliding_window=0), "sliding_window"),
    (
        lambda: layers.MultiHeadAttention(2, 3, dropout=0.1, flash_attention=True),
        "flash_attention",
    ),
    (lambda: layers.GroupQueryAttention(2, 3, 2), "multiple"),
    (lambda: layers.Attention(score_mode="cos"), "score_mode"),
    (lambda: layers.Attention()(Q), "query, value"),
]


@pytest.mark.parametrize("make, word", WRONG)
def test_wrong_options_are_explained(make, word):
    with pytest.raises(ArgumentError, match=word):
        make()


def test_keys_and_values_of_different_lengths_are_refused():
    with pytest.raises(ShapeError, match="equal lengths"):
        layers.MultiHeadAttention(2, 3)(Q, V, Q)
    layer = layers.MultiHeadAttention(2, 3, flash_attention=True)
    with pytest.raises(ArgumentError, match="no scores"):
        layer(Q, V, return_attention_scores=True)
    assert numpy(apply(layer, [Q, V])).shape == Q.shape


@pytest.mark.parametrize(
    "name, options",
    [
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 3}),
        (
            "GroupQueryAttention",
            {"head_dim": 3, "num_query_heads": 2, "num_key_value_heads": 1},
        ),
    ],
)
def test_activities_are_penalized_where_keras_does_it(backend, name, options):
    x = np.random.default_rng(0).normal(size=(3, 4, 6)).astype("float32")
    ours, theirs = (
        getattr(place.layers, name)(
            **options, activity_regularizer=place.regularizers.L2(0.1)
        )
        for place in (multinet, peer)
    )
    theirs(x, x)
    ours(x, x)
    ours.set_weights(theirs.get_weights())
    ours(x, x)
    found = sorted(float(ops.convert_to_numpy(loss)) for loss in ours.losses)
    wanted = sorted(float(np.asarray(loss)) for loss in theirs.losses)
    np.testing.assert_allclose(found, wanted, rtol=1e-4)

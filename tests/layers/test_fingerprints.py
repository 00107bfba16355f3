"""Fingerprints of texts against those of TensorFlow."""

import numpy as np
import pytest
import tensorflow as tf

from multinet.layers.preprocessing import fingerprints

RNG = np.random.default_rng(0)
TEXTS = [RNG.bytes(n) for n in [*range(200), 256, 511, 512, 1000] for _ in range(2)]
LARGE = 2**62  # bins


def bins(found):
    return (found % np.uint64(LARGE)).astype(np.int64)


def test_farmhash_is_that_of_tensorflow_at_each_length():
    expected = tf.strings.to_hash_bucket_fast(TEXTS, LARGE).numpy()
    np.testing.assert_array_equal(bins(fingerprints.farmhash(TEXTS)), expected)


@pytest.mark.parametrize("key", [(137, 42), (0, 0), (-1, 2**62)])
def test_siphash_is_that_of_tensorflow_at_each_length(key):
    expected = tf.strings.to_hash_bucket_strong(TEXTS, LARGE, key=list(key)).numpy()
    np.testing.assert_array_equal(bins(fingerprints.siphash(TEXTS, key)), expected)


def test_fingerprints_of_no_texts_are_none():
    assert fingerprints.farmhash([]).shape == (0,)


def test_joined_fingerprints_are_those_of_crossed_columns():
    texts = np.array(["A", "B", "long" * 30])
    numbers = np.array([101, -3, 2**40])
    columns = [tf.constant(texts[:, None]), tf.constant(numbers[:, None])]
    crossed = tf.sparse.to_dense(tf.sparse.cross_hashed(columns, LARGE)).numpy()[:, 0]
    found = np.full(3, 0xDECAFCAFFE, np.uint64)
    for each in (fingerprints.farmhash([x.encode() for x in texts]), numbers):
        found = fingerprints.joined(found, each.view(np.uint64))
    np.testing.assert_array_equal(bins(found), crossed)

"""The digits in the wheel are those of scikit-learn, split without loss."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import multinet
from multinet.datasets import digits
from multinet.errors import ArgumentError


def test_the_images_are_the_uci_digits_each_once():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert x_train.dtype == y_train.dtype == np.uint8
    ours = np.column_stack(
        [
            np.concatenate([x_train, x_test]).reshape(1797, 64),
            np.concatenate([y_train, y_test]),
        ]
    )
    peer = load_digits()
    theirs = np.column_stack([peer.data, peer.target]).astype(np.uint8)
    np.testing.assert_array_equal(
        ours[np.lexsort(ours.T)], theirs[np.lexsort(theirs.T)]
    )


def test_the_split_follows_the_seed():
    first, again = digits.load_data(seed=1), digits.load_data(seed=1)
    other = digits.load_data(seed=2)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    assert not np.array_equal(first[0][0], other[0][0])
    assert len(digits.load_data(test_split=0)[1][0]) == 0
    with pytest.raises(ArgumentError, match="test_split"):
        digits.load_data(test_split=1)


def test_to_categorical_is_one_hot():
    np.testing.assert_array_equal(
        multinet.utils.to_categorical([[0], [2]]), [[1, 0, 0], [0, 0, 1]]
    )
    assert multinet.utils.to_categorical([0], 4).shape == (1, 4)
    with pytest.raises(ArgumentError, match=r"labels within \[0, 2\)"):
        multinet.utils.to_categorical([2], 2)

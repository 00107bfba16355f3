"""Inputs and outputs in dicts: a list has the order of declaration, or is refused."""

import warnings

import numpy as np
import pytest

from multinet import Input, Model, layers, ops
from multinet.errors import ArgumentError

RNG = np.random.default_rng(9)
FIRST, SECOND = RNG.normal(size=(2, 4, 3)).astype("float32")


def difference(nested=False):
    """Return first - second, declared against the order of the alphabet."""
    first, second = Input((3,), name="z"), Input((3,), name="a")
    inputs = {"z": first, "a": second}
    return Model(
        {"m": inputs} if nested else inputs, layers.Subtract()([first, second])
    )


@pytest.mark.parametrize("again", [False, True], ids=["made", "from config"])
def test_a_list_has_the_order_in_which_a_dict_was_declared(real_backend, again):
    model = difference()
    model = Model.from_config(model.get_config()) if again else model
    for given in ([FIRST, SECOND], (FIRST, SECOND), {"a": SECOND, "z": FIRST}):
        found = real_backend.to_numpy(model(given))
        np.testing.assert_array_equal(found, FIRST - SECOND)
        found = model.predict(given, verbose=0)
        np.testing.assert_array_equal(found, FIRST - SECOND)


def test_another_structure_with_a_meaning_is_told_once(backend):
    words = "structure of `inputs` doesn't match.*'z': 'z'.*order in which its keys"
    for given in ([FIRST, SECOND], {"z": FIRST, "a": SECOND, "more": FIRST}):
        model = difference()
        with pytest.warns(UserWarning, match=words) as told:
            model(given)
            model(given)
            model.predict(given, verbose=0)
        assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        difference()({"a": SECOND, "z": FIRST})
        first, second = Input((3,), name="z"), Input((3,), name="a")
        pair = Model([first, second], layers.Subtract()([first, second]))
        pair((FIRST, SECOND))
        pair({"a": SECOND, "z": FIRST})


def test_a_dict_for_a_list_goes_by_the_names_of_the_inputs(real_backend):
    first, second = Input((3,), name="z"), Input((3,), name="a")
    model = Model([first, second], layers.Subtract()([first, second]))
    found = model.predict({"a": SECOND, "z": FIRST}, verbose=0)
    np.testing.assert_array_equal(found, FIRST - SECOND)


def test_masks_go_with_the_inputs_of_a_list(real_backend):
    first, second = Input((3, 1), name="z"), Input((3, 1), name="a")
    pool = layers.GlobalAveragePooling1D()
    model = Model({"z": first, "a": second}, ops.stack([pool(first), pool(second)], 1))
    masking = layers.Masking()
    data = (
        np.array([[[1], [0], [4]]], "float32"),
        np.array([[[0], [0], [6]]], "float32"),
    )
    outer = [Input((3, 1)), Input((3, 1))]
    whole = Model(outer, model([masking(x) for x in outer]))
    np.testing.assert_allclose(whole.predict(data, verbose=0)[0, :, 0], [2.5, 6])


@pytest.mark.parametrize(
    "given",
    [
        [FIRST, SECOND],
        {"m": {"z": FIRST, "b": SECOND}},
        {"n": [FIRST, SECOND]},
        {"z": FIRST, "a": SECOND, "m": FIRST},
    ],
    ids=["flat", "other key", "other dict", "one level up"],
)
def test_another_structure_is_refused(real_backend, given):
    with pytest.raises(ArgumentError, match="inputs"):
        difference(nested=True)(given)


def both():
    inputs = Input((3,))
    ones, zeros = (layers.Dense(1, kernel_initializer=k) for k in ("ones", "zeros"))
    return Model(inputs, {"z": ones(inputs), "a": zeros(inputs)})


TARGETS = {"z": FIRST[:, :1], "a": SECOND[:, :1]}
LISTS = {
    "y": {"y": list(TARGETS.values())},
    "sample_weight": {"sample_weight": [np.ones(4), np.ones(4)]},
    "loss": {"loss": ["mse", "mae"]},
    "loss_weights": {"loss_weights": [1.0, 2.0]},
    "metrics": {"metrics": [["mse"], ["mae"]]},
}


@pytest.mark.parametrize("what", LISTS)
def test_lists_for_a_dict_of_outputs_are_refused(real_backend, what):
    model, given = both(), {"y": TARGETS, "loss": "mse", **LISTS[what]}
    fitted = {k: given.pop(k) for k in ("y", "sample_weight") if k in given}
    model.compile("sgd", **given)
    with pytest.raises(
        ArgumentError, match=rf"keys \['z', 'a'\]: give {what} as a dict"
    ):
        model.fit(FIRST, **fitted, verbose=0)


def test_a_dict_for_a_dict_of_outputs_goes_by_its_keys(real_backend):
    model = both()
    model.compile("sgd", {"a": "mae", "z": "mse"}, loss_weights={"z": 1.0, "a": 10.0})
    logs = model.evaluate(FIRST, TARGETS, verbose=0, return_dict=True)
    mse = ((FIRST.sum(1) - FIRST[:, 0]) ** 2).mean()
    mae = np.abs(SECOND[:, 0]).mean()
    found = [logs[name] for name in ("loss", "z_loss", "a_loss")]
    np.testing.assert_allclose(found, [mse + 10 * mae, mse, mae], rtol=1e-5)

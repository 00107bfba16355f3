"""Models in `.h5` files go to Keras 3 and come from it, and are as safe as the rest."""

import h5py
import keras
import numpy as np
import pytest
from file_models import data, own_classes, trained

import multinet
from multinet import Input, Model, Sequential, layers, losses, saving
from multinet.errors import ArgumentError, FileError

MODELS = ("two_inputs_and_outputs_with_shared_layers", "own_layer_and_loss")

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* is in the format of Keras 2"),
    pytest.mark.usefixtures("registry"),  # the models register classes
]


def arrays(K, variables):
    return [np.asarray(K.ops.convert_to_numpy(variable)) for variable in variables]


def assert_same(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def predictions(model, name):
    found = model.predict(data(name)[0], verbose=0)
    return found if isinstance(found, list) else [found]


def assert_near(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_keras_reads_a_model(name, backend, tmp_path):
    model = trained(multinet, name)
    model.save(tmp_path / "model.h5")
    own_classes(keras)
    keras.utils.clear_session()
    theirs = keras.saving.load_model(tmp_path / "model.h5")
    assert_same(arrays(keras, theirs.weights), arrays(multinet, model.weights))
    assert_near(predictions(theirs, name), predictions(model, name))
    assert type(theirs.optimizer).__name__ == type(model.optimizer).__name__


@pytest.mark.parametrize("name", MODELS)
def test_training_goes_on_as_if_nothing_was_saved(name, backend, tmp_path):
    model = trained(multinet, name)
    model.save(tmp_path / "model.h5")
    again = saving.load_model(tmp_path / "model.h5")
    assert_same(
        arrays(multinet, again.optimizer.variables),
        arrays(multinet, model.optimizer.variables),
    )
    x, y = data(name)
    logs = [m.fit(x, y, shuffle=False, verbose=0).history for m in (model, again)]
    for key, values in logs[0].items():
        np.testing.assert_allclose(values, logs[1][key], rtol=1e-6)
    assert_same(arrays(multinet, again.weights), arrays(multinet, model.weights))


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_keras_is_read(name, backend, tmp_path):
    theirs = trained(keras, name)
    theirs.save(tmp_path / "model.h5")
    own_classes(multinet)
    model = saving.load_model(tmp_path / "model.h5")
    for part in ("weights", "optimizer.variables"):
        owner, _, inner = part.rpartition(".")
        lists = [getattr(getattr(m, owner, m), inner) for m in (model, theirs)]
        assert_same(arrays(multinet, lists[0]), arrays(keras, lists[1]))
    assert_near(predictions(model, name), predictions(theirs, name))
    fresh = trained(multinet, name)
    fresh.set_weights([np.zeros_like(w) for w in fresh.get_weights()])
    fresh.load_weights(tmp_path / "model.h5")
    assert_same(arrays(multinet, fresh.weights), arrays(keras, theirs.weights))


def test_a_subclass_comes_back_here(backend, tmp_path):
    model = trained(multinet, "a_subclass_with_nested_lists")
    model.save(tmp_path / "model.h5")
    again = saving.load_model(tmp_path / "model.h5")
    name = "a_subclass_with_nested_lists"
    assert_near(predictions(again, name), predictions(model, name))


def dense(*names):
    inner = [layers.Dense(2, name=name) for name in names or ("out",)]
    return Sequential([Input((3,)), *inner], name="model")


def test_losses_and_metrics_given_by_name_are_objects_that_keras_reads(tmp_path):
    model = dense()
    model.compile("sgd", "mse", metrics=["mae", "accuracy"], weighted_metrics=["AUC"])
    model.save(tmp_path / "model.h5")
    theirs = keras.saving.load_model(tmp_path / "model.h5")
    assert type(theirs.loss) is keras.losses.MeanSquaredError
    assert theirs.compiled
    again = saving.load_model(tmp_path / "model.h5")
    assert type(again.loss) is losses.MeanSquaredError
    x, y = np.ones((4, 3), "float32"), np.eye(4, 2, dtype="float32")
    logs = again.evaluate(x, y, verbose=0, return_dict=True)
    assert {"mae", "accuracy"} < set(logs)


def test_what_compile_got_is_left_out_on_demand(tmp_path):
    model = dense()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.h5", include_optimizer=False)
    again = saving.load_model(tmp_path / "model.h5")
    assert not again.compiled
    assert_same(again.get_weights(), model.get_weights())
    with h5py.File(tmp_path / "model.h5") as file:
        assert sorted(file) == ["model_weights"]
        assert "training_config" not in file.attrs


def test_long_lists_of_names_are_split_as_keras_splits_them(tmp_path):
    names = [f"layer_{i}_{'x' * 30000}" for i in range(3)]
    model = dense(*names)
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        read = keras.src.legacy.saving.legacy_h5_format.load_attributes_from_hdf5_group
        assert "layer_names0" in file["model_weights"].attrs
        assert read(file["model_weights"], "layer_names") == names
    again = saving.load_model(tmp_path / "model.h5")
    assert [layer.name for layer in again.layers] == names
    assert_same(again.get_weights(), model.get_weights())


def test_a_name_too_long_for_the_format_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="at most 64512 bytes, got one of 65000"):
        dense("x" * 65000).save(tmp_path / "model.h5")


def test_variables_of_one_path_get_names_of_their_own(tmp_path):
    names = ("w", "w", "w/b", "v/b", "v")

    class Twice(layers.Layer):
        def build(self, shape):
            self.all = [self.add_weight((2,), name=n) for n in names]

        def call(self, x):
            return x * sum(self.all)

    model = Sequential([Input((2,)), Twice(name="twice")], name="model")
    model.set_weights([np.full(2, i, "float32") for i in range(5)])
    model.save(tmp_path / "model.h5")
    again = saving.load_model(tmp_path / "model.h5", {"Twice": Twice})
    assert_same(again.get_weights(), model.get_weights())


def test_a_file_is_not_overwritten_and_is_whole_after_an_error(tmp_path):
    path = tmp_path / "model.h5"
    dense().save(path)
    before = path.read_bytes()
    with pytest.raises(ArgumentError, match="overwrite=False"):
        dense().save(path, overwrite=False)
    half = Sequential([Input((3,)), layers.Dense(2, dtype="bfloat16", name="half")])
    with pytest.raises(ArgumentError, match="half/kernel is bfloat16.*Name the file"):
        half.save(path)
    x = Input((2,))
    twins = Model(x, layers.Dense(2, name="a")(layers.Dense(2, name="b")(x)))
    twins.layers[2].name = twins.layers[1].name
    with pytest.raises(ArgumentError, match="two are called 'b'"):
        twins.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model.h5"]


def test_the_format_is_told_to_be_the_older_one(tmp_path):
    with pytest.warns(UserWarning, match="format of Keras 2"):
        dense().save(tmp_path / "model.hdf5")


def test_links_on_the_way_to_a_layer_are_not_followed(tmp_path):
    secret, path = tmp_path / "secret.h5", tmp_path / "model.h5"
    dense().save(secret)
    dense().save(path)
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        group["away"] = h5py.ExternalLink(str(secret), "/model_weights")
        group.attrs["layer_names"] = [b"away/out"]
    for read in (saving.load_model, dense().load_weights):
        with pytest.raises(FileError, match="is a link to another place"):
            read(path)

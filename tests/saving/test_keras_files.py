"""Models go to Keras in a file and come from it: weights, and training that goes on."""

import file_models
import keras
import numpy as np
import pytest

import multinet

PAIRS = {"to Keras": (multinet, keras), "from Keras": (keras, multinet)}
NAMES = pytest.mark.parametrize("name", file_models.MODELS)


@pytest.fixture(autouse=True)
def known(registry):
    """Forget the classes that a test registers, in Keras too."""
    theirs = keras.saving.get_custom_objects()
    before = dict(theirs)
    yield
    theirs.clear()
    theirs.update(before)


def array(x):
    return np.asarray(x.numpy() if hasattr(x, "numpy") else x).astype("float64")


def trained(K, name):
    """Return a model of a library that has been trained for two steps."""
    K.utils.set_random_seed(1)
    model = file_models.MODELS[name][0](K)
    x, y = file_models.data(name)
    model.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0)
    return model


def tolerances(name):
    """Return those of losses and of outputs; numbers of bfloat16 have three digits."""
    return (5e-2, 3e-2) if name == "weights_in_half_precision" else (1e-4, 1e-5)


@NAMES
@pytest.mark.parametrize("way", PAIRS)
def test_a_model_passes_from_one_library_to_the_other(
    name, way, real_backend, tmp_path
):
    writer, reader = PAIRS[way]
    of_losses, of_outputs = tolerances(name)
    path, (x, y) = tmp_path / "model.keras", file_models.data(name)
    written = trained(writer, name)
    if reader is keras:
        file_models.own_classes(keras)
    else:
        file_models.own_classes(multinet)
    written.save(path)
    read = reader.saving.load_model(path)

    assert len(read.weights) == len(written.weights)
    for have, want in zip(read.weights, written.weights):
        assert np.array_equal(array(have), array(want)), want.path
    have, want = read.optimizer.variables, written.optimizer.variables
    assert len(have) == len(want)
    for mine, theirs in zip(have, want):
        np.testing.assert_allclose(array(mine), array(theirs), rtol=1e-6)
    for mine, theirs in zip(outputs(read, x), outputs(written, x)):
        np.testing.assert_allclose(mine, theirs, rtol=of_outputs, atol=of_outputs)
    losses = [
        each.fit(x, y, batch_size=4, epochs=1, shuffle=False, verbose=0).history["loss"]
        for each in (read, written)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=of_losses)
    for mine, theirs in zip(outputs(read, x), outputs(written, x)):
        np.testing.assert_allclose(mine, theirs, rtol=1e-2, atol=of_losses)


def outputs(model, x):
    """Return the predictions, a list."""
    found = model.predict(x, verbose=0)
    return found if isinstance(found, list) else [found]

"""ModelCheckpoint: which files are written and what is in them, beside Keras."""

import keras
import numpy as np
import pytest

import multinet
from multinet import MultinetError, callbacks, saving

X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X @ np.array([[1.0], [2.0], [-1.0]], "float32")

OPTIONS = {
    "each epoch": {},
    "the best": {"save_best_only": True, "monitor": "loss"},
    "the largest": {"save_best_only": True, "monitor": "loss", "mode": "max"},
    "above a threshold": {
        "save_best_only": True,
        "monitor": "loss",
        "initial_value_threshold": 1e-9,
    },
    "every 4 batches": {"save_freq": 4},
    "every 8 batches": {"save_freq": 8},
}


def names(K, folder, epochs=3, options=None, **fit):
    """Return the files that a training writes."""
    model = K.Sequential([K.Input((3,)), K.layers.Dense(1, kernel_initializer="ones")])
    model.compile(K.optimizers.SGD(0.05), "mse")
    end = "{epoch}" if "save_freq" in (options or {}) else "{epoch}-{loss:.3f}"
    name = str(folder / f"m-{end}.keras")
    callback = K.callbacks.ModelCheckpoint(name, **(options or {}))
    fit = {"batch_size": 4, "epochs": epochs, "shuffle": False, "verbose": 0, **fit}
    model.fit(X, Y, callbacks=[callback], **fit)
    return model, sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("name", OPTIONS)
def test_the_files_are_those_of_keras(name, tmp_path):
    found = []
    for K in (multinet, keras):
        folder = tmp_path / K.__name__
        folder.mkdir()
        found.append(names(K, folder, options=OPTIONS[name])[1])
    assert found[0] == found[1]


def test_the_last_file_has_the_model(backend, tmp_path):
    model, files = names(multinet, tmp_path)
    assert len(files) == 3
    read = saving.load_model(tmp_path / files[-1])
    for have, want in zip(read.weights, model.weights, strict=True):
        assert np.array_equal(have.numpy(), want.numpy())
    assert int(read.optimizer.iterations.numpy()) == 18


def test_batches_are_counted_over_epochs_however_many_a_call_does(tmp_path):
    seen = []

    class Noting(multinet.Sequential):
        def save(self, path, **options):
            seen.append(int(self.optimizer.iterations.numpy()))

    model = Noting([multinet.Input((3,)), multinet.layers.Dense(1)])
    model.compile("sgd", "mse")
    callback = callbacks.ModelCheckpoint(tmp_path / "m.keras", save_freq=4)
    model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[callback])
    assert seen == [4, 8, 12, 16]


def test_the_oldest_are_deleted_and_others_kept(tmp_path):
    (tmp_path / "m-9.keras").write_text("of somebody else")
    _, files = names(multinet, tmp_path, epochs=5, options={"max_to_keep": 2})
    assert len(files) == 3 and "m-9.keras" in files
    assert [name.partition("-")[2][0] for name in files] == ["4", "5", "9"]


def test_weights_alone(backend, tmp_path):
    model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])
    model.compile("sgd", "mse")
    path = tmp_path / "sub" / "w.weights.h5"
    model.fit(
        X,
        Y,
        verbose=0,
        callbacks=[callbacks.ModelCheckpoint(path, save_weights_only=True)],
    )
    before = model.get_weights()
    model.set_weights([np.zeros_like(w) for w in before])
    model.load_weights(path)
    assert all(map(np.array_equal, model.get_weights(), before))


@pytest.mark.parametrize(
    "arguments,words",
    [
        ({"filepath": "m.h5"}, "end in .keras"),
        ({"filepath": "m.keras", "save_weights_only": True}, "end in .weights.h5"),
        ({"filepath": "m.keras", "save_freq": 0}, "save_freq"),
        ({"filepath": "m.keras", "save_freq": "batch"}, "save_freq"),
        ({"filepath": "m.keras", "max_to_keep": 0}, "max_to_keep"),
        ({"filepath": "m.keras", "mode": "best"}, "mode"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments, words):
    with pytest.raises(MultinetError, match=words):
        callbacks.ModelCheckpoint(**arguments)


def test_a_field_that_is_not_logged_is_named(tmp_path):
    callback = callbacks.ModelCheckpoint(tmp_path / "m-{val_loss}.keras")
    model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(MultinetError, match="'val_loss'.*there are.*'loss'"):
        model.fit(X, Y, verbose=0, callbacks=[callback])


def test_the_best_needs_a_direction(tmp_path):
    model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])

    def odd(y_true, y_pred):
        return multinet.ops.mean(y_pred, axis=-1)

    model.compile("sgd", "mse", metrics=[odd])
    callback = callbacks.ModelCheckpoint(
        tmp_path / "m.keras", monitor="odd", save_best_only=True
    )
    with pytest.raises(MultinetError, match="mode='max'"):
        model.fit(X, Y, verbose=0, callbacks=[callback])


def test_a_model_is_saved_where_the_value_is_not_logged(tmp_path):
    for K in (multinet, keras):
        path = tmp_path / f"{K.__name__}.keras"
        model = K.Sequential([K.Input((2,)), K.layers.Dense(1)])
        model.compile("sgd", "mse")
        kept = K.callbacks.ModelCheckpoint(
            str(path), "unknown", save_best_only=True, mode="min"
        )
        with pytest.warns(UserWarning):
            model.fit(np.ones((2, 2)), np.ones((2, 1)), callbacks=[kept], verbose=0)
        assert path.exists()

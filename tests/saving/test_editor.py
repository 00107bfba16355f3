"""`KerasFileEditor` against Keras's own, on the same files and the same edits."""

import hostile_files
import keras
import numpy as np
import pytest

from multinet import Input, MultinetError, Sequential, layers
from multinet.saving import KerasFileEditor

THEIRS = keras.saving.KerasFileEditor


def file(folder, ending):
    """Write a file of a small compiled model."""
    found = [
        layers.Dense(3, name="first"),
        layers.BatchNormalization(),
        layers.Dense(2),
    ]
    model = Sequential([Input((4,)), *found])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    path = folder / f"m.{ending}"
    model.save(path) if ending == "keras" else model.save_weights(path)
    return path


def same(ours, theirs):
    """Assert that two editors hold the same weights under the same names."""
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        if isinstance(value, dict):
            same(value, theirs[key])
        else:
            np.testing.assert_array_equal(value, theirs[key])


def edit(editor):
    """Do one edit of each kind.

    By whole paths where Keras takes a plain name for one that is there twice.
    """
    kernel = np.arange(6, dtype="float32").reshape(2, 3)
    editor.rename_object("layers/dense_1", "dense_7")
    editor.rename_object("layers/dense", new_name="dense_9")
    editor.delete_object("layers/batch_normalization")
    editor.add_object("layers/dense", weights={"0": kernel})
    editor.add_weights("layers/dense", {"1": np.zeros(3, "float32")})
    editor.add_weights("layers/dense_7", {"1": np.ones(2, "float32")})
    editor.delete_weight("layers/dense_9", "1")


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_the_same_edits_give_the_same_weights_as_in_keras(ending, tmp_path):
    path = file(tmp_path, ending)
    ours, theirs = KerasFileEditor(path), THEIRS(str(path))
    same(ours.weights_dict, theirs.weights_dict)
    assert (ours.config, ours.metadata) == (theirs.config, theirs.metadata)
    edit(ours)
    edit(theirs)
    same(ours.weights_dict, theirs.weights_dict)
    saved = [tmp_path / "ours.weights.h5", tmp_path / "theirs.weights.h5"]
    ours.save(saved[0])
    theirs.save(saved[1])
    for one, other in (saved, saved[::-1]):  # each opens what the other wrote
        same(KerasFileEditor(one).weights_dict, THEIRS(str(other)).weights_dict)


def test_an_edited_file_loads_here_and_in_keras(tmp_path):
    editor = KerasFileEditor(file(tmp_path, "weights.h5"))
    editor.delete_object("optimizer")
    editor.delete_object("layers/batch_normalization")
    path = tmp_path / "edited.weights.h5"
    editor.resave_weights(path)
    kernel = editor.weights_dict["layers"]["dense"]["0"]
    ours = Sequential([Input((4,)), layers.Dense(3), layers.Dense(2)])
    k = keras.layers
    theirs = keras.Sequential([keras.Input((4,)), k.Dense(3), k.Dense(2)])
    for model in (ours, theirs):
        model.load_weights(path)
        np.testing.assert_array_equal(model.get_weights()[0], kernel)


def test_compare_counts_what_differs(tmp_path, capsys):
    editor = KerasFileEditor(file(tmp_path, "keras"))
    editor.delete_object("optimizer")
    norm, dense = layers.BatchNormalization, layers.Dense
    fitting = Sequential([Input((4,)), dense(3), norm(), dense(2)])
    assert editor.compare(fitting) == {
        "status": "success",
        "error_count": 0,
        "match_count": 8,
    }
    other = Sequential([Input((4,)), dense(3), dense(5), dense(2)])
    # The second Dense has other shapes, the third and the norm are in one of the two.
    found = editor.compare(other)
    assert found == {"status": "error", "error_count": 4, "match_count": 2}
    assert "/layers/dense_2 is in the model, not in the file" in capsys.readouterr().out


def test_summary_shows_names_shapes_and_dtypes(tmp_path, capsys):
    editor = KerasFileEditor(file(tmp_path, "keras"))
    editor.summary()
    told = capsys.readouterr().out
    assert "dense ('first')" in told and "0: shape=(4, 3), dtype=float32" in told


WRONG = {
    "in the file not. editor.summary": lambda e: e.delete_object("layers/none"),
    "more than once": lambda e: e.delete_object("0"),
    "a name, without slashes": lambda e: e.rename_object("dense", "layers/x"),
    "already": lambda e: e.rename_object("dense", "dense_1"),
    "a 'dense' already": lambda e: e.add_object("layers/dense", {}),
    "'none' is in the file not": lambda e: e.add_object("none/dense", {}),
    "weights as a dict": lambda e: e.add_weights("dense", [1]),
    "has no weight '9'": lambda e: e.delete_weight("dense", "9"),
    "not an object": lambda e: e.add_weights("layers/dense/0", {}),
    "ends in .weights.h5": lambda e: e.save("m.keras"),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_edit_is_an_error_and_changes_nothing(words, tmp_path):
    path = file(tmp_path, "keras")
    editor = KerasFileEditor(path)
    with pytest.raises(MultinetError, match=words):
        WRONG[words](editor)
    same(editor.weights_dict, KerasFileEditor(path).weights_dict)


HOSTILE = ("a_soft_link", "external_storage", "a_virtual_dataset", "a_symbolic_link")


@pytest.mark.parametrize("name", (*HOSTILE, "a_shape_beyond_all_memory", "strings"))
def test_what_the_loaders_refuse_is_refused(name, tmp_path):
    path = tmp_path / "m.keras"
    hostile_files.model().save(path)
    parts = hostile_files.Parts(path)
    change, words = hostile_files.CASES[name]
    change(parts, tmp_path / "canary")
    parts.write(path)
    with pytest.raises(MultinetError, match=words):
        KerasFileEditor(path)

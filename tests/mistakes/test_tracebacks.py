"""An error shows the lines of the program and one message, at most 15 lines in all."""

import re
import traceback

import numpy as np
import pytest

from multinet import Input, Model, Sequential, config, layers, ops, saving, tracebacks

X = np.ones((32, 4), "float32")
LABELS = np.zeros(32, "int32")
THIS = __name__.rpartition(".")[2]


def classifier(loss="sparse_categorical_crossentropy", **options):
    model = Sequential([Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", loss, **options)
    return model


class Wrong(layers.Layer):
    """A layer whose program does what an op refuses."""

    def call(self, x):
        return ops.matmul(x, ops.ones((7, 2)))


class Broken(layers.Layer):
    """A layer with an error of its own."""

    def call(self, x):
        return {}["nothing"]


def labels_for_one_hot_loss():
    classifier("categorical_crossentropy").fit(X, LABELS, verbose=0)


def labels_too_large():
    classifier().fit(X, LABELS + 5, verbose=0)


def wrong_width_in_fit():
    classifier().fit(X[:, :3], LABELS, verbose=0)


def wrong_width_in_predict():
    classifier().predict(X[:, :3], verbose=0)


def wrong_width_in_validation():
    model = classifier()
    model.fit(X, LABELS, validation_data=(X[:, :3], LABELS), verbose=0)


def one_sample_without_its_batch():
    classifier().predict(X[0], verbose=0)


def metric_on_one_hot():
    model = classifier("mse", metrics=["sparse_categorical_accuracy"])
    model.fit(X, np.ones((32, 3), "float32"), verbose=0)


def wrong_layer_in_fit():
    model = Sequential([Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((32, 2), "float32"), verbose=0)


def wrong_op_in_a_graph():
    inputs = Input((4,))
    Model(inputs, Wrong()(inputs))


def wrong_op_in_an_eager_call():
    Wrong()(ops.ones((2, 4)))


def error_of_the_program():
    Broken()(ops.ones((2, 4)))


def error_of_the_program_in_fit():
    class Model_(Model):
        def call(self, x):
            return Broken()(x)

    model = Model_()
    model.compile("sgd", "mse")
    model.fit(X, LABELS, verbose=0)


def a_generator_that_fails():
    def batches():
        yield X, LABELS
        raise KeyError("nothing")

    classifier().fit(batches(), verbose=0)


def sequences_without_their_axis():
    Sequential([Input((4,)), layers.LSTM(3), layers.LSTM(3)])


def weights_that_do_not_fit(folder):
    classifier().save_weights(folder / "m.weights.h5")
    other = Sequential([Input((5,)), layers.Dense(3)])
    other.load_weights(folder / "m.weights.h5")


def a_file_that_is_none(folder):
    (folder / "m.keras").write_bytes(b"nothing")
    saving.load_model(folder / "m.keras")


MISTAKES = [
    labels_for_one_hot_loss,
    labels_too_large,
    wrong_width_in_fit,
    wrong_width_in_predict,
    wrong_width_in_validation,
    one_sample_without_its_batch,
    metric_on_one_hot,
    wrong_layer_in_fit,
    wrong_op_in_a_graph,
    wrong_op_in_an_eager_call,
    error_of_the_program,
    error_of_the_program_in_fit,
    a_generator_that_fails,
    sequences_without_their_axis,
    weights_that_do_not_fit,
    a_file_that_is_none,
]


@pytest.fixture(autouse=True)
def filtered():
    """The default, whatever the run was told."""
    before = tracebacks.filtering()
    config.enable_traceback_filtering()
    yield
    tracebacks.set_filtering(before)


def error_of(mistake, folder):
    with pytest.raises(Exception) as raised:
        mistake(*[folder] * mistake.__code__.co_argcount)
    return raised.value


def program(error):
    """Return the lines of a traceback from the mistake on."""
    frames = traceback.TracebackException.from_exception(error)
    frames.stack = traceback.StackSummary.from_list(frames.stack[1:])  # `error_of`
    return "".join(frames.format()).splitlines()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda f: f.__name__)
def test_a_mistake_ends_in_lines_of_the_program(mistake, backend, tmp_path):
    error = error_of(mistake, tmp_path)
    lines = program(error)
    text = "\n".join(lines)
    assert len(lines) <= 15, text
    assert text.count("Traceback") == 1, text  # none before it, nor one as its cause
    files = re.findall(r'File "(.*)", line', text)
    assert files and {f for f in files if not f.endswith(f"{THIS}.py")} == set(), text


def test_the_line_of_a_user_s_layer_is_shown(backend, tmp_path):
    for mistake, line in (
        (wrong_op_in_a_graph, "return ops.matmul(x, ops.ones((7, 2)))"),
        (wrong_op_in_an_eager_call, "return ops.matmul(x, ops.ones((7, 2)))"),
        (error_of_the_program_in_fit, 'return {}["nothing"]'),
        (a_generator_that_fails, 'raise KeyError("nothing")'),
    ):
        assert any(line in each for each in program(error_of(mistake, tmp_path)))


def test_all_frames_are_kept_where_asked(backend, tmp_path):
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    text = "\n".join(program(error_of(labels_for_one_hot_loss, tmp_path)))
    assert "probabilistic.py" in text and "methods.py" in text
    config.enable_traceback_filtering()
    assert config.is_traceback_filtering_enabled()


def test_what_the_program_was_handling_stays(backend):
    try:
        {}["first"]
    except KeyError:
        with pytest.raises(Exception) as raised:
            wrong_op_in_an_eager_call()
    assert isinstance(raised.value.__context__, KeyError)

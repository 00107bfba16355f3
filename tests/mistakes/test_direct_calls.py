"""Wrong calls of single objects end at the line that made them, on every backend."""

import traceback

import numpy as np
import pytest

import multinet
from multinet import (
    Variable,
    applications,
    backend,
    config,
    constraints,
    initializers,
    layers,
    metrics,
    ops,
    optimizers,
    regularizers,
    tracebacks,
    utils,
    visualization,
)

ROWS, OTHERS = np.ones((2, 3), "float32"), np.ones((5, 7), "float32")
WORDS = np.array(["a", "b"])

#: What is called wrongly: a program's line each.
CALLS = {
    "an op": lambda: ops.add(ROWS, OTHERS),
    "an op of shapes": lambda: ops.shape("x"),
    "an op of axes": lambda: ops.ndim("x"),
    "an op of the host": lambda: ops.convert_to_numpy("x"),
    "an op of functions": lambda: ops.vectorize(3),
    "a layer": lambda: layers.Conv2D(2, 3)(ROWS),
    "a layer on the host": lambda: layers.IntegerLookup(vocabulary=[1])(WORDS),
    "a layer of images": lambda: layers.RandomFlip()(ROWS[0]),
    "a layer of data": lambda: layers.Normalization(axis=9).adapt(ROWS),
    "a configuration of a layer": lambda: layers.Dense.from_config("x"),
    "an operation": lambda: multinet.Operation()(ROWS),
    "a metric": lambda: metrics.MeanSquaredError().update_state(ROWS, OTHERS),
    "a metric of labels": lambda: metrics.AUC().update_state(ROWS, OTHERS),
    "a function of metrics": lambda: metrics.binary_accuracy(ROWS, OTHERS),
    "values of a metric": lambda: metrics.Mean().stateless_result([]),
    "an optimizer": lambda: optimizers.SGD().apply([ROWS]),
    "a build of an optimizer": lambda: optimizers.Adam().build([3]),
    "a regularizer": lambda: regularizers.L2()("x"),
    "a constraint": lambda: constraints.NonNeg()("x"),
    "an initializer": lambda: initializers.Ones()("x"),
    "a schedule": lambda: optimizers.schedules.CosineDecay(0.1, 10)("x"),
    "a Variable": lambda: Variable("x", shape=3),
    "a symbolic tensor": lambda: multinet.KerasTensor("x"),
    "a dtype": lambda: backend.standardize_dtype("x"),
    "an application": lambda: applications.MobileNetV2(weights=3, nope=4),
    "a batch of images": lambda: visualization.draw_bounding_boxes(
        ROWS, ROWS, "xyxy", (0, 0, 0)
    ),
    "boxes": lambda: utils.bounding_boxes.convert_format(ROWS, "xyxy", 3),
    "a drawing": lambda: utils.model_to_dot(3),
}


@pytest.fixture(autouse=True)
def filtered():
    """The default, whatever the run was told."""
    before = tracebacks.filtering()
    config.enable_traceback_filtering()
    yield
    tracebacks.set_filtering(before)


def shown(call):
    """Return the files of the traceback below this line, and how often one is shown."""
    with pytest.raises(Exception) as raised:
        call()
    trace = traceback.TracebackException.from_exception(raised.value)
    return [f.filename for f in trace.stack[1:]], "".join(trace.format())


@pytest.mark.parametrize("what", CALLS)
def test_no_line_of_the_library_is_shown(what, backend):
    files, text = shown(CALLS[what])
    assert files == [__file__], text
    assert text.count("Traceback") == 1, text


def test_all_lines_are_shown_where_asked(backend):
    config.disable_traceback_filtering()
    for what in ("a metric", "an op of shapes", "a configuration of a layer"):
        files, text = shown(CALLS[what])
        assert len(files) > 2, text


class Own(layers.Layer):
    def __init__(self, units):
        super().__init__()
        self.units = units + "x"


def test_a_constructor_of_the_program_shows_its_own_lines_once():
    files, text = shown(lambda: Own(3))
    assert files == [__file__, __file__], text
    assert 'self.units = units + "x"' in text and "remembering" not in text
    files, text = shown(lambda: Own())
    assert files == [__file__] and "missing 1 required" in text

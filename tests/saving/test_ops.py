"""Every op in a functional graph: written by Keras, read here, and the other way."""

import importlib
import inspect
import json
import sys
from pathlib import Path

import keras
import numpy as np
import optree
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "ops"))
from cases import ARRAYS, EXPRESSIONS, evaluate, names_in

import multinet
from multinet import operators, ops
from multinet.ops import operations

# What no graph of Keras can have: results without a shape, options that are tensors,
# lists where its classes want tensors, and slices outside of a tuple.
NOT_IN_KERAS = """
    where(m); nonzero(m); unique(i); unique(i,; unique(k,; segment_sum(a,; bincount(k
    clip(a, row; trapezoid(a, row; repeat(a, counts; heaviside(; bitwise_or(i, 3
    average(a, 0, [; hstack([row; take_along_axis(a, [; get_item(a, s; get_item(a, m
    get_item(a, (s; get_item(t, (; scatter(pairs, v[; scatter_update(; unravel_index([
    searchsorted([; digitize(a, [; linspace(row; conv(img, k2g; adaptive_max_pool(img, 4
    adaptive_average_pool(img, 1; solve(s, row; double(; pair_up(
    image.affine_transform(pics, (
"""
NOT_IN_KERAS = tuple(x for y in NOT_IN_KERAS.split("\n") for x in y.strip().split("; "))
NOT_IN_KERAS = tuple(filter(None, NOT_IN_KERAS))


def is_known(expression):
    """Return whether a graph may have a call, with a tensor among its arguments."""
    return names_in(expression) and not expression.startswith(NOT_IN_KERAS)


CALLS = [x for x in EXPRESSIONS if is_known(x)]


def graph(lib, expression):
    """Return a model of one expression, and its data."""
    names = names_in(expression)
    inputs = [
        lib.Input(batch_shape=ARRAYS[n].shape, dtype=str(ARRAYS[n].dtype), name=n)
        for n in names
    ]
    results = evaluate(expression, lib.ops, ARRAYS | dict(zip(names, inputs)))
    kind = type(inputs[0])
    outputs = [x for x in optree.tree_leaves(results) if isinstance(x, kind)]
    return lib.Model(inputs, outputs), [ARRAYS[n] for n in names]


# Ops of ours that are one function under two names, and options that may be left open.
SAME = {
    "BitwiseInvert": "BitwiseNot",
    "LeftShift": "BitwiseLeftShift",
    "RightShift": "BitwiseRightShift",
    "TrueDivide": "Divide",
    ("data_format", None): ("data_format", "channels_last"),
    ("dtype", None): ("dtype", "float32"),
    ("name", ""): ("name", ""),
}
# What Keras cannot read of its own: it takes a list where it wrote a tuple.
TUPLES = ("histogram(v, 5", "adaptive_average_pool(img, (3, 2)")


def through_json(config):
    """Return a configuration as it comes out of a file."""
    return json.loads(json.dumps(config))


def calls(config):
    """Return the ops of a configuration: their classes and options."""
    found = []
    for entry in through_json(config)["layers"]:
        if entry["class_name"] != "InputLayer":
            options = {**entry["config"], "name": ""}.items()
            kept = dict(
                SAME.get((k, v) if v is None else "", (k, v)) for k, v in options
            )
            class_name = entry["class_name"]
            found.append((entry["module"], SAME.get(class_name, class_name), kept))
    return found


@pytest.mark.parametrize("expression", CALLS)
def test_calls_are_written_as_keras_writes_them_and_read_again(expression):
    theirs, data = graph(keras, expression)
    mine, _ = graph(multinet, expression)
    config = theirs.get_config()
    read = multinet.Model.from_config(through_json(config))
    direct = evaluate(expression, ops, ARRAYS)
    results = optree.tree_leaves(read(data))
    arrays = [x for x in optree.tree_leaves(direct) if ops.is_tensor(x)]
    for x, y in zip(results, arrays, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(x), ops.convert_to_numpy(y))
    if not expression.startswith("image.extract_patches"):  # Keras writes (n, n) for n
        assert calls(read.get_config()) == calls(mine.get_config())
    if expression.startswith(TUPLES):
        with pytest.raises(Exception, match="tuple"):
            keras.Model.from_config(through_json(config))
        return
    back = keras.Model.from_config(through_json(mine.get_config()))
    again = keras.Model.from_config(through_json(config))
    assert calls(back.get_config()) == calls(again.get_config())
    assert [x.shape for x in back.outputs] == [x.shape for x in again.outputs]


def test_every_op_that_keras_has_as_a_class_is_among_the_calls():
    modules = {y.__module__ for y in operation_classes().values()}
    assert {operations.module(op) for op in ops.__all__ if has_class(op)} <= modules
    for op in filter(has_class, operators._ops):
        cls = operation_classes()[operations.class_name(op)]
        assert cls.__module__ == operations.module(op), op
        made = set(inspect.signature(cls.__init__).parameters) - {"self", "name"}
        called = set(inspect.signature(cls.call).parameters) - {"self"}
        for name in inspect.signature(operators._ops[op]).parameters:
            taken = name in operations._EXCEPTIONS.get(op, operations._CALLED)
            if op != "extract_patches_3d" or name != "volumes":
                assert name in (called if taken else made), (op, name)


def test_all_classes_of_keras_have_an_op():
    missing = set(operation_classes()) - set(operations.by_class())
    # Ours are no ops, or the bases of some; JVP takes a function.
    assert missing == {"Ndim", "Size", "JVP", "SegmentReduction"}


def operation_classes():
    """Return the classes of Keras's ops by name."""
    return {
        name: cls
        for part in ("core", "einops", "image", "linalg", "math", "nn", "numpy")
        for name, cls in vars(importlib.import_module(f"keras.src.ops.{part}")).items()
        if inspect.isclass(cls)
        and cls.__module__ == f"keras.src.ops.{part}"
        and issubclass(cls, keras.Operation)
    }


def has_class(op):
    """Return whether Keras has a class for an op of ours."""
    return op in operators._ops and operations.class_name(op) in operation_classes()


def test_an_unknown_class_names_the_near_ones():
    model, _ = graph(multinet, "add(a, b)")
    config = through_json(model.get_config())
    config["layers"][-1]["class_name"] = "Ad"
    with pytest.raises(multinet.MultinetError, match="operation 'Ad'.*'Add'"):
        multinet.Model.from_config(config)


def test_arguments_that_an_op_does_not_take_are_refused():
    model, _ = graph(multinet, "sum(a)")
    config = through_json(model.get_config())
    config["layers"][-1]["config"]["sideways"] = True
    with pytest.raises(multinet.MultinetError, match="sideways.*ops.sum does not take"):
        multinet.Model.from_config(config)

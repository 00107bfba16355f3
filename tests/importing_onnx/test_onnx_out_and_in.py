"""What is written to an ONNX file and read again: the same layers, weights, losses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import optree
import pytest
from onnx import TensorProto, helper, numpy_helper

import multinet
from multinet import layers, ops, saving
from multinet import onnx as files
from multinet.errors import FileError, NoFile, NotWritten
from multinet.onnx import exporting
from multinet.registry import use_backend

sys.path.insert(0, str(Path(__file__).parent.parent / "layers"))
from every_layer import made, title

sys.path.insert(0, str(Path(__file__).parent.parent / "graph"))
from test_capture import MODELS, WEIGHTED, arguments, batched


def leaves(tree):
    return list(map(ops.convert_to_numpy, optree.tree_leaves(tree)))


def one(arrays):
    return arrays[0] if len(arrays) == 1 else arrays


def check_equal(wanted, found):
    for x, y in zip(wanted, found, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        scale = np.abs(x).max(initial=0.0)
        np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-5 * scale)


def count(variables):
    return sum(v.numpy().size for v in variables)


@pytest.mark.parametrize("row", WEIGHTED, ids=title)
def test_every_layer_comes_back(row, tmp_path):
    layer = made(row)
    args = arguments(layer, row.given)
    path = tmp_path / "layer.onnx"
    files.export(layer, path, *optree.tree_map(batched, args), check=False)
    model = files.load(path)
    more = optree.tree_map(lambda x: np.concatenate([x, x[:1], x]), args)
    for given in (args, more):
        check_equal(leaves(layer(*given)), leaves(model(one(leaves(given)))))
    if row.name != "ReversibleEmbedding":  # one of its weights is not read here
        assert count(model.trainable_variables) == count(layer.trainable_variables)


#: Dropout is no part of a file, which is for inference.
TRAINED = [make for make in MODELS if make.__name__ != "mlp"]


@pytest.mark.parametrize("make", TRAINED, ids=lambda make: make.__name__)
def test_out_and_in_again_trains_to_the_same_loss(make, tmp_path):
    model = make()
    model.export(tmp_path / "m.onnx", "onnx", verbose=False)
    again = files.load(tmp_path / "m.onnx")
    x = MODELS[make](6, 7)
    shape = model(x, training=False).shape
    y = np.random.default_rng(1).normal(size=shape).astype("float32")
    losses = []
    for net, given in ((model, x), (again, one(leaves(x)))):
        net.compile("sgd", "mse")
        fit = net.fit(given, y, epochs=3, batch_size=3, shuffle=False, verbose=0)
        losses.append(fit.history["loss"])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)
    assert losses[1][-1] < losses[1][0]


@pytest.mark.parametrize("backend", ["numpy", "jax", "torch", "tensorflow"])
def test_batch_moments_move_and_are_not_trained(backend, tmp_path):
    with use_backend(backend):
        x = multinet.Input((4, 2), name="x")
        norm = layers.BatchNormalization(name="norm", momentum=0.9)
        model = multinet.Model(x, norm(x))
        model.export(tmp_path / "m.onnx", "onnx", verbose=False)
        again = files.load(tmp_path / "m.onnx")
        assert len(again.trainable_weights) == len(again.non_trainable_weights) == 2
        given = np.arange(24, dtype="float32").reshape(3, 4, 2)
        for training in (True, False):
            wanted = leaves(model(given, training=training))
            check_equal(wanted, leaves(again(given, training=training)))


# -- files by hand ---------------------------------------------------------------------


def file(path, nodes, constants, shape=("batch", 2), result=("batch", 2), **options):
    """Write a file of nodes from x to y."""
    float_ = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "by_hand",
        [helper.make_tensor_value_info("x", float_, shape)],
        [helper.make_tensor_value_info("y", float_, result)],
        [numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    opset = [helper.make_opsetid("", options.get("opset", 18))]
    onnx.save(helper.make_model(graph, opset_imports=opset), path)
    return path


def test_an_initializer_of_two_nodes_is_one_weight(tmp_path):
    w = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
    nodes = [
        helper.make_node("Transpose", ["w"], ["turned"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("MatMul", ["h", "turned"], ["y"], name="/net/last"),
    ]
    model = files.load(file(tmp_path / "f.onnx", nodes, {"w": w}))
    assert [v.shape for v in model.weights] == [(2, 2)]
    assert model.output_names == ["y"]
    x = np.ones((3, 2), "float32")
    np.testing.assert_allclose(leaves(model(x))[0], x @ w @ w.T)
    model.compile("sgd", "mse")
    model.fit(x, x, epochs=1, verbose=0)
    model.save(tmp_path / "m.keras")
    again = saving.load_model(tmp_path / "m.keras")
    assert len(again.weights) == 1
    check_equal(leaves(model(x)), leaves(again(x)))
    model.freeze("w")
    assert not model.trainable_weights


def test_constants_and_numbers_are_not_trained(tmp_path):
    held = numpy_helper.from_array(np.array([2.0, 3.0], "float32"))
    nodes = [
        helper.make_node("Constant", [], ["c"], value=held),
        helper.make_node("Mul", ["x", "c"], ["h"]),
        helper.make_node("Mul", ["h", "n"], ["k"]),
        helper.make_node("Add", ["k", "b"], ["y"]),
    ]
    given = {"n": np.float32(2).reshape(()), "b": np.ones(2, "float32")}
    model = files.load(file(tmp_path / "f.onnx", nodes, given))
    assert [v.name for v in model.weights] == ["b"]
    np.testing.assert_allclose(leaves(model(np.ones((1, 2), "float32"))), [[[5, 7]]])


def test_a_file_that_reaches_out_of_its_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_LARGE", 0)
    inner = tmp_path / "inner"
    inner.mkdir()
    x = multinet.Input((30,), name="x")
    model = multinet.Model(x, layers.Dense(40, name="head")(x))
    model.export(inner / "m.onnx", "onnx", verbose=False)
    given = np.ones((2, 30), "float32")
    check_equal(leaves(model(given)), leaves(files.load(inner / "m.onnx")(given)))
    data = (inner / "m.onnx.data").read_bytes()
    (tmp_path / "m.onnx.data").write_bytes(data)
    held = onnx.load(inner / "m.onnx", load_external_data=False)
    for place in ("../m.onnx.data", str(tmp_path / "m.onnx.data")):
        held.graph.initializer[0].external_data[0].value = place
        (inner / "evil.onnx").write_bytes(held.SerializeToString())
        with pytest.raises(FileError, match="not in its folder"):
            files.load(inner / "evil.onnx")
    (inner / "m.onnx.data").unlink()
    (inner / "m.onnx.data").symlink_to(tmp_path / "m.onnx.data")
    with pytest.raises(FileError, match="not in its folder"):
        files.load(inner / "m.onnx")
    (inner / "m.onnx.data").unlink()
    with pytest.raises(NoFile, match="not beside it"):
        files.load(inner / "m.onnx")
    (inner / "m.onnx.data").write_bytes(data[:100])
    with pytest.raises(FileError, match="ends before"):
        files.load(inner / "m.onnx")


def test_what_is_not_read_is_refused_by_name(tmp_path):
    path = tmp_path / "f.onnx"
    node = helper.make_node("Bernoulli", ["x"], ["y"])
    with pytest.raises(NotWritten, match="'Bernoulli' of ONNX is not read"):
        files.load(file(path, [node], {}))
    node = helper.make_node("Mine", ["x"], ["y"], domain="my.ops")
    with pytest.raises(NotWritten, match=r"'my\.ops\.Mine'"):
        files.load(file(path, [node], {}))
    with pytest.raises(FileError, match="reads 'z', which no node before it gives"):
        files.load(file(path, [helper.make_node("Neg", ["z"], ["y"])], {}))
    path.write_bytes(b"not a model")
    with pytest.raises(FileError, match=r"f\.onnx is no ONNX file, or damaged"):
        files.load(path)
    with pytest.raises(NoFile, match=r"nothing\.onnx"):
        files.load(tmp_path / "nothing.onnx")


def test_a_shape_that_depends_on_data_is_refused(tmp_path):
    nodes = [
        helper.make_node("Cast", ["x"], ["n"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["x", "n"], ["y"]),
    ]
    with pytest.raises(NotWritten, match="shapes would depend on data"):
        files.load(file(tmp_path / "f.onnx", nodes, {}, (2,), (2, 1)))


def test_a_saved_model_is_read_without_the_package(tmp_path):
    nodes = [helper.make_node("Softplus", ["x"], ["h"])]
    nodes += [helper.make_node("Mul", ["h", "w"], ["y"])]
    model = files.load(file(tmp_path / "f.onnx", nodes, {"w": np.ones(2, "float32")}))
    model.save(tmp_path / "m.keras")
    program = (
        "import sys; sys.modules['onnx'] = None; import multinet; "
        f"model = multinet.saving.load_model({str(tmp_path / 'm.keras')!r}); "
        "print(model.count_params())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout.strip() == "2", done.stderr

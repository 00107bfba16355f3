"""ONNX files: ONNX Runtime computes from them what NumPy does from the model."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import optree
import pytest

import multinet
from multinet import graph, layers, ops
from multinet import onnx as files
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.errors import ArgumentError, BackendError, CheckFailed, NotWritten
from multinet.graph import Spec
from multinet.onnx import exporting, running, table
from multinet.registry import use_backend

sys.path.insert(0, str(Path(__file__).parent.parent / "graph"))
from test_capture import FUNCTIONS, MODELS, WEIGHTED, arguments, batched
from test_rows_as_graphs import HOST, programs

sys.path.insert(0, str(Path(__file__).parent.parent / "layers"))
from every_layer import made, title

SIZES = ((3, 7), (1, 2), (9, 11), (2, 30))


def run(path, arrays):
    """Return what ONNX Runtime gives for arrays, in the order of the inputs."""
    session = onnxruntime.InferenceSession(str(path), providers=running._PROVIDERS)
    given = {x.name: a for x, a in zip(session.get_inputs(), arrays, strict=True)}
    return session.run(None, given)


def leaves(tree):
    return list(map(ops.convert_to_numpy, optree.tree_leaves(tree)))


def check_equal(wanted, found):
    for x, y in zip(wanted, found, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        scale = np.abs(x[np.isfinite(x)]).max(initial=0.0) if x.dtype.kind == "f" else 0
        np.testing.assert_allclose(y, x, rtol=1e-5, atol=1e-5 * scale)


def operators(path):
    """Return the operators of a file, those of the graphs inside too."""

    def kinds(nodes):
        for node in nodes:
            yield node.op_type
            for attribute in node.attribute:
                yield from kinds(attribute.g.node)

    return set(kinds(onnx.load(path).graph.node))


# -- layers and models -----------------------------------------------------------------


@pytest.mark.parametrize("row", WEIGHTED, ids=title)
def test_every_layer_is_a_file_of_either_opset(row, tmp_path):
    layer = made(row)
    args = arguments(layer, row.given)
    specs = optree.tree_map(batched, args)
    for opset in (18, 23):
        path = tmp_path / f"{opset}.onnx"
        captured = graph.capture(layer, *specs, check=False)
        files.export(captured, path, opset_version=opset, check=False)
        more = optree.tree_map(lambda x: np.concatenate([x, x[:1], x]), args)
        for given in (optree.tree_map(lambda x: x[:1], args), more):
            check_equal(leaves(layer(*given)), run(path, leaves(given)))


@pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)
def test_a_model_is_the_same_file_from_two_backends(make, tmp_path):
    with use_backend("numpy"):
        model = make()
        model.export(tmp_path / "numpy.onnx", format="onnx", verbose=False)
        for sizes in SIZES:
            x = MODELS[make](*sizes)
            wanted = leaves(model(x, training=False))
            check_equal(wanted, run(tmp_path / "numpy.onnx", leaves(x)))
    model.to_backend("torch")
    with use_backend("torch"):
        model.export(tmp_path / "torch.onnx", format="onnx", verbose=False)
    texts = [(tmp_path / f"{n}.onnx").read_bytes() for n in ("numpy", "torch")]
    assert texts[0] == texts[1]


def test_names_and_unknown_sizes_are_those_of_the_model(tmp_path):
    a = multinet.Input((None, 3), name="words")
    b = multinet.Input((4,), name="table")
    h = layers.GlobalMaxPooling1D(name="top")(layers.ReLU(name="positive")(a))
    model = multinet.Model([a, b], [layers.Dense(2, name="head")(h), h])
    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    held = onnx.load(tmp_path / "model.onnx").graph
    shapes = {
        x.name: [d.dim_param or d.dim_value for d in x.type.tensor_type.shape.dim]
        for x in (*held.input, *held.output)
    }
    assert shapes == {
        "words": ["batch", "words_1", 3],
        "head": ["batch", 2],
        "table": ["batch", 4],
        "top": ["batch", 3],
    }
    floats = [x.name for x in held.initializer if x.data_type == onnx.TensorProto.FLOAT]
    assert floats == ["head/kernel", "head/bias"]


def test_trees_of_inputs_and_outputs(tmp_path):
    def program(data):
        total = ops.add(data["a"], data["b"][0])
        return {"total": total, "parts": [data["a"], total, ops.zeros((2,))]}

    spec = {"a": Spec(("batch", 2)), "b": [Spec(("batch", 1))]}
    files.export(program, tmp_path / "tree.onnx", spec)
    session = onnxruntime.InferenceSession(str(tmp_path / "tree.onnx"))
    assert [x.name for x in session.get_inputs()] == ["data_a", "data_b_0"]
    names = [x.name for x in session.get_outputs()]
    assert names == ["parts_0", "parts_1", "parts_2", "total"]
    a, b = np.ones((3, 2), "float32"), np.ones((3, 1), "float32")
    found = run(tmp_path / "tree.onnx", [a, b])
    check_equal([a, a + b, np.zeros(2, "float32"), a + b], found)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_control_flow_is_graphs_inside(name, tmp_path):
    x = np.linspace(-0.5, 2, 12, dtype="float32").reshape(4, 3)
    function = FUNCTIONS[name]
    captured = graph.capture(function, Spec(("batch", 3)), check=False)
    refused = {"vjp", "value_and_grad", "jvp", "random_normal"}
    if refused & {node.op for node in captured.walk()}:
        with pytest.raises(NotWritten, match="vjp|value_and_grad|jvp|random_bits"):
            files.export(captured, tmp_path / "f.onnx")
        return
    files.export(captured, tmp_path / "f.onnx")
    for rows in (4, 2):
        found = run(tmp_path / "f.onnx", [x[:rows]])
        check_equal(leaves(function(ops.convert_to_tensor(x[:rows]))), found)


# -- the methods of the interface ------------------------------------------------------

#: Rows whose methods have no operator, and the method that an error names.
REFUSED = {
    **dict.fromkeys("make_complex real imag conj erfinv cholesky solve".split()),
    **dict.fromkeys("solve_triangular qr svd eigh eig lu_factor slogdet".split()),
    **dict.fromkeys("fft ifft rfft irfft bitcast random_bits fold_in vjp jvp".split()),
    "inv": "solve",
    "random_uniform": "random_bits",
    "random_normal": "random_bits",
    "dropout_mask": "random_bits",
    "value_and_grad": None,
}
ROWS = [row for row in {**PRIMITIVES, **FUSED}.values() if row.cases]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_of_the_kit_in_the_runtime(row, tmp_path):
    for program, arrays in programs(row):
        with use_backend("numpy") as backend:
            tensors = [backend.from_numpy(x) for x in arrays]
            captured = graph.capture(program, *tensors, check=False)
            wanted = [backend.to_numpy(x) for x in program(*tensors)]
            kinds = {x.dtype.name for x in (*arrays, *wanted)}
            unmapped = row.name in REFUSED or any("complex" in k for k in kinds)
            if unmapped:
                method = REFUSED.get(row.name) or row.name
                with pytest.raises(NotWritten, match=method):
                    files.export(captured, tmp_path / "row.onnx", check=False)
                continue
            files.export(captured, tmp_path / "row.onnx", check=False)
        if "bfloat16" not in kinds:  # which the runtime takes and gives no arrays of
            check_equal(wanted, run(tmp_path / "row.onnx", arrays))


def test_each_primitive_has_a_rule_or_is_refused():
    methods = {row.name for row in PRIMITIVES.values()} - HOST
    methods -= {"jit", "devices", "device", "synchronize"}
    assert methods - set(REFUSED) <= set(table.RULES)
    assert not set(REFUSED) & set(table.RULES)


@pytest.mark.parametrize("masked", [False, True])
def test_recurrences_are_operators_unless_masked(masked, tmp_path):
    x = multinet.Input((None, 3), name="x")
    h = layers.Masking(name="mask")(x) if masked else x
    h = layers.GRU(4, return_sequences=True, name="gru")(h)
    h = layers.LSTM(4, go_backwards=True, name="lstm")(h)
    multinet.Model(x, h).export(tmp_path / "r.onnx", format="onnx", verbose=False)
    kinds = operators(tmp_path / "r.onnx") & {"GRU", "LSTM", "Scan"}
    assert kinds == ({"Scan"} if masked else {"GRU", "LSTM"})


def test_an_opset_has_operators_of_its_own(tmp_path):
    x = multinet.Input((None, 4), name="x")
    h = layers.MultiHeadAttention(2, 3, name="attention")(x, x)
    h = layers.LayerNormalization(name="norm")(layers.Activation("gelu")(h))
    model = multinet.Model(x, h)
    for opset, wanted in ((18, set()), (20, {"Gelu"}), (23, {"Gelu", "Attention"})):
        path = tmp_path / "m.onnx"
        model.export(path, "onnx", verbose=False, opset_version=opset)
        found = operators(path) & {"Gelu", "Attention", "LayerNormalization"}
        assert found == wanted | {"LayerNormalization"}
        assert onnx.load(path).opset_import[0].version == opset


def test_low_floats_are_checked_to_their_own_digits(tmp_path):
    x = multinet.Input((None, 4), name="x")
    h = layers.LSTM(3, return_sequences=True, dtype="mixed_float16", name="lstm")(x)
    h = layers.LayerNormalization(dtype="mixed_float16", name="norm")(h)
    y = layers.Dense(2, dtype="float32", name="head")(h)
    model = multinet.Model(x, y)
    model.export(tmp_path / "low.onnx", format="onnx", verbose=False)
    given = np.linspace(0, 1, 40, dtype="float32").reshape(2, 5, 4)
    (found,) = run(tmp_path / "low.onnx", [given])
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, leaves(model(given))[0], atol=5e-3)


# -- files and refusals ----------------------------------------------------------------


def head():
    x = multinet.Input((3,), name="x")
    return multinet.Model(x, layers.Dense(2, activation="tanh", name="head")(x))


def test_large_weights_are_in_a_file_beside(tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "_LARGE", 0)
    x = multinet.Input((30,), name="x")
    model = multinet.Model(x, layers.Dense(40, name="head")(x))
    model.export(tmp_path / "big.onnx", format="onnx", verbose=False)
    assert {f.name for f in tmp_path.iterdir()} == {"big.onnx", "big.onnx.data"}
    given = np.ones((2, 30), "float32")
    check_equal(leaves(model(given)), run(tmp_path / "big.onnx", [given]))


def test_a_signature_says_what_a_model_takes(tmp_path):
    class Twice(multinet.Model):
        def __init__(self):
            super().__init__(name="twice")
            self.dense = layers.Dense(2, name="dense")

        def call(self, x):
            return self.dense(x) * 2

    model = Twice()
    model.build((None, None, 3))
    spec = layers.InputSpec(shape=(None, None, 3), dtype="float32", name="rows")
    given = np.ones((2, 5, 3), "float32")
    for signature, name in (([spec], "rows"), (None, "x")):
        path = tmp_path / "s.onnx"
        model.export(path, "onnx", False, input_signature=signature)
        assert [x.name for x in onnx.load(path).graph.input] == [name]
        check_equal(leaves(model(given)), run(path, [given]))


def test_what_the_runtime_computes_otherwise_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(table.RULES, "tanh", table.RULES["sinh"])
    with pytest.raises(CheckFailed, match="'head' of .* apart"):
        head().export(tmp_path / "wrong.onnx", format="onnx")
    assert not list(tmp_path.iterdir())
    head().export(tmp_path / "wrong.onnx", "onnx", verbose=False, check=False)
    assert [f.name for f in tmp_path.iterdir()] == ["wrong.onnx"]


def test_what_no_file_can_hold_is_refused(tmp_path):
    with pytest.raises(NotWritten, match="cholesky has no operator in ONNX"):
        files.export(ops.cholesky, tmp_path / "f.onnx", np.eye(2, dtype="float32"))
    x = multinet.Input(batch_shape=(2, 3, 1), name="x")
    state = layers.GRU(2, stateful=True, name="gru")
    model = multinet.Model(x, state(x))
    with pytest.raises(NotWritten, match="keeps nothing from run to run"):
        model.export(tmp_path / "f.onnx", format="onnx")
    with pytest.raises(ArgumentError, match="from 18 to 23, got 7"):
        head().export(tmp_path / "f.onnx", format="onnx", opset_version=7)
    with pytest.raises(ArgumentError, match="'tf_saved_model' or 'onnx'|onnx"):
        head().export(tmp_path / "f.onnx", format="onx")


def test_without_the_package_an_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BackendError, match=r"multinet-nn\[onnx\]"):
        head().export(tmp_path / "f.onnx", format="onnx")

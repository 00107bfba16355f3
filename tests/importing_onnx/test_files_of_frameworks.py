"""Files of torch's two exporters and of tf2onnx as models that compute and train."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from multinet import onnx as files
from multinet import ops, saving
from multinet.registry import use_backend

FILES = sorted((Path(__file__).parent / "files").glob("*.onnx"))
BACKENDS = ("numpy", "jax", "torch", "tensorflow")


def array(x):
    return ops.convert_to_numpy(x)


def check_close(wanted, found):
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def in_runtime(path, x):
    session = onnxruntime.InferenceSession(str(path))
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def test_all_kinds_are_there():
    found = {path.stem for path in FILES}
    kinds = ("torch-dynamo", "torch-script", "tf2onnx")
    models = ("mlp", "cnn", "lstm", "gru", "encoder")
    assert found == {f"{kind}-{model}" for kind in kinds for model in models}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_computes_what_the_framework_did(path):
    data = np.load(path.with_suffix(".npz"))
    for backend in BACKENDS:
        with use_backend(backend):
            model = files.load(path)
            fixed = model.input_shape[0] is not None  # the sizes at the export
            slow = backend in ("jax", "tensorflow")  # they compile for each size
            for i in range(1 if fixed or slow else 2):
                x, wanted = data[f"x{i}"], data[f"y{i}"]
                check_close(wanted, array(model(x)))
                check_close(wanted, in_runtime(path, x))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_trained_saved_and_written_again(path, tmp_path):
    data = np.load(path.with_suffix(".npz"))
    x, wanted = data["x0"], data["y0"]
    with use_backend("numpy"):
        model = files.load(path)
        assert model.trainable_weights
        model.compile("adam", "mse")
        losses = model.fit(x, np.roll(wanted, 1, 0), epochs=4, verbose=0).history
        assert losses["loss"][-1] < losses["loss"][0]
        model.save(tmp_path / "m.keras")
        again = saving.load_model(tmp_path / "m.keras")
        np.testing.assert_array_equal(array(again(x)), array(model(x)))
        again.export(tmp_path / "m.onnx", "onnx", verbose=False)
        check_close(array(model(x)), in_runtime(tmp_path / "m.onnx", x))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["torch-dynamo-encoder", "tf2onnx-gru"])
def test_every_backend_trains_a_file_alike(name, backend):
    path = next(path for path in FILES if path.stem == name)
    data = np.load(path.with_suffix(".npz"))
    histories = []
    for each in ("numpy", backend):
        with use_backend(each):
            model = files.load(path)
            model.compile("sgd", "mse")
            fit = model.fit(data["x0"], data["y0"] * 0, epochs=2, verbose=0)
            histories.append(fit.history["loss"])
    np.testing.assert_allclose(histories[1], histories[0], rtol=1e-4)
    assert histories[1][1] < histories[1][0]

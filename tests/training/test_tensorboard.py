"""TensorBoard reads what the callback of its name writes."""

import json

import numpy as np
import pytest

import multinet
from multinet import callbacks

pytest.importorskip("tensorboard")
from tensorboard.backend.event_processing.event_accumulator import (
    EventAccumulator,
)
from tensorboard.util import tensor_util

X, Y = np.ones((12, 2), "float32"), np.zeros((12, 1), "float32")


def trained(folder, fit=None, **options):
    inputs = multinet.Input((2,))
    model = multinet.Model(inputs, multinet.layers.Dense(1, name="last")(inputs))
    model.compile(multinet.optimizers.SGD(0.1), "mse", metrics=["mae"])
    board = callbacks.TensorBoard(folder, **options)
    given = {"epochs": 2, "batch_size": 4, "verbose": 0} | (fit or {})
    return model, model.fit(X, Y, callbacks=board, **given).history


def events(folder):
    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {
        tag: [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in found]
        for tag in reader.Tags()["tensors"]
        for found in [reader.Tensors(tag)]
    }


def test_logs_of_epochs_are_read_back(backend, tmp_path):
    _, history = trained(tmp_path, {"validation_data": (X, Y)}, write_graph=False)
    train, tested = events(tmp_path / "train"), events(tmp_path / "validation")
    assert set(train) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}
    for name in ("loss", "mae"):
        for found, key in ((train, name), (tested, f"val_{name}")):
            steps, values = zip(*found[f"epoch_{name}"])
            assert steps == (0, 1)
            np.testing.assert_allclose(np.ravel(values), history[key], rtol=1e-6)
    assert [step for step, _ in tested["evaluation_loss_vs_iterations"]] == [3, 6]
    assert float(train["epoch_learning_rate"][0][1]) == pytest.approx(0.1)


@pytest.mark.parametrize("freq,steps", [("batch", range(6)), (2, [1, 3, 5])])
def test_batches_are_written_as_often_as_asked(tmp_path, freq, steps):
    trained(tmp_path, update_freq=freq)
    found = events(tmp_path / "train")["batch_loss"]
    assert [step for step, _ in found] == list(steps)


def test_epochs_alone_do_not_listen_to_batches(tmp_path):
    hook = "on_train_batch_end"
    for freq, listens in (("epoch", False), ("batch", True)):
        board = callbacks.TensorBoard(tmp_path, update_freq=freq)
        assert callbacks.CallbackList([board]).listens(hook) == listens


def test_weights_are_histograms_and_the_model_is_there(backend, tmp_path):
    model, _ = trained(tmp_path, histogram_freq=1, write_steps_per_second=True)
    found = events(tmp_path / "train")
    step, buckets = found["last/kernel/histogram"][-1]
    assert step == 1 and buckets[:, 2].sum() == 2  # left, right, count
    kernel = model.get_layer("last").get_weights()[0]
    assert buckets[0, 0] == pytest.approx(kernel.min())
    assert buckets[-1, 1] == pytest.approx(kernel.max())
    assert json.loads(found["model"][0][1].item()) == json.loads(model.to_json())
    assert all(value > 0 for _, value in found["epoch_steps_per_second"])


def test_evaluate_alone_closes_its_file(tmp_path):
    model, _ = trained(tmp_path / "fit")
    board = callbacks.TensorBoard(tmp_path / "alone")
    loss, _ = model.evaluate(X, Y, verbose=0, callbacks=board)
    found = events(tmp_path / "alone" / "validation")["evaluation_loss_vs_iterations"]
    assert float(found[0][1]) == pytest.approx(loss)


@pytest.mark.parametrize(
    "options", [{"write_images": True}, {"profile_batch": 2}, {"embeddings_freq": 1}]
)
def test_what_it_does_not_write_is_told(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        callbacks.TensorBoard(**options)

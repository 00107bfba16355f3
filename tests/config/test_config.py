"""Settings of the process: what they change, and what they refuse."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import keras
import multinet_jax
import numpy as np
import pytest

import multinet
from multinet import config, layers, ops
from multinet.errors import ArgumentError, BackendError


@pytest.fixture(autouse=True)
def restored():
    """Put every setting back after a test."""
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    config.enable_interactive_logging()


@pytest.mark.parametrize("name", ["floatx", "epsilon", "image_data_format"])
def test_settings_begin_as_in_keras(name):
    want = getattr(keras.config, name)()
    assert getattr(config, name)() == want == getattr(multinet.backend, name)()


def test_image_data_format_is_what_none_means(backend):
    x = np.ones((1, 2, 5, 5), "float32")
    config.set_image_data_format("channels_first")
    assert config.image_data_format() == "channels_first"
    assert ops.shape(ops.max_pool(x, 2)) == (1, 2, 2, 2)
    assert layers.Conv2D(3, 3).data_format == "channels_first"
    assert ops.shape(ops.max_pool(x, 2, data_format="channels_last")) == (1, 1, 2, 5)


def test_epsilon_keeps_logarithms_finite(backend):
    config.set_epsilon(1e-3)
    loss = ops.binary_crossentropy(np.float32([1.0]), np.float32([0.0]))
    np.testing.assert_allclose(ops.convert_to_numpy(loss), -np.log([1e-3]), rtol=1e-5)


def test_set_backend_chooses_for_the_process():
    before = config.backend()
    code = (
        "from multinet import config, ops; config.set_backend('numpy');"
        "assert config.backend() == 'numpy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert config.backend() == before == multinet.backend.backend()


def small():
    model = multinet.Sequential([multinet.Input((2,)), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    return model, np.ones((12, 2), "float32"), np.ones((12, 1), "float32")


def test_training_is_cut_short():
    with multinet.use_backend("numpy"):
        model, x, y = small()
        config.set_max_epochs(2)
        config.set_max_steps_per_epoch(3)
        history = model.fit(x, y, batch_size=2, epochs=5, verbose=0)
        assert len(history.history["loss"]) == 2
        assert int(model.optimizer.iterations.numpy()) == 6
        assert model.predict(x, batch_size=2, verbose=0).shape == (6, 1)


def test_progress_goes_to_the_log_when_not_interactive(capsys, caplog):
    with multinet.use_backend("numpy"), caplog.at_level(logging.INFO, "multinet"):
        model, x, y = small()
        model.fit(x, y, epochs=1, verbose=2)
        assert "Epoch 1/1" in capsys.readouterr().out and not caplog.text
        config.disable_interactive_logging()
        assert not config.is_interactive_logging_enabled()
        model.fit(x, y, epochs=1, verbose=2)
        assert "Epoch 1/1" in caplog.text and not capsys.readouterr().out


@pytest.mark.parametrize(
    "setter, value",
    [
        ("set_floatx", "int32"),
        ("set_epsilon", -1.0),
        ("set_image_data_format", "nhwc"),
        ("set_max_epochs", 0),
        ("set_max_steps_per_epoch", 1.5),
        ("set_floatx", "float23"),
    ],
)
def test_wrong_settings_are_refused(setter, value):
    with pytest.raises(ArgumentError):
        getattr(config, setter)(value)


PROMOTED = [("int32", float), ("int8", "uint8"), ("float16", "bfloat16"), ("bool",)]


@pytest.mark.parametrize("kinds", PROMOTED, ids=repr)
def test_result_type_is_that_of_keras(kinds):
    assert multinet.backend.result_type(*kinds) == keras.backend.result_type(*kinds)


@pytest.mark.parametrize("kind", ["float32", "int8", "bool", "bfloat16", "uint64"])
def test_questions_about_dtypes_are_answered_as_in_keras(kind):
    for name in ("is_float_dtype", "is_int_dtype", "standardize_dtype"):
        want = getattr(keras.backend, name)(kind)
        assert getattr(multinet.backend, name)(kind) == want, name


def test_symbolic_tensors_are_recognised():
    assert multinet.backend.is_keras_tensor(multinet.Input((2,)))
    assert not multinet.backend.is_keras_tensor(np.ones(2))


def test_names_are_counted_anew_in_a_new_session():
    multinet.backend.clear_session()
    assert multinet.backend.get_uid("thing") == 1
    assert multinet.backend.get_uid("thing") == 2
    assert layers.Dense(1).name == "dense"
    assert layers.Dense(1).name == "dense_1"
    multinet.backend.clear_session()
    assert layers.Dense(1).name == "dense"


@pytest.mark.parametrize(
    "name,when",
    [
        ("numpy", "before"),
        ("jax", "before"),
        ("torch", "before"),
        ("torch", "after"),
        ("tensorflow", "before"),
    ],
)
def test_determinism_reaches_the_framework_and_gives_the_same_bits(name, when):
    # In a process of its own: it is not taken back.
    script = Path(__file__).with_name("deterministic_training.py")
    command = [sys.executable, script, name, when]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"], done.stderr


def test_jax_that_has_started_on_a_gpu_is_told(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(BackendError, match="before the JAX backend is used"):
        multinet_jax._choose_kernels(early=False)
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    multinet_jax._choose_kernels(early=True)
    flags = os.environ["XLA_FLAGS"].split()
    assert flags == ["--xla_dump_to=x", "--xla_gpu_deterministic_ops=true"]


def test_determinism_is_off_at_first():
    assert config.is_determinism_enabled() is False

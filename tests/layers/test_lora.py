"""LoRA: against Keras in files, gradients, weights that stay, and what is refused."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")


def adapted(K, **options):
    """Return a model of one layer of each kind with LoRA, with chosen weights."""
    model = K.Sequential(
        [
            K.layers.Input((6, 6, 2)),
            K.layers.Conv2D(4, 3, lora_rank=2, lora_alpha=5),
            K.layers.Flatten(),
            K.layers.Dense(5, lora_rank=3),
            K.layers.EinsumDense("ab,bc->ac", 4, lora_rank=2, lora_alpha=6),
        ]
    )
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(0, 0.3, w.shape) for w in model.weights])
    return model


def test_files_hold_the_sum_as_those_of_keras(backend, tmp_path):
    ours, theirs = adapted(multinet), adapted(peer)
    wanted = theirs.predict(X, verbose=0)
    np.testing.assert_allclose(ours.predict(X, verbose=0), wanted, rtol=1e-5, atol=1e-5)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    read = [
        peer.saving.load_model(tmp_path / "ours.keras"),
        multinet.saving.load_model(tmp_path / "theirs.keras"),
        multinet.saving.load_model(tmp_path / "ours.keras"),
    ]
    for model in read:
        found = model.predict(X, verbose=0)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert all(read[2].layers[i].lora_enabled for i in (0, 2, 3))
    assert read[2].layers[0].lora_alpha == 5


@pytest.mark.parametrize("name", ["Embedding", "Conv1D", "Conv3D"])
def test_a_file_of_each_kind_goes_to_keras_and_comes_back(name, tmp_path):
    options = {
        "Embedding": ({"input_dim": 7, "output_dim": 3}, (4,)),
        "Conv1D": ({"filters": 3, "kernel_size": 2}, (5, 2)),
        "Conv3D": ({"filters": 2, "kernel_size": 2}, (3, 3, 3, 2)),
    }
    arguments, shape = options[name]
    x = np.random.default_rng(4).integers(0, 7, (3, *shape)).astype("float32")
    models = []
    for K in (multinet, peer):
        layer = getattr(K.layers, name)(**arguments, lora_rank=2, lora_alpha=3)
        models.append(K.Sequential([K.layers.Input(shape), layer]))
    rng = np.random.default_rng(1)
    weights = [rng.normal(0, 0.5, w.shape) for w in models[0].weights]
    for model, K, other in zip(models, (multinet, peer), (peer, multinet)):
        model.set_weights(weights)
        model.save(tmp_path / "m.keras")
        wanted = model.predict(x, verbose=0)
        for library in (K, other):
            read = library.saving.load_model(tmp_path / "m.keras")
            found = read.predict(x, verbose=0)
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_training_moves_the_product_alone(backend):
    model = adapted(multinet)
    before = model.get_weights()
    model.compile(multinet.optimizers.SGD(0.01), "mse")
    model.fit(X, np.ones((3, 4), "float32"), verbose=0)
    for weight, old in zip(model.weights, before, strict=True):
        stays = weight.name == "kernel"
        assert weight.trainable != stays
        assert np.array_equal(weight.numpy(), old) == stays


def test_a_loaded_product_begins_at_zero_and_trains_on(backend, tmp_path):
    model = adapted(multinet)
    model.save_weights(tmp_path / "w.weights.h5")
    model.load_weights(tmp_path / "w.weights.h5")
    a, b = model.layers[2].factors
    assert not b.numpy().any() and a.numpy().any()


def test_a_backup_goes_on_exactly(backend, tmp_path):
    def fitted(epochs, folder):
        multinet.utils.set_random_seed(0)
        model = adapted(multinet)
        model.compile(multinet.optimizers.Adam(0.01), "mse")
        keep = multinet.callbacks.BackupAndRestore(
            folder, delete_checkpoint=False, double_checkpoint=False
        )
        y = np.ones((3, 4), "float32")
        model.fit(X, y, epochs=epochs, verbose=0, callbacks=[keep])
        return model.get_weights()

    straight = fitted(4, tmp_path / "one")
    fitted(2, tmp_path / "two")
    for ours, other in zip(fitted(4, tmp_path / "two"), straight, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_rows_of_an_embedding_are_those_of_its_sum(backend):
    layer = layers.Embedding(5, 3)
    layer.build()
    layer.enable_lora(2, lora_alpha=4, b_initializer="ones")
    table = ops.convert_to_numpy(layer.embeddings)
    a, b = (factor.numpy() for factor in layer.factors)
    np.testing.assert_allclose(table, layer.plain.numpy() + 2 * a @ b, rtol=1e-6)
    found = ops.convert_to_numpy(layer(np.array([[4, 0]])))
    np.testing.assert_allclose(found, table[[[4, 0]]], rtol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
def test_the_product_is_float32_under_each_policy(backend, policy):
    if policy == "float64" and backend.name == "jax":
        pytest.skip("64-bit dtypes are off on JAX")
    layer = layers.Dense(3, lora_rank=2, dtype=policy)
    out = layer(X)
    assert {factor.dtype for factor in layer.factors} == {"float32"}
    assert ops.dtype(out) == layer.compute_dtype == ops.dtype(layer.kernel)


def test_a_weight_added_later_has_the_path_of_its_layer(backend):
    model = multinet.Sequential([layers.Input((3,)), layers.Dense(4, name="head")])
    model.name = "mine"
    model.layers[0].enable_lora(2)
    kernel, a = model.layers[0].plain, model.layers[0].lora_kernel_a
    assert a.path == kernel.path.replace("kernel", "lora_kernel_a")
    assert list(model.paths())[-1] == "head/lora_kernel_b"


def test_what_lora_cannot_do_is_an_error():
    layer = layers.Dense(3)
    with pytest.raises(ArgumentError, match="not built"):
        layer.enable_lora(2)
    layer.build((2, 4))
    with pytest.raises(ArgumentError, match="positive integer"):
        layer.enable_lora(0)
    layer.enable_lora(2)
    with pytest.raises(ArgumentError, match="once"):
        layer.enable_lora(2)
    with pytest.raises(ArgumentError, match="kernel_constraint"):
        layers.Dense(3, lora_rank=2, kernel_constraint="non_neg").build((2, 4))

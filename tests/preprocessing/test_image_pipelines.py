"""Image layers in a model, in front of one, and in the pipelines of a framework."""

import numpy as np
import pytest
import tensorflow as tf

import multinet
from multinet import layers, ops

RNG = np.random.default_rng(4)
X = RNG.uniform(0, 255, (12, 8, 8, 3)).astype("float32")
Y = RNG.integers(0, 3, 12)
START = RNG.normal(0, 0.1, (192, 3)).astype("float32"), np.zeros(3, "float32")


def augmentation(seed):
    return [
        layers.RandomFlip("horizontal", seed=seed),
        layers.RandomRotation(0.1, seed=seed + 1),
        layers.RandomTranslation(0.1, 0.1, seed=seed + 2),
        layers.RandomBrightness(0.2, seed=seed + 3),
        layers.RandomErasing(0.5, seed=seed + 4),
        layers.MixUp(seed=seed + 5),
        layers.Rescaling(1 / 255),
    ]


def classifier(*front):
    model = multinet.Sequential(
        [multinet.Input((8, 8, 3)), *front, layers.Flatten(), layers.Dense(3)]
    )
    loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(multinet.optimizers.SGD(0.1), loss)
    model.set_weights([*START])
    return model


def losses_inside():
    model = classifier(*augmentation(3))
    return model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history


def losses_in_front():
    """The layers run in a source of data, on NumPy, whichever backend trains."""
    pipeline = layers.Pipeline(augmentation(3))

    def batches():
        for _ in range(2):
            for start in range(0, 12, 4):
                with multinet.use_backend("numpy"):
                    x = np.asarray(pipeline(X[start : start + 4], training=True))
                yield x, Y[start : start + 4]

    model = classifier()
    return model.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0).history


@pytest.mark.parametrize("losses", [losses_inside, losses_in_front])
def test_a_classifier_trains_with_the_same_numbers_on_every_backend(backends, losses):
    found = []
    for backend in backends.values():
        with multinet.use_backend(backend):
            found.append(losses()["loss"])
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=2e-4)
    assert found[0][0] != found[0][1]


def test_evaluation_and_prediction_see_the_images_as_they_are(real_backend):
    plain, augmented = (
        classifier(layers.Rescaling(1 / 255)),
        classifier(*augmentation(3)),
    )
    found = augmented.predict(X, verbose=0)
    np.testing.assert_allclose(found, plain.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        augmented.evaluate(X, Y, verbose=0), plain.evaluate(X, Y, verbose=0), rtol=1e-5
    )


def test_a_step_draws_anew_and_the_same_for_a_seed(real_backend):
    layer = layers.RandomBrightness(0.5, seed=1)
    draw = multinet.jit(lambda x: layer(x, training=True))
    pair = [ops.convert_to_numpy(draw(X)) for _ in range(2)]
    assert np.abs(pair[0] - pair[1]).max() > 0
    again = layers.RandomBrightness(0.5, seed=1)
    for found in pair:
        wanted = ops.convert_to_numpy(again(X, training=True))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-3)


def test_a_model_is_saved_with_its_augmentation(tmp_path):
    model = classifier(
        *augmentation(3),
        layers.RandomZoom((-0.2, 0.1)),
        layers.RandAugment(value_range=(0, 1)),
        layers.Pipeline([layers.RandomContrast(0.2), layers.CenterCrop(8, 8)]),
    )
    model.save(tmp_path / "model.keras")
    loaded = multinet.saving.load_model(tmp_path / "model.keras")
    wanted = [layer.get_config() for layer in model.layers]
    assert [layer.get_config() for layer in loaded.layers] == wanted
    np.testing.assert_allclose(
        loaded.predict(X, verbose=0), model.predict(X, verbose=0)
    )


# -- tf.data ---------------------------------------------------------------------------


def dataset(x, size=4):
    return tf.data.Dataset.from_tensor_slices(x).batch(size)


def test_a_pipeline_of_a_framework_draws_anew_for_each_batch(real_backend):
    """As the layer does on NumPy, batch by batch; the graph knows the shape."""
    layer, again = (layers.RandomErasing(0.9, seed=5) for _ in range(2))
    mapped = dataset(X).map(layer)
    assert mapped.element_spec.shape.as_list() == [None, 8, 8, 3]
    found = [batch.numpy() for batch in mapped]
    with multinet.use_backend("numpy"):
        wanted = [np.asarray(again(X[i : i + 4])) for i in (0, 4, 8)]
    np.testing.assert_allclose(np.stack(found), np.stack(wanted), rtol=1e-6)


def test_a_pipeline_takes_dicts_single_images_and_any_sizes(real_backend):
    layer = layers.RandomFlip("vertical", seed=5, bounding_box_format="xyxy")
    boxes = {"boxes": np.ones((12, 2, 4), "float32"), "labels": np.ones((12, 2))}
    data = {"images": X, "bounding_boxes": boxes, "labels": Y}
    (batch,) = tf.data.Dataset.from_tensor_slices(data).map(layer).batch(12)
    same = batch["images"].numpy() == X
    flipped = batch["images"].numpy() == X[:, ::-1]
    assert (same.all((1, 2, 3)) | flipped.all((1, 2, 3))).all()
    np.testing.assert_array_equal(batch["labels"], Y)

    def images():
        yield from (np.ones((n, n + 1, 3), "float32") for n in (4, 9))

    spec = tf.TensorSpec((None, None, 3), tf.float32)
    sizes = tf.data.Dataset.from_generator(images, output_signature=spec)
    resized = sizes.map(layers.Resizing(5, 6)).batch(2)
    assert next(iter(resized)).shape == (2, 5, 6, 3)


def test_parts_of_a_layer_run_in_a_pipeline_too(real_backend):
    layer = layers.RandomZoom(0.3, seed=5)
    drawn = dataset(X).map(layer.get_random_transformation)
    zooms = np.concatenate([part["height_zoom"] for part in drawn])
    assert len(np.unique(zooms)) == 12
    pipeline = layers.Pipeline(augmentation(3))
    found = np.concatenate([batch.numpy() for batch in dataset(X).map(pipeline)])
    assert found.shape == X.shape and np.abs(found).max() <= 1.0

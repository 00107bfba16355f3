"""Image layers: what they do to a batch, and what they draw, against Keras's."""

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from image_layer_cases import BOXES, CASES, DRAWING, IMAGES, MASKS, N, moments
from image_layer_cases import transformed as transformed_by

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

HERE = Path(__file__).parent
cases = pytest.mark.parametrize(
    "place", range(len(CASES)), ids=lambda i: f"{CASES[i][0]}-{i}"
)


@functools.cache
def of_keras(wanted):
    """What Keras makes of the cases, in a process of its own."""
    script = HERE / "keras_image_layers.py"
    done = subprocess.run(
        [sys.executable, script, wanted], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return pickle.loads(done.stdout)


def numpy(x):
    return ops.convert_to_numpy(x)


def compare(place, form):
    if (CASES[place][0], form) == ("AutoContrast", "channels_first"):
        pytest.skip("Keras stretches columns, not channels")
    wanted = of_keras("transformed")[place][form]
    found = transformed_by(layers, *CASES[place], form, numpy)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-4, atol=2e-3, err_msg=key)


@cases
def test_a_transformation_is_that_of_keras(backend, place):
    compare(place, "channels_last")


@cases
def test_channels_first_are_those_of_keras(place):
    with multinet.use_backend("numpy"):
        compare(place, "channels_first")


@pytest.mark.long
@cases
def test_channels_first_are_those_of_keras_on_every_backend(backend, place):
    compare(place, "channels_first")


def test_auto_contrast_stretches_each_channel_in_both_formats(backend):
    first = layers.AutoContrast(data_format="channels_first")
    found = numpy(first(IMAGES.transpose(0, 3, 1, 2)))
    wanted = numpy(layers.AutoContrast(data_format="channels_last")(IMAGES))
    np.testing.assert_allclose(found.transpose(0, 2, 3, 1), wanted, rtol=1e-5)


@pytest.mark.parametrize("name", DRAWING)
def test_draws_follow_those_of_keras_in_distribution(name):
    (wanted, error), (found, own) = of_keras("moments")[name], moments(layers, name)
    # Five standard errors of seven moments: by chance once in 200,000 runs.
    np.testing.assert_array_less(abs(found - wanted), 5 * np.hypot(error, own) + 1e-3)


@pytest.mark.parametrize("name", DRAWING)
def test_draws_are_equal_on_every_backend(backends, name):
    found = []
    for backend in backends.values():
        with multinet.use_backend(backend):
            layer = getattr(layers, name)(**DRAWING[name], seed=7)
            found.append(np.stack([numpy(layer(IMAGES)) for _ in range(4)]))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4, atol=1e-2)
    assert np.ptp(found[0], axis=0).max() > 0  # calls draw anew


# -- parts of a sample -----------------------------------------------------------------


def sample(**more):
    boxes = {"boxes": BOXES, "labels": np.array([[1, 2]] * N)}
    parts = {"images": IMAGES, "bounding_boxes": boxes, "segmentation_masks": MASKS}
    return {**parts, "labels": np.eye(N, dtype="float32"), "id": np.arange(N), **more}


def test_boxes_and_masks_move_with_the_pixels(backend):
    """The box around a bright block, and its mask, are around it afterwards."""
    images = np.zeros((1, 16, 16, 1), "float32")
    images[0, 3:7, 2:8] = 255
    masks = (images > 0).astype("int32")
    boxes = {"boxes": [[[2, 3, 8, 7]]], "labels": [[4]]}
    data = {"images": images, "segmentation_masks": masks, "bounding_boxes": boxes}
    options = {"bounding_box_format": "xyxy", "seed": 1}
    moving = [
        layers.RandomFlip("horizontal", **options),
        layers.RandomTranslation((0.25, 0.25), (0.125, 0.125), "constant", **options),
        layers.RandomRotation((0.25, 0.25), "constant", **options),
    ]
    for layer in moving:
        found = layer(data)
        rows, columns = np.nonzero(numpy(found["images"])[0, :, :, 0] > 128)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        box = numpy(found["bounding_boxes"]["boxes"])[0, 0]
        np.testing.assert_allclose(box, edges, atol=1.01, err_msg=layer.name)
        moved = numpy(found["segmentation_masks"])[0, :, :, 0]
        np.testing.assert_array_equal(moved, numpy(found["images"])[0, :, :, 0] > 128)


@pytest.mark.parametrize("form", ["xywh", "rel_center_xywh", "yxyx"])
def test_boxes_of_any_format_move_alike(form):
    convert = multinet.utils.bounding_boxes.convert_format
    height, width = IMAGES.shape[1:3]
    given = {"boxes": numpy(convert(BOXES, "xyxy", form, height, width))}
    for kind, options in (
        (layers.RandomFlip, {}),
        (layers.RandomRotation, {"factor": 0.2}),
        (layers.RandomZoom, {"height_factor": 0.3}),
        (layers.RandomPerspective, {"scale": 0.3}),
    ):
        pair = []
        for boxes, name in ((BOXES, "xyxy"), (given["boxes"], form)):
            layer = kind(**options, seed=3, bounding_box_format=name)
            parts = {"boxes": boxes, "labels": np.ones((N, 2), "int32")}
            found = layer(sample(bounding_boxes=parts))["bounding_boxes"]["boxes"]
            pair.append(numpy(convert(found, name, "xyxy", height, width)))
        np.testing.assert_allclose(*pair, atol=1e-4, err_msg=kind.__name__)


def test_one_sample_is_treated_as_a_batch_of_one():
    one = {"images": IMAGES[0], "segmentation_masks": MASKS[0], "labels": np.eye(N)[0]}
    one["bounding_boxes"] = {"boxes": BOXES[0], "labels": np.array([1, 2])}
    whole = sample(
        images=IMAGES[:1],
        segmentation_masks=MASKS[:1],
        labels=np.eye(N, dtype="float32")[:1],
        bounding_boxes={"boxes": BOXES[:1], "labels": np.array([[1, 2]])},
    )
    for name in ("RandomZoom", "RandomShear", "MixUp", "RandomErasing", "CenterCrop"):
        more = {"CenterCrop": {"height": 4, "width": 4}}.get(name, {"seed": 4})
        layer = [
            getattr(layers, name)(
                **DRAWING.get(name, {}), **more, bounding_box_format="xyxy"
            )
            for _ in range(2)
        ]
        alone, batch = layer[0](one), layer[1](whole)
        for part in ("images", "segmentation_masks", "labels"):
            np.testing.assert_allclose(alone[part], batch[part][0], rtol=1e-6)
        for part in ("boxes", "labels"):
            pair = (found["bounding_boxes"][part] for found in (alone, batch))
            np.testing.assert_allclose(next(pair), next(pair)[0], rtol=1e-6)


def test_what_a_dict_has_besides_stays_and_the_dict_itself_too():
    data = sample()
    found = layers.RandomFlip(bounding_box_format="xyxy", seed=0)(data)
    np.testing.assert_array_equal(found["id"], np.arange(N))
    assert data["images"] is IMAGES
    assert ops.dtype(found["segmentation_masks"]) == "int32"


def test_labels_are_mixed_like_the_images(backend):
    for kind in (layers.MixUp, layers.CutMix):
        layer = kind(seed=2)
        ones = np.arange(N, dtype="float32")[:, None, None, None] * np.ones((8, 6, 3))
        data = {"images": ones.astype("float32"), "labels": np.eye(N, dtype="float32")}
        found = layer(data)
        wanted = numpy(found["labels"]) @ np.arange(N)
        means = numpy(found["images"]).mean((1, 2, 3))
        # A window of CutMix begins and ends between pixels, its area does not.
        slack = 1e-5 if kind is layers.MixUp else 0.35
        np.testing.assert_allclose(means, wanted, atol=slack)
        np.testing.assert_allclose(numpy(found["labels"]).sum(1), 1, rtol=1e-5)


def test_wrong_data_get_an_error_that_says_what_to_do():
    flip = layers.RandomFlip()
    with pytest.raises(ShapeError, match="images of 3 axes, or a batch"):
        flip(IMAGES[0, 0])
    with pytest.raises(ArgumentError, match="Pass bounding_box_format"):
        flip(sample())
    boxed = layers.RandomFlip(bounding_box_format="xyxy")
    with pytest.raises(ArgumentError, match="a dict with boxes and labels"):
        boxed(sample(bounding_boxes=BOXES))
    with pytest.raises(ShapeError, match="with channels"):
        boxed(sample(segmentation_masks=MASKS[..., 0]))
    with pytest.raises(ArgumentError, match="use MixUp"):
        layers.CutMix(bounding_box_format="xyxy")(sample())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.RandomBrightness(1.5), "within \\[-1, 1\\]"),
        (lambda: layers.RandomContrast([0.1]), "a list of two"),
        (lambda: layers.RandomHue("strong"), "a number"),
        (lambda: layers.RandomZoom(-1.0), "above -1"),
        (lambda: layers.RandomRotation(0.1, fill_mode="mirrored"), "fill_mode"),
        (lambda: layers.RandomFlip("diagonal"), "horizontal"),
        (lambda: layers.AutoContrast(value_range=255), "black and white"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "odd"),
        (lambda: layers.RandomErasing(fill_value="red"), "fill_value"),
        (lambda: layers.Resizing(0, 4), "positive integer"),
        (lambda: layers.Pipeline.from_config({"name": "p"}), "a list of layers"),
    ],
)
def test_wrong_options_are_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()

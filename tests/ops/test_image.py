"""What the table of cases cannot say of images: draws, slopes, errors."""

import numpy as np
import pytest
from image_cases import ARRAYS

from multinet import Input, ops, use_backend
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops import image

PICS, TURN = ARRAYS["pics"], ARRAYS["turn"]


def value(x):
    return ops.convert_to_numpy(x)


def test_elastic_transform_is_equal_on_every_backend():
    results = []
    for name in ("numpy", "jax", "torch", "tensorflow"):
        with use_backend(name):
            moved = image.elastic_transform(PICS, 2.0, 1.5, seed=4)
            results.append(value(moved))
    assert np.abs(results[0] - PICS).max() > 1e-3
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], atol=1e-5)


def test_elastic_transform_moves_all_channels_alike(backend):
    grey = np.repeat(PICS[..., :1], 3, -1)
    moved = value(image.elastic_transform(grey, 2.0, 1.5, seed=4))
    np.testing.assert_array_equal(moved[..., 0], moved[..., 2])
    single = value(image.elastic_transform(grey[0], 2.0, 1.5, seed=4))
    assert single.shape == grey[0].shape


def test_the_gradient_for_a_transform_is_its_slope(real_backend):
    transform = TURN[0].copy()
    transform[6:] = 0.011, -0.017

    def total(t):
        t = ops.convert_to_tensor(t, "float64")
        pictures = ops.convert_to_tensor(PICS, "float64")
        y = image.affine_transform(pictures, t, fill_mode="nearest")
        return ops.sum(
            ops.multiply(y, ops.sin(ops.arange(6.0, dtype="float64"))[:, None])
        )

    direction = np.linspace(-1, 1, 8) * 0.1
    wide = transform.astype("float64")
    with use_backend("numpy"):
        up, down = (value(total(wide + h * direction)) for h in (1e-6, -1e-6))
    point = ops.convert_to_tensor(wide, "float64")

    def function(t):
        y = image.affine_transform(
            ops.convert_to_tensor(PICS, "float64"), t, fill_mode="nearest"
        )
        weights = ops.convert_to_tensor(np.sin(np.arange(6.0))[:, None], "float64")
        return (ops.sum(ops.multiply(y, weights)),)

    _, pullback = real_backend.vjp(function, (point,))
    gradient = value(pullback((ops.ones((), "float64"),))[0])
    np.testing.assert_allclose(gradient @ direction, (up - down) / 2e-6, rtol=1e-4)


def test_a_model_resizes_images_of_unknown_size():
    x = Input((None, None, 3))
    y = image.resize(x, (4, 5))
    assert y.shape == (None, 4, 5, 3)
    assert image.extract_patches(x, 2).shape == (None, None, None, 12)
    assert image.affine_transform(x, TURN[0]).shape == (None, None, None, 3)
    assert image.pad_images(x, 1, 1, 1, 1).shape == (None, None, None, 3)


ERRORS = {
    "rank": (ShapeError, lambda: image.resize(np.ones((2, 2)), (2, 2))),
    "size": (ArgumentError, lambda: image.resize(PICS, (2, 2, 2))),
    "method": (ArgumentError, lambda: image.resize(PICS, (2, 2), "cubical")),
    "both": (
        ArgumentError,
        lambda: image.resize(PICS, (2, 2), "nearest", False, True, True),
    ),
    "channels": (ShapeError, lambda: image.rgb_to_hsv(PICS[..., :2])),
    "integers": (DTypeError, lambda: image.rgb_to_hsv(ARRAYS["bytes"])),
    "transform": (ShapeError, lambda: image.affine_transform(PICS, TURN[:, :6])),
    "points": (ShapeError, lambda: image.perspective_transform(PICS, TURN, TURN)),
    "coordinates": (ShapeError, lambda: image.map_coordinates(PICS, TURN, 1)),
    "order": (ArgumentError, lambda: image.map_coordinates(PICS[0, 0], TURN[:2], 3)),
    "mode": (
        ArgumentError,
        lambda: image.map_coordinates(PICS[0, 0], TURN[:2], 1, "mirrored"),
    ),
    "margins": (ArgumentError, lambda: image.pad_images(PICS, 1, 1, 1, 1, 9)),
    "too large": (ArgumentError, lambda: image.crop_images(PICS, 4, 0, 4, 0)),
    "shapes": (ShapeError, lambda: image.ssim(PICS, PICS[:1])),
    "patches": (ShapeError, lambda: image.extract_patches(np.ones((3, 3)), 2)),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments_are_explained(name):
    kind, call = ERRORS[name]
    with pytest.raises(kind, match="xpected|expects|Unknown"):
        call()

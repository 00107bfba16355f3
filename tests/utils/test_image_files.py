"""Images and arrays, against Keras and Pillow."""

import io

import keras
import numpy as np
import pytest

from multinet import ops, preprocessing, utils
from multinet.errors import ArgumentError, ShapeError

Image = pytest.importorskip("PIL.Image")


def picture(*shape, top=256):
    return np.random.default_rng(0).integers(0, top, shape).astype("float32")


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_arrays_become_images_and_come_back(channels, scale, data_format):
    x = picture(5, 7, channels)
    if data_format == "channels_first":
        x = x.transpose(2, 0, 1)
    ours = utils.array_to_img(x, data_format, scale)
    theirs = keras.utils.array_to_img(x, data_format, scale)
    assert ours.mode == theirs.mode and ours.size == theirs.size
    difference = np.asarray(ours).astype(int) - np.asarray(theirs)
    assert np.abs(difference).max() <= 1  # a rounding of the scale
    back = utils.img_to_array(ours, data_format)
    np.testing.assert_array_equal(back, keras.utils.img_to_array(ours, data_format))
    assert back.dtype == "float32" and back.shape == x.shape


def test_gray_values_above_255_are_kept():
    x = picture(4, 4, 1, top=5000)
    image = utils.array_to_img(x, scale=False)
    assert image.mode == "I"
    np.testing.assert_array_equal(utils.img_to_array(image), x)


def test_tensors_become_images(real_backend):
    image = utils.array_to_img(ops.ones((4, 4, 3)), scale=False)
    assert np.asarray(image).tolist() == np.ones((4, 4, 3)).tolist()


@pytest.mark.parametrize("size", [None, (4, 4), (3, 9), (16, 5)])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
def test_files_are_read_as_keras_does(tmp_path, size, keep, color_mode):
    path = tmp_path / "a.png"
    utils.save_img(path, picture(8, 10, 3), scale=False)
    options = dict(
        color_mode=color_mode,
        target_size=size,
        interpolation="bilinear",
        keep_aspect_ratio=keep,
    )
    for place in (path, str(path), bytes(path), io.BytesIO(path.read_bytes())):
        ours = utils.load_img(place, **options)
    theirs = keras.utils.load_img(path, **options)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("kind", ["png", "jpg", "JPEG", "bmp"])
def test_files_are_written_in_the_format_of_their_suffix(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    utils.save_img(path, picture(8, 8, 3))
    assert Image.open(path).format.lower() == kind.lower().replace("jpg", "jpeg")


def test_jpeg_leaves_out_what_it_has_no_place_for(tmp_path):
    with pytest.warns(UserWarning, match="opacity"):
        utils.save_img(tmp_path / "a.jpg", picture(8, 8, 4))
    assert Image.open(tmp_path / "a.jpg").mode == "RGB"


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_smart_resize_crops_and_resizes(real_backend, batch, data_format):
    x = picture(*batch, 12, 18, 3)
    # Six columns on the right and left are left out; then pairs are averaged.
    expected = x[..., 3:15, :].reshape(*batch, 6, 2, 6, 2, 3).mean((-4, -2))
    first = data_format == "channels_first"
    if first:
        x = np.moveaxis(x, -1, -3)
    out = preprocessing.image.smart_resize(x, (6, 6), data_format=data_format)
    assert isinstance(out, np.ndarray)
    out = np.moveaxis(out, -3, -1) if first else out
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda: utils.array_to_img(np.ones((4, 4))), ShapeError, "three axes"),
        (lambda: utils.array_to_img(np.ones((4, 4, 2))), ShapeError, "1, 3 or 4"),
        (lambda: utils.img_to_array(np.ones(4)), ShapeError, "two or three"),
        (lambda: utils.load_img(3), ArgumentError, "int"),
        (lambda: utils.load_img("a", color_mode="cmyk"), ArgumentError, "color_mode"),
        (lambda: utils.load_img("a", interpolation="x"), ArgumentError, "interpol"),
        (
            lambda: preprocessing.image.smart_resize(np.ones((4, 4)), (2, 2)),
            ShapeError,
            "height, width",
        ),
    ],
)
def test_what_is_no_image_is_told(call, error, said):
    with pytest.raises(error, match=said):
        call()

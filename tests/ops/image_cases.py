"""Cases of images and of sequences of labels; see `cases.py` for what a line is."""

import numpy as np

rng = np.random.default_rng(11)


def _u(*shape):
    return rng.uniform(0.05, 0.95, shape).astype("float32")


_corners = np.array([[[0, 0], [5, 0], [0, 4], [5, 4]]] * 2, "float32")
ARRAYS = {
    "pics": _u(2, 5, 6, 3),
    "pic": _u(5, 6, 3),
    "planes": _u(2, 3, 5, 6),
    "bytes": (rng.integers(0, 64, (2, 5, 6, 3)) * 4).astype("uint8"),
    "wide": _u(2, 9, 8, 2),
    "wide2": _u(2, 9, 8, 2),
    "cubes": _u(2, 4, 5, 4, 2),
    "turn": np.array(
        [[1.1, 0.1, -0.5, -0.05, 0.9, 0.3, 0, 0], [0.9, 0, 1.1, 0, 1.2, -1.3, 0, 0]],
        "float32",
    ),
    "quads": _corners,
    "quads2": _corners + rng.uniform(-0.7, 0.7, _corners.shape).astype("float32"),
    "where_": rng.uniform(-3, 8, (3, 2, 7)).astype("float32"),
    "zoom": np.array([0.7, 1.3], "float32"),
    "shift": np.array([0.6, -1.1], "float32"),
    "speech": np.random.default_rng(3)
    .permutation(105)
    .reshape(3, 7, 5)
    .astype("float32")
    / 25,
    "words": np.array([[1, 1, 2, 0], [3, 1, 3, 1], [2, 0, 0, 0]], "int32"),
    "lens": np.array([3, 3, 1], "int32"),
    "times": np.array([7, 6, 5], "int32"),
}


def projected(x):
    """Return the nearest pixels of `pics` under a projection whose k is not 1."""
    a0, a1, a2, b0, b1, b2, c0, c1 = PROJECTION
    result = np.zeros_like(x)
    for y, u in np.ndindex(x.shape[1:3]):
        k = c0 * u + c1 * y + 1
        column = round((a0 * u + a1 * y + a2) / k)
        row = round((b0 * u + b1 * y + b2) / k)
        if 0 <= row < x.shape[1] and 0 <= column < x.shape[2]:
            result[:, y, u] = x[:, row, column]
    return result


PROJECTION = (1.03, 0.11, -0.52, -0.07, 0.93, 0.31, 0.021, -0.013)
REFERENCES = {
    # Keras on JAX leaves k out; its documentation and TensorFlow have it.
    f"image.affine_transform(pics, {PROJECTION}, 'nearest')": (
        lambda x: projected(x["pics"])
    ),
}

CASES = """
image.rgb_to_grayscale(pics); image.rgb_to_grayscale(bytes)
image.rgb_to_grayscale(planes, 'channels_first'); image.rgb_to_hsv(pics)
image.rgb_to_hsv(pic); image.hsv_to_rgb(pics)
image.hsv_to_rgb(planes, 'channels_first')
image.resize(pics, (4, 9)); image.resize(pic, (10, 3), 'nearest')
image.resize(pics, (7, 4), 'bicubic'); image.resize(pics, (7, 4), 'lanczos3')
image.resize(pics, (3, 4), 'lanczos5', True); image.resize(pics, (2, 3), antialias=True)
image.resize(planes, (3, 8), data_format='channels_first')
image.resize(bytes, (10, 12)); image.resize(bytes, (3, 4), 'nearest')
image.resize(pics, (4, 4), crop_to_aspect_ratio=True)
image.resize(pics, (4, 4), pad_to_aspect_ratio=True, fill_value=0.5)
image.resize(pics, (3, 9), 'nearest', pad_to_aspect_ratio=True)
image.scale_and_translate(pics, (2, 4, 9, 3), zoom, shift, (1, 2), 'linear')
image.scale_and_translate(pics, (2, 4, 9, 3), zoom, shift, (1, 2), 'cubic', False)
image.scale_and_translate(pic, (4, 9, 3), zoom, shift, (0, 1), 'lanczos3')
image.affine_transform(pics, turn); image.affine_transform(pics, turn, 'nearest')
image.affine_transform(pic, turn[0], fill_mode='reflect')
image.affine_transform(pics, turn, fill_mode='mirror')
image.affine_transform(planes, turn, fill_mode='wrap', data_format='channels_first')
image.affine_transform(pics, turn, 'bilinear', 'constant', 0.4)
image.perspective_transform(pics, quads, quads2)
image.perspective_transform(pic, quads[0], quads2[0], 'nearest', 0.3)
image.perspective_transform(planes, quads, quads2, data_format='channels_first')
image.map_coordinates(pic, where_, 1); image.map_coordinates(pic, where_, 0)
image.map_coordinates(pic, where_, 1, 'nearest', 0.2)
image.map_coordinates(pic, where_, 1, 'wrap')
image.map_coordinates(pic, where_, 1, 'mirror')
image.map_coordinates(pic, where_, 0, 'reflect')
image.map_coordinates(bytes[0], where_, 1, 'reflect')
image.gaussian_blur(pics, data_format='channels_last')
image.gaussian_blur(pic, (5, 3), (2.0, 0.7), 'channels_last')
image.gaussian_blur(planes, (2, 3), (1.0, 1.5), 'channels_first')
image.sobel_edges(pics); image.sobel_edges(planes, 'channels_first')
image.ssim(wide, wide2, filter_size=5); image.ssim(wide[0], wide2[0], 2.0, 7, 1.0)
image.extract_patches(pics, 2); image.extract_patches(pic, (2, 3))
image.extract_patches(pics, 3, 1, padding='same')
image.extract_patches(pics, 2, 1, 2); image.extract_patches(bytes, 2, (1, 2))
image.extract_patches(planes, 2, data_format='channels_first')
image.extract_patches(cubes, (2, 3, 2), 1); image.extract_patches_3d(cubes, 2)
image.extract_patches_3d(cubes[0], (2, 2, 3), padding='same')
image.pad_images(pics, 1, 2, 3, 0); image.pad_images(bytes, 1, 0, 0, 1)
image.pad_images(pic, top_padding=1, target_height=9, right_padding=0, target_width=8)
image.crop_images(pics, 1, 2, 0, 1)
image.crop_images(planes, 1, 2, 0, 1, data_format='channels_first')
image.crop_images(pic, 1, None, None, 1, 2, 3)
image.elastic_transform(pics, 0.0, seed=1)
ctc_loss(words, speech, lens, times); ctc_loss(words, speech, lens, times, 4)
ctc_decode(speech, times); ctc_decode(speech, times, merge_repeated=False)
ctc_decode(speech, times, mask_index=4)
ctc_decode(speech, times, 'beam_search', 4, 2)
ctc_decode(speech, times, 'beam_search', 100, 3, mask_index=2)
"""
CASES += "\n".join(REFERENCES)

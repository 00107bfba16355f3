"""Image layers with a transformation each, and a batch to transform."""

import numpy as np

N, H, W, C = 3, 8, 6, 3
RNG = np.random.default_rng(11)
IMAGES = RNG.uniform(0, 255, (N, H, W, C)).astype("float32")
MASKS = RNG.integers(0, 4, (N, H, W, 1)).astype("int32")
LABELS = np.eye(N, dtype="float32")
BOXES = np.array(
    [
        [[1, 2, 4, 6], [0, 0, 3, 3]],
        [[2, 1, 5, 4], [1, 5, 3, 7]],
        [[0, 3, 2, 8], [3, 3, 6, 5]],
    ],
    "float32",
)
BOX_LABELS = np.array([[1, 2], [3, 4], [5, 6]], "int32")

_SHAPES = {"channels_last": (N, H, W, C), "channels_first": (N, C, H, W)}


def column(*numbers, shape=(N, 1, 1, 1)):
    return np.array(numbers, "float32").reshape(shape)


def sized(**given):
    """A transformation that also says what shape the images have."""
    return lambda data_format: {**given, "input_shape": _SHAPES[data_format]}


def always(**given):
    return lambda data_format: given


def rotation(*degrees):
    """Matrices that turn about the middle of the images, by trigonometry."""
    a = np.deg2rad(np.array(degrees, "float32"))
    x, y = (W - 1) / 2, (H - 1) / 2
    c, s = np.cos(a), np.sin(a)
    zero = np.zeros_like(a)
    rows = [c, -s, x - x * c + y * s, s, c, y - x * s - y * c, zero, zero]
    return always(
        angle=np.array(degrees, "float32"),
        rotation_matrix=np.stack(rows, 1).astype("float32"),
        image_height=H,
        image_width=W,
        batch_size=N,
    )


def windows(data_format):
    """Masks of a window in each image."""
    masks = np.zeros((N, H, W, 1), bool)
    masks[0, 1:4, 2:5], masks[1, :, 3:], masks[2, 5:, :2] = True, True, True
    masks = np.repeat(masks, C, 3)
    return masks if data_format == "channels_last" else masks.transpose(0, 3, 1, 2)


FLAGS = np.array([True, False, True])
START = np.array([[[0, 0], [W - 1, 0], [0, H - 1], [W - 1, H - 1]]] * N, "float32")
MOVED = START * (1 + RNG.uniform(-0.3, 0.3, START.shape)).astype("float32")

#: The name of a layer, its arguments, and its transformation for a data format.
CASES = [
    ("RandomFlip", {"mode": "horizontal"}, sized(flips=FLAGS.reshape(N, 1, 1, 1))),
    ("RandomFlip", {"mode": "vertical"}, sized(flips=FLAGS.reshape(N, 1, 1, 1))),
    ("RandomFlip", {}, sized(flips=FLAGS.reshape(N, 1, 1, 1))),
    ("RandomRotation", {"factor": 0.3}, rotation(30.0, -75.0, 0.0)),
    (
        "RandomRotation",
        {"factor": 1, "fill_mode": "constant", "fill_value": 9.0},
        rotation(180.0, 91.0, 5.0),
    ),
    (
        "RandomZoom",
        {"height_factor": 0.5, "fill_mode": "nearest"},
        sized(
            height_zoom=column(0.61, 1.27, 1.0, shape=(N, 1)),
            width_zoom=column(0.82, 1.33, 0.71, shape=(N, 1)),
        ),
    ),
    (
        "RandomTranslation",
        {"height_factor": 0.5, "width_factor": 0.5, "fill_mode": "wrap"},
        sized(translations=column(1.4, -2, 0, 3, -0.25, 1, shape=(N, 2))),
    ),
    (
        "RandomShear",
        {"x_factor": 0.5, "y_factor": 0.5, "interpolation": "nearest"},
        sized(shear_factor=column(0.31, -0.21, 0, 0.41, -0.31, 0, shape=(N, 2))),
    ),
    (
        "RandomPerspective",
        {"fill_value": 3.0},
        sized(apply_perspective=FLAGS, start_points=START, end_points=MOVED),
    ),
    (
        "RandomBrightness",
        {"factor": 0.5},
        always(rgb_delta=column(20, -100, 100)),
    ),
    (
        "RandomContrast",
        {"factor": 0.5},
        always(contrast_factor=column(0.5, 1.0, 1.5)),
    ),
    (
        "RandomColorDegeneration",
        {"factor": 0.5},
        always(factor=column(0.5, 1.0, 0.1)),
    ),
    ("RandomHue", {"factor": 0.5}, always(factor=column(0.4, -0.3, 0, shape=(N,)))),
    (
        "RandomSaturation",
        {"factor": 0.5},
        always(factor=column(0.5, 1.0, 0.0, shape=(N,))),
    ),
    (
        "RandomSharpness",
        {"factor": 0.5},
        always(factor=column(0.0, 0.5, 0.9, shape=(N,))),
    ),
    ("RandomGrayscale", {}, lambda data_format: FLAGS.reshape(N, 1, 1, 1)),
    ("RandomInvert", {}, always(apply_inversion=FLAGS)),
    (
        "RandomPosterization",
        {"factor": 4},
        always(shift_factor=np.array([7, 4, 0], "uint8")),
    ),
    (
        "Solarization",
        {"addition_factor": 0.3, "threshold_factor": 0.5},
        always(additions=column(0, 30, 7), thresholds=column(90, 128, 0)),
    ),
    (
        "RandomGaussianBlur",
        {"kernel_size": (3, 5)},
        always(should_apply_blur=FLAGS, blur_factor=column(0.7, 1.1, shape=(2,))),
    ),
    (
        "RandomErasing",
        {},
        lambda data_format: {
            "apply_erasing": FLAGS,
            "batch_masks": windows(data_format),
            "fill_value": np.float32(7),
        },
    ),
    (
        "CutMix",
        {},
        lambda data_format: {
            "permutation_order": np.array([2, 0, 1]),
            "batch_masks": windows(data_format),
            "mix_weight": column(0.3, 0.5, 0.9),
        },
    ),
    (
        "MixUp",
        {},
        always(
            permutation_order=np.array([2, 0, 1]),
            mix_weight=column(0.3, 0.5, 0.9, shape=(N,)),
        ),
    ),
    ("RandomCrop", {"height": 5, "width": 4}, lambda data_format: (2, 1)),
    ("AutoContrast", {}, always()),
    ("Equalization", {}, always()),
    ("Equalization", {"bins": 16}, always()),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"tile_grid_size": (3, 2)},
        always(),
    ),
    ("CenterCrop", {"height": 4, "width": 5}, sized()),
    ("CenterCrop", {"height": 10, "width": 4}, sized()),
    ("Resizing", {"height": 5, "width": 9}, lambda data_format: (H, W)),
    (
        "Resizing",
        {"height": 5, "width": 9, "crop_to_aspect_ratio": True},
        lambda data_format: (H, W),
    ),
    (
        "Resizing",
        {"height": 9, "width": 5, "pad_to_aspect_ratio": True, "fill_value": 3.0},
        lambda data_format: (H, W),
    ),
]

#: Layers whose boxes Keras refuses, or moves otherwise than it says.
NO_BOXES = {
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "MixUp",
    "RandomCrop",
    "RandomGrayscale",
}
#: Layers whose masks Keras refuses, or mixes with those of other images.
NO_MASKS = {
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "MixUp",
    "RandomGrayscale",
}
#: Layers whose labels Keras refuses.
NO_LABELS = {"ContrastLimitedAdaptiveHistogramEqualization", "RandomGrayscale"}


def first(images):
    return images.transpose(0, 3, 1, 2).copy()


def transformed(
    layers, name, arguments, transformation, data_format, as_array=np.asarray
):
    """The parts of the batch that a layer transforms, as arrays."""
    layer = getattr(layers, name)(
        **arguments, data_format=data_format, bounding_box_format="xyxy"
    )
    change = first if data_format == "channels_first" else np.copy
    given = transformation(data_format)
    found = {
        "images": layer.transform_images(change(IMAGES), given, training=True),
    }
    if name not in NO_LABELS:
        found["labels"] = layer.transform_labels(LABELS.copy(), given, training=True)
    if name not in NO_MASKS:
        masks = layer.transform_segmentation_masks(change(MASKS), given, training=True)
        found["masks"] = masks
    if name not in NO_BOXES:
        boxes = {"boxes": BOXES.copy(), "labels": BOX_LABELS.copy()}
        boxes = layer.transform_bounding_boxes(boxes, given, training=True)
        found["boxes"], found["box_labels"] = boxes["boxes"], boxes["labels"]
    return {key: as_array(value) for key, value in found.items()}


#: Arguments of each layer that draws, for a comparison of what it draws.
DRAWING = {
    "AugMix": {},
    "CutMix": {},
    "MixUp": {},
    "RandAugment": {},
    "RandomBrightness": {"factor": (-0.2, 0.4)},
    "RandomColorDegeneration": {"factor": (0.1, 0.5)},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.3,
        "saturation_factor": (0.3, 0.6),
        "hue_factor": 0.2,
    },
    "RandomContrast": {"factor": 0.4},
    "RandomCrop": {"height": 5, "width": 4},
    "RandomElasticTransform": {"factor": 0.5, "scale": 0.6},
    "RandomErasing": {"factor": (0.2, 0.8)},
    "RandomFlip": {},
    "RandomGaussianBlur": {"factor": 0.6},
    "RandomGrayscale": {"factor": 0.3},
    "RandomHue": {"factor": 0.4},
    "RandomInvert": {"factor": (0.2, 0.6)},
    "RandomPerspective": {"factor": 0.7, "scale": 0.4},
    "RandomPosterization": {"factor": 6},
    "RandomRotation": {"factor": (-0.1, 0.3)},
    "RandomSaturation": {"factor": (0.3, 0.7)},
    "RandomSharpness": {"factor": (0.1, 0.9)},
    "RandomShear": {"x_factor": 0.3, "y_factor": (0.1, 0.4)},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": (-0.1, 0.4)},
    "RandomZoom": {"height_factor": (-0.2, 0.5), "width_factor": 0.3},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.5},
}
#: Those that draw once for a batch: what differs is looked at in many small batches.
OF_BATCHES = {
    "AugMix",
    "RandAugment",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomGaussianBlur",
}


def moments(layers, name):
    """What many images become: the mean and the spread, of pixels and of images.

    The last two are how much is left as it was, and by how much pixels change.
    """
    layer = getattr(layers, name)(**DRAWING[name], seed=5)
    repeats, size = (200, 2) if name in OF_BATCHES else (1, 4000)
    repeats = 60 if name == "AugMix" else repeats
    rng = np.random.default_rng(2)
    images = np.linspace(20, 220, H * W * C).reshape(1, H, W, C)
    batch = images + rng.uniform(-20, 20, (size, 1, 1, 1))
    found = []
    for _ in range(repeats):
        given = batch.astype("float32")
        y = np.asarray(layer(given.copy(), training=True)).astype("float64")
        whole = y.mean((1, 2, 3))
        change = np.abs(y - batch) if y.shape == batch.shape else np.abs(y)
        rows = y[:, 0].mean((1, 2)), y[:, :, 0].mean((1, 2)), y[..., 0].mean((1, 2))
        found.append([whole, whole**2, *rows, y.std((1, 2, 3)), change.mean((1, 2, 3))])
    values = np.concatenate(found, 1)  # moments, images
    groups = (
        values if repeats == 1 else values.reshape(len(values), repeats, -1).mean(2)
    )
    return groups.mean(1), groups.std(1) / np.sqrt(groups.shape[1])

"""What networks are asked for: arguments as Keras has them, and those refused."""

import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest

from multinet import Input, applications, layers
from multinet.applications.images import halving_pad, image_shape
from multinet.errors import ArgumentError, ShapeError

NETWORKS = [name for name in applications.__all__ if name[0].isupper()]
MODULES = [name for name in applications.__all__ if name[0].islower()]


def parameters(function):
    return [
        (p.name, p.default) for p in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_arguments_and_defaults_are_those_of_keras(name):
    ours, theirs = getattr(applications, name), getattr(keras.applications, name)
    assert parameters(ours) == parameters(theirs)
    assert ours.__name__ == name and name in ours.__doc__ and "arXiv" in ours.__doc__


def test_the_names_are_those_of_keras():
    theirs = {name for name in dir(keras.applications) if not name.startswith("_")}
    assert set(applications.__all__) == theirs
    for name in MODULES:
        ours = getattr(applications, name)
        theirs = getattr(keras.applications, name)
        public = {found for found in dir(theirs) if not found.startswith("_")}
        assert public <= set(ours.__all__), name
        for function in ("preprocess_input", "decode_predictions"):
            found = parameters(getattr(ours, function))
            assert found == parameters(getattr(theirs, function))


def test_nothing_is_imported_before_somebody_asks():
    code = """
import sys, multinet
multinet.applications
assert not [n for n in sys.modules if n.startswith("multinet.applications.")]
multinet.applications.vgg16
assert "multinet.applications.resnet" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "options, said",
    [
        (dict(weights="imagnet"), "no file 'imagnet'"),
        (dict(weights="imagenet", classes=10), "1000 classes"),
        (dict(weights="imagenet", classifier_activation="relu"), "softmax"),
        (dict(weights="imagenet", input_shape=(64, 64, 3)), r"\(224, 224, 3\)"),
        (
            dict(weights="imagenet", input_shape=(64, 64, 1), include_top=False),
            "3 chan",
        ),
        (dict(weights=None, input_shape=(31, 64, 3)), "at least 32x32"),
        (dict(weights=None, input_shape=(64, 64)), "three numbers"),
        (dict(weights=None, input_shape=(None, None, 3)), "include_top=False"),
        (dict(weights=None, include_top=False, pooling="mean"), "pooling"),
        (dict(weights=None, input_tensor=np.zeros((1, 64, 64, 3))), "symbolic"),
    ],
)
def test_arguments_that_cannot_be_are_refused(options, said):
    with pytest.raises(ArgumentError, match=said):
        applications.ResNet50(**options)


@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV2"])
def test_weights_without_a_published_hash_are_not_downloaded(name):
    with pytest.raises(ArgumentError, match="published hash"):
        getattr(applications, name)()


def test_weights_of_a_width_that_nobody_trained_are_refused():
    with pytest.raises(ArgumentError, match="small_224_0.5_float"):
        applications.MobileNetV3Small(alpha=0.5)


def test_images_of_other_channels_are_warned_of():
    with pytest.warns(UserWarning, match="1 or 3 channels"):
        model = applications.VGG16(
            weights=None, include_top=False, input_shape=(None, None, 4)
        )
    assert model.output_shape == (None, None, None, 512)


@pytest.mark.parametrize(
    "name, sides",
    [
        ("ResNet50V2", (64, 96)),
        ("EfficientNetB0", (64, 96)),
        ("NASNetMobile", (65, 97)),
    ],
)
def test_features_are_of_images_of_any_size(name, sides):
    build = getattr(applications, name)
    model = build(weights=None, include_top=False, input_shape=(None, None, 3))
    assert model.output_shape[:3] == (None, None, None)
    for side in sides:
        found = model(np.zeros((1, side, side, 3), "float32"))
        assert found.shape[1:3] == (side // 32, side // 32)


@pytest.mark.parametrize(
    "pooling, kind",
    [("avg", "GlobalAveragePooling2D"), ("max", "GlobalMaxPooling2D"), (None, "ReLU")],
)
def test_features_are_pooled_as_asked(pooling, kind):
    model = applications.MobileNet(
        weights=None,
        include_top=False,
        pooling=pooling,
        alpha=0.25,
        input_shape=(64, 64, 3),
    )
    assert type(model.layers[-1]).__name__ == kind
    assert model.output_shape == ((None, 256) if pooling else (None, 2, 2, 256))


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "MobileNetV3Large"])
def test_a_network_begins_at_a_tensor(name):
    image = Input((129, 129, 4), name="four")
    inner = layers.Conv2D(3, 2, strides=2, name="three")(image)
    model = getattr(applications, name)(
        weights=None, include_top=False, input_tensor=inner
    )
    assert [layer.name for layer in model.layers[:2]] == ["four", "three"]
    assert model.input_shape == (None, 129, 129, 4)
    assert model.output_shape[1:3] == (2, 2)


def test_a_tensor_of_another_size_than_said_is_refused():
    with pytest.raises(ShapeError, match="sizes of input_tensor"):
        applications.MobileNetV3Small(
            weights=None, input_shape=(32, 32, 3), input_tensor=Input((64, 64, 3))
        )


def test_names_tell_width_and_images():
    options = dict(weights=None, input_shape=(96, 96, 3), alpha=0.5)
    assert applications.MobileNet(**options).name == "mobilenet_0.50_96"
    assert applications.MobileNetV2(**options).name == "mobilenetv2_0.50_96"
    assert applications.MobileNetV2(**options, name="mine").name == "mine"
    tensor = Input((160, 160, 3))
    model = applications.MobileNetV2(weights=None, alpha=0.35, input_tensor=tensor)
    assert model.name == "mobilenetv2_0.35_160"


def test_the_classifier_has_the_activation_that_is_asked_for():
    for activation, name in (("softmax", "softmax"), (None, "linear")):
        model = applications.MobileNet(
            weights=None, alpha=0.25, classifier_activation=activation
        )
        assert model.layers[-1].activation.__name__ == name
        assert model.output_shape == (None, 1000)


@pytest.mark.parametrize("size", [(7, 8), (8, 8), (9, 7), (None, None)])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_padding_before_strides_is_that_of_keras(size, kernel):
    from keras.src.applications.imagenet_utils import correct_pad

    shape = (*size, 3)
    ours = halving_pad(Input(shape), kernel)
    assert ours == correct_pad(keras.Input(shape), kernel)


def test_a_shape_is_what_was_given_or_the_size_of_imagenet():
    options = dict(size=224, least=32, pretrained=False)
    assert image_shape(None, classifier=True, **options) == (224, 224, 3)
    assert image_shape(None, classifier=False, **options) == (None, None, 3)
    assert image_shape([64, 96, 1], classifier=True, **options) == (64, 96, 1)

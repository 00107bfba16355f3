"""What all architectures share: arguments, image, classifier, weights, members."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Concatenate, ParamSpec, TypeVar, cast

from multinet.applications.images import ImageShape, channels_first, image_shape
from multinet.applications.weights import IMAGENET, Weights, check_top, check_weights
from multinet.applications.weights import load as load_weights
from multinet.checks import one_of
from multinet.errors import ArgumentError
from multinet.layers import (
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
    Layer,
)
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shortening
from multinet.typing import ActivationLike
from multinet.utils import get_source_inputs

_P = ParamSpec("_P")
_N = TypeVar("_N", bound="Network")

_DOC = """Return the model {title}.

{paper}

`weights` are "imagenet", downloaded once, None for initial values, or the path of a
file of weights. With `include_top` the model ends in `classes` outputs, those of
`classifier_activation` (None gives logits); without it, in feature maps, or in their
"avg" or "max" over the image if `pooling` says so. `input_shape` has no batch axis;
`input_tensor` is a symbolic tensor to begin at. Images are as this module's
`preprocess_input` returns them, and their channels where
`config.image_data_format()` says.{more}

Source: {source}.
"""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a caller asks of an architecture."""

    include_top: bool = True
    weights: Weights = IMAGENET
    input_tensor: KerasTensor | None = None
    input_shape: ImageShape | None = None
    pooling: str | None = None
    classes: int = 1000
    classifier_activation: ActivationLike | None = "softmax"
    name: str | None = None

    @property
    def pretrained(self) -> bool:
        """Whether the weights are those of ImageNet."""
        return isinstance(self.weights, str) and self.weights == IMAGENET


@dataclass(frozen=True, kw_only=True)
class Network(ABC):
    """An architecture: its layers, and the images that it is for."""

    files: str = ""  # of weights: their name in weights.json, that of the model
    size: int = 224  # of the images of ImageNet
    least: int = 32

    #: Names of the layers for `pooling`, None where they have that of their class.
    pools: ClassVar[dict[str, str | None]] = {"avg": "avg_pool", "max": "max_pool"}
    #: What more the docstrings of the members say.
    more: ClassVar[str] = ""
    source: ClassVar[str]

    @abstractmethod
    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image."""

    def prepared(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the image as the first convolution takes it."""
        return x

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps."""
        x = GlobalAveragePooling2D(name=self.pools["avg"] or "avg_pool")(x)
        return predictions(x, asked)

    def pooled(self, x: KerasTensor, pooling: str | None) -> KerasTensor:
        """Return feature maps as the last layer without a classifier gives them."""
        if pooling is None:
            return x
        kinds = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}
        return kinds[pooling](name=self.pools[pooling])(x)

    def shape(self, asked: Asked) -> tuple[int | None, ...]:
        """Return the shape of an image."""
        return image_shape(
            asked.input_shape,
            size=self.size,
            least=self.least,
            classifier=asked.include_top,
            pretrained=asked.pretrained,
        )

    def build(self, asked: Asked) -> Model:
        """Return the model."""
        check_weights(asked.weights, self.files)
        if asked.pooling is not None:
            one_of(asked.pooling, "pooling", self.pools)
        if asked.include_top:
            check_top(asked.weights, asked.classes, asked.classifier_activation)
        inputs = image = self.begun(asked)
        x = self.features(self.prepared(image, asked))
        end = self.classified if asked.include_top else _unclassified(self)
        if asked.input_tensor is not None:
            inputs = get_source_inputs(image)
        model = Model(inputs, end(x, asked), name=asked.name)
        load_weights(model, asked.weights, self.files, asked.include_top)
        return model

    def begun(self, asked: Asked) -> KerasTensor:
        """Return the image: the caller's symbolic tensor, or a new input."""
        shape = self.shape(asked)
        if asked.input_tensor is None:
            return Input(shape=shape)
        if not isinstance(asked.input_tensor, KerasTensor):
            raise ArgumentError(
                "Expected input_tensor to be a symbolic tensor, such as Input(shape), "
                f"got {type(asked.input_tensor).__name__}."
            )
        return asked.input_tensor


def _unclassified(network: Network) -> Callable[[KerasTensor, Asked], KerasTensor]:
    return lambda x, asked: network.pooled(x, asked.pooling)


def predictions(x: KerasTensor, asked: Asked, **options: Any) -> KerasTensor:
    """Return the classes of vectors: the layer that most classifiers end in."""
    last = Dense(
        asked.classes,
        activation=asked.classifier_activation,
        name="predictions",
        **options,
    )
    return last(x)


def classifier(
    network: Network,
    include_top: bool = True,
    weights: Weights = IMAGENET,
    input_tensor: KerasTensor | None = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike | None = "softmax",
    name: str | None = None,
) -> Model:
    """Return the model of an architecture that has no arguments of its own."""
    asked = Asked(
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    return network.build(asked)


def member(
    title: str,
    network: _N,
    name: str | None = None,
    build: Callable[Concatenate[_N, _P], Model] = classifier,
) -> Callable[_P, Model]:
    """Return the public function of one member of a family: `build` with its network.

    It has the arguments of `build` after the first, and `name` for the model's.
    """
    whole = inspect.signature(build)
    first, *rest = whole.parameters.values()
    rest = [p.replace(default=name) if p.name == "name" else p for p in rest]
    signature = whole.replace(parameters=rest)

    @functools.wraps(build)
    @shortening
    def one(*args: _P.args, **options: _P.kwargs) -> Model:
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        return build(network, *bound.args, **bound.kwargs)

    network = replace(network, files=network.files or name or title)
    family = type(network)
    one.__doc__ = _DOC.format(
        title=title,
        paper=inspect.getdoc(family),
        more=family.more and f"\n\n{family.more}",
        source=family.source,
    )
    facts = {"__module__": __package__, "__name__": title, "__qualname__": title}
    for fact, value in {**facts, "__signature__": signature}.items():
        setattr(one, fact, value)
    return one


def chain(x: KerasTensor, *parts: Layer) -> KerasTensor:
    """Return what layers make of a tensor, one after the other."""
    for part in parts:
        x = part(x)
    return x


def channel_axis() -> int:
    """Return which axis of a batch of images has the channels."""
    return 1 if channels_first() else -1


def channels(x: KerasTensor) -> int:
    """Return how many channels feature maps have."""
    return cast("int", x.shape[channel_axis()])


def rounded(filters: float, unit: int = 8, least: int | None = None) -> int:
    """Return the nearest multiple of a unit that is not under nine tenths of it."""
    near = max(least or unit, int(filters + unit / 2) // unit * unit)
    return near + unit if near < 0.9 * filters else near

"""Features of tables: what a column is, and how it is prepared and encoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from multinet import layers, ops
from multinet.configurable import Configurable
from multinet.errors import unknown_name
from multinet.layers import Layer
from multinet.layers.preprocessing.hosting import Preparing
from multinet.names import unique_name
from multinet.objects.exports import inner
from multinet.typing import DType, Tensor

Number: TypeAlias = float  # a class below has a method of that name
_HOME = "layers.preprocessing.feature_space"


class Cross(Configurable):
    """Features to be crossed: joint values, hashed into `crossing_dim` bins."""

    _written_as = inner(_HOME, "Cross")

    def __init__(
        self,
        feature_names: Sequence[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> None:
        self.output_mode = chosen(output_mode, ("int", "one_hot"))
        self.feature_names = tuple(feature_names)
        self.crossing_dim = crossing_dim

    @property
    def name(self) -> str:
        """The names of the features, joined."""
        return "_X_".join(self.feature_names)


class Feature(Configurable):
    """A column: its dtype, the layer that prepares it, and how that is encoded."""

    _written_as = inner(_HOME, "Feature")

    def __init__(self, dtype: DType, preprocessor: Layer, output_mode: str) -> None:
        self.output_mode = chosen(output_mode, ("int", "one_hot", "float"))
        self.dtype, self.preprocessor = dtype, preprocessor


class TFDConcat(Preparing):
    """Join tensors along an axis."""

    _written_as = inner(_HOME, "TFDConcat")

    def __init__(self, axis: int, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, xs: Sequence[Tensor]) -> Tensor:
        """Return them as one."""
        return ops.concatenate(xs, axis=self.axis)


class TFDIdentity(Preparing):
    """Return the inputs."""

    _written_as = inner(_HOME, "TFDIdentity")

    def call(self, x: Tensor) -> Tensor:
        """Return x."""
        return x


class Kinds:
    """The kinds of features that there are, with their options."""

    @classmethod
    def cross(
        cls,
        feature_names: Sequence[str],
        crossing_dim: int,
        output_mode: str = "one_hot",
    ) -> Cross:
        """Return features to be crossed."""
        return Cross(feature_names, crossing_dim, output_mode=output_mode)

    @classmethod
    def feature(cls, dtype: DType, preprocessor: Layer, output_mode: str) -> Feature:
        """Return a feature that a layer prepares."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Return a feature of floats as they are."""
        name = name or unique_name("float")
        layer = TFDIdentity(dtype="float32", name=f"{name}_preprocessor")
        return Feature("float32", layer, "float")

    @classmethod
    def float_rescaled(
        cls, scale: Number = 1.0, offset: Number = 0.0, name: str | None = None
    ) -> Feature:
        """Return a feature of floats times `scale` plus `offset`."""
        name = name or unique_name("float_rescaled")
        layer = layers.Rescaling(scale, offset, name=f"{name}_preprocessor")
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Return a feature of floats with mean 0 and variance 1."""
        name = name or unique_name("float_normalized")
        layer = layers.Normalization(axis=-1, name=f"{name}_preprocessor")
        return Feature("float32", layer, "float")

    @classmethod
    def float_discretized(
        cls,
        num_bins: int,
        bin_boundaries: Sequence[Number] | None = None,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of floats in bins."""
        name = name or unique_name("float_discretized")
        layer = layers.Discretization(
            num_bins=num_bins,
            bin_boundaries=bin_boundaries,
            name=f"{name}_preprocessor",
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of integers by their places in a vocabulary."""
        name = name or unique_name("integer_categorical")
        layer = layers.IntegerLookup(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            name=f"{name}_preprocessor",
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Return a feature of texts by their places in a vocabulary."""
        name = name or unique_name("string_categorical")
        layer = layers.StringLookup(
            max_tokens=max_tokens,
            num_oov_indices=num_oov_indices,
            name=f"{name}_preprocessor",
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def integer_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a feature of integers in bins by their hashes."""
        name = name or unique_name("integer_hashed")
        layer = layers.Hashing(num_bins, name=f"{name}_preprocessor")
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_hashed(
        cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Return a feature of texts in bins by their hashes."""
        name = name or unique_name("string_hashed")
        layer = layers.Hashing(num_bins, name=f"{name}_preprocessor")
        return Feature("string", layer, output_mode)


def chosen(value: str, known: Sequence[str]) -> str:
    """Return an `output_mode`; `ArgumentError` for one that is not known."""
    if value not in known:
        raise unknown_name("output_mode", value, known)
    return value

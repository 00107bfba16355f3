"""Hashing, HashedCrossing: categories of any number in a fixed number of bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from multinet import dtypes
from multinet.configurable import own_arguments
from multinet.dtype_policies import get as get_policy
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.preprocessing.encoding import (
    MODES,
    encoded_on_host,
    encoded_shape,
    mode_of,
    sparse_of,
)
from multinet.layers.preprocessing.fingerprints import farmhash, joined, siphash
from multinet.layers.preprocessing.host import HostLayer, encode_texts
from multinet.ops.core import as_tensor
from multinet.symbolic.dims import public_shape
from multinet.typing import Config, Host, PolicyLike, Shape, Shapes, Tensor

_CROSSING = 0xDECAFCAFFE  # the fingerprint that a crossing begins with


class _Binning(HostLayer):
    """A layer of bins. Their dtype is int64 only where the program said so.

    Else it is int32, as of all integers that are data, though Keras's configurations
    say int64.
    """

    _wide: bool
    output_mode: str
    num_bins: int

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer of this configuration."""
        policy = get_policy(config.get("dtype"))
        if policy.name == "int64":
            config = {**config, "dtype": None}
        return super().from_config(config)

    def _given(self, array: Host) -> Tensor:
        return as_tensor(array, "int64") if self._wide else super()._given(array)

    def _output(self, shape: Sequence[Any]) -> tuple[Shape, str]:
        whole = self.output_mode == "int"
        dtype = self.compute_dtype
        if whole and not self._wide:
            dtype = "int32"
        return encoded_shape(shape, self.output_mode, self.num_bins), dtype


class Hashing(_Binning):
    """Put texts and integers into `num_bins` bins, by a hash of each.

    It is FarmHash, or SipHash under a `salt` of one or two integers. With `mask_value`
    bin 0 is for that alone. `output_mode` is "int", or "one_hot", "multi_hot" and
    "count" of the bins of a sample.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: str | int | None = None,
        salt: int | Sequence[int] | None = None,
        output_mode: str = "int",
        sparse: bool = False,
        **options: Any,
    ) -> None:
        mode = mode_of(output_mode)
        self._wide = options.get("dtype") == "int64"
        if options.get("dtype") is None:
            options["dtype"] = "int64" if mode == "int" else dtypes.floatx()
        super().__init__(**options)
        if num_bins is None or num_bins <= 0:
            raise ArgumentError(f"Expected num_bins above 0, got {num_bins}.")
        if mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ArgumentError(
                "Expected dtype int32 or int64 in the mode 'int', got "
                f"{self.compute_dtype}."
            )
        self.num_bins, self.mask_value = num_bins, mask_value
        self.salt, self.output_mode = salt_of(salt), mode
        self.sparse = sparse_of(sparse, mode)

    def call(self, inputs: Host) -> Host:
        """Return the bins, or what the mode makes of them."""
        bins = self._bins(inputs).reshape(inputs.shape)
        return encoded_on_host(
            bins, self.output_mode, self.num_bins, self.compute_dtype
        )

    def _bins(self, inputs: Host) -> Host:
        texts = as_texts(inputs, self.name)
        masks = self.mask_value is not None and self.num_bins > 1
        count = np.uint64(self.num_bins - masks)
        found = farmhash(texts) if self.salt is None else siphash(texts, self.salt)
        bins = (found % count).astype(np.int64)
        if masks:
            mask = as_texts(np.asarray([self.mask_value]), self.name)[0]
            masked = np.fromiter((text == mask for text in texts), bool, len(texts))
            bins = np.where(masked, 0, bins + 1)
        return bins

    def output_on_host(self, inputs: Tensor) -> tuple[Shape, str]:
        """Return the shape and dtype of the output."""
        return self._output(inputs.shape)


class HashedCrossing(_Binning):
    """Put pairs, or more, of texts and integers into `num_bins` bins, by a hash.

    `inputs` are two or more arrays of one shape, (b,), (b, 1) or (). `output_mode` is
    "int" or "one_hot".
    """

    # Keras's configurations have none of these.
    _unwritten = frozenset({"activity_regularizer", "trainable"})

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: PolicyLike | None = None,
        **options: Any,
    ) -> None:
        mode = mode_of(output_mode, MODES[:2])
        self._wide = dtype == "int64"
        if mode == "int" and dtype is None:
            dtype = "int64"
        super().__init__(name=name, dtype=dtype, **options)
        self.num_bins, self.output_mode = num_bins, mode
        self.sparse = sparse_of(sparse, mode)

    def _read(self, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) < 2:
            raise ArgumentError(
                f"{self.name} expects a list or tuple of at least two inputs, got "
                f"{type(value).__name__}."
            )
        return [super(HashedCrossing, self)._read(each) for each in value]

    def call(self, inputs: Sequence[Host]) -> Host:
        """Return the bins of what stands at one place in all inputs."""
        self._check([x.shape for x in inputs])
        found = np.full(inputs[0].size, _CROSSING, np.uint64)
        for x in inputs:
            found = joined(found, self._fingerprints(x))
        bins = (found % np.uint64(self.num_bins)).astype(np.int64)
        shaped = bins.reshape(inputs[0].shape)
        return encoded_on_host(
            shaped, self.output_mode, self.num_bins, self.compute_dtype
        )

    def _fingerprints(self, x: Host) -> Host:
        """Return the fingerprints of texts; an integer is its own."""
        if x.dtype.kind in "iub":
            return x.ravel().astype(np.int64).view(np.uint64)
        if not dtypes.holds_texts(x):
            raise ArgumentError(
                f"{self.name} expects texts or integers, got {x.dtype}. Round floats, "
                "or put them into bins by Discretization."
            )
        return farmhash(encode_texts(x))

    def _check(self, shapes: Sequence[Shape]) -> None:
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[-1] != 1):
            raise ShapeError(
                f"{self.name} expects inputs of shape (), (b,) or (b, 1), got "
                f"{public_shape(first)}."
            )
        if any(len(shape) != len(first) or shape[1:] != first[1:] for shape in shapes):
            raise ShapeError(
                f"{self.name} expects inputs of one shape, got "
                f"{[public_shape(shape) for shape in shapes]}."
            )

    def output_on_host(self, inputs: Sequence[Tensor]) -> tuple[Shape, str]:
        """Return the shape and dtype of the output."""
        self._check([x.shape for x in inputs])
        return self._output(inputs[0].shape)

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the output shape for the shapes of the inputs."""
        self._check([tuple(shape) for shape in input_shape])
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def get_config(self) -> Config:
        """Return the arguments of the constructor; `dtype` by its name."""
        config = own_arguments(self)
        return {**config, "dtype": self.compute_dtype}


def salt_of(salt: int | Sequence[int] | None) -> list[int] | None:
    """Return a salt as two integers; `ArgumentError` if it is none."""
    if salt is None:
        return None
    if isinstance(salt, int):
        return [salt, salt]
    if not isinstance(salt, list | tuple) or len(salt) != 2:
        raise ArgumentError(f"Expected salt to be one or two integers, got {salt!r}.")
    return list(salt)


def as_texts(array: Host, name: str) -> list[bytes]:
    """Return texts, or numbers as their decimal digits, as bytes."""
    if array.dtype.kind == "f":
        array = array.astype(np.int64)
    if array.dtype.kind in "iub":
        return [b"%d" % number for number in array.ravel().tolist()]
    if not dtypes.holds_texts(array):
        raise ArgumentError(f"{name} expects texts or numbers, got {array.dtype}.")
    return encode_texts(array)

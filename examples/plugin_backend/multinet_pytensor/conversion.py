"""Conversion and creation. Contracts are in `multinet.interface.array`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.tensor.type import TensorType

from multinet.errors import TraceError
from multinet.interface import Backend, Scalar
from multinet.interface.array import Shape
from multinet_pytensor.control import Computed
from multinet_pytensor.core import Array, Tensor, constant, held, is_open, settled


@settled
class ConversionOps(Backend[Tensor]):
    """Conversion and creation."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: Array) -> Tensor:
        return constant(np.array(array, order="C"))

    def to_numpy(self, x: Tensor) -> Array:
        if is_open(x):
            raise TraceError(
                "A tensor has no value while PyTensor traces a function. Return it "
                "from the function and convert it outside."
            )
        return np.array(x.data, order="C")

    def is_tensor(self, x: object) -> bool:
        return isinstance(x, Tensor)

    def shape(self, x: Tensor) -> Shape:
        return x.type.shape

    def dtype(self, x: Tensor) -> str:
        return x.type.dtype

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        if held(dtype) == "bool":
            return pt.neq(x, pt.zeros((), x.dtype))
        return pt.cast(x, dtype)

    def bitcast(self, x: Tensor, dtype: str) -> Tensor:
        kind = TensorType(held(dtype), x.type.shape)
        return Computed(lambda x: [np.array(x).view(dtype)], [kind], None)(x)

    def make_complex(self, real: Tensor, imag: Tensor) -> Tensor:
        return pt.complex(real, imag)

    def real(self, x: Tensor) -> Tensor:
        return pt.real(x)

    def imag(self, x: Tensor) -> Tensor:
        return pt.imag(x)

    def conj(self, x: Tensor) -> Tensor:
        return pt.conj(x)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Tensor:
        return constant(np.full(shape, value, held(dtype)))

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Tensor:
        first: Any = start
        count = max(0, int(np.ceil((stop - first) / step)))
        return constant((first + step * np.arange(count)).astype(held(dtype)))

"""The host stage: layers that work on texts and vocabularies, which no device holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.drawing import is_drawing
from multinet.errors import ArgumentError, TraceError
from multinet.layers.base import Layer
from multinet.layers.preprocessing.hosting import hosted
from multinet.ops.core import as_tensor, host, is_array
from multinet.ops.sparse_forms import native, of_array
from multinet.registry import owner
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import is_symbolic, record
from multinet.typing import Host, Shape, Shapes, Tensor, Tensors, Tree


class HostLayer(Layer):
    """A layer that computes on the host: `call` takes and gives arrays of NumPy.

    What it gives becomes a tensor, unless it is texts or data are being drawn for a
    model. In a model such layers stand before the first that needs a tensor, so that
    they run before a compiled step; see `models.staging`.

    Subclasses write `call`, and `output_on_host` for the shape and dtype of what it
    gives.
    """

    #: Whether it runs before a model's first tensor layer.
    on_host = True
    #: Whether what it gives outside of a model becomes a sparse tensor.
    sparse = False
    autograph_info__ = None  # see `hosted`

    @hosted
    def __call__(self, *args: Any, **kwargs: Any) -> Tensors:
        """Compute: on texts, numbers, tensors or KerasTensors."""
        if is_symbolic(args, kwargs):
            return record(self, self._on_shapes, args, kwargs)
        leaves: list[Any] = optree.tree_leaves((args, kwargs))  # type: ignore[arg-type]
        if any(isinstance(leaf, SymbolicArray) for leaf in leaves):
            return self._on_shapes(*args, **kwargs)
        kwargs.pop("training", None)
        given = [self._read(value) for value in args]
        named = {name: self._read(value) for name, value in kwargs.items()}
        self.built = True
        outputs = self.call(*given, **named)
        return outputs if is_drawing() else self._given(outputs)

    def _given(self, array: Host) -> Tensor:
        """Return an array as a tensor; texts, which no tensor holds, as they are."""
        if self.sparse:
            return native(of_array(array))
        return array if dtypes.is_text(array.dtype) else as_tensor(array)

    def _read(self, value: Tree) -> Any:
        """Return data as an array of NumPy, or a list of them for several inputs."""
        return on_host(value, self.name)

    def output_on_host(self, inputs: Tensors) -> tuple[Shape, str]:
        """Return the shape and the dtype of the output for `SymbolicArray` inputs."""
        raise NotImplementedError

    def _on_shapes(self, *args: Any, **kwargs: Any) -> SymbolicArray:
        self.built = True
        return SymbolicArray(*self.output_on_host(*args))

    def build(self, input_shape: Shapes = None) -> None:
        """Do nothing: there are no weights to make."""
        self.built = True


def on_host(value: Tree, name: str) -> Host:
    """Return what a layer of the host is given as an array of NumPy.

    Texts may be str, or bytes. `TraceError` for a tensor of a compiled step, whose
    values are not known on the host.
    """
    if type(value) is np.ndarray:
        return value
    given = value
    if not isinstance(value, str | bytes) and is_array(value):
        place = owner(value)
        try:
            value = host(value) if place is None else place.to_numpy(value)
        except TraceError as error:
            raise TraceError(
                f"{name} works on the host and got a tensor without values. In a model "
                "it must stand before the first layer that computes with tensors, in "
                "Sequential or a functional graph; else call it where the data are "
                "made."
            ) from error
        return np.asarray(value)
    if not isinstance(value, str | bytes) and hasattr(
        value, "to_list"
    ):  # rows of several lengths, of a framework
        value = value.to_list()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ArgumentError(
            f"{name} expects rectangular data, got lists of several lengths: {error}"
        ) from error
    if array.dtype.kind == "O" and not dtypes.holds_texts(array):
        raise ArgumentError(
            f"{name} expects texts or numbers, got {type(given).__name__}."
        )
    return array


def encode_texts(array: Host, encoding: str = "utf-8") -> list[bytes]:
    """Return the texts of an array as bytes, in order."""
    kind = array.dtype.kind
    flat: Sequence[Any] = array.ravel().tolist()
    if kind == "S":
        return list(flat)
    if kind == "U":
        if encoding == "utf-8":
            return [text.encode() for text in flat]
        return [text.encode(encoding) for text in flat]
    return [x if isinstance(x, bytes) else str(x).encode(encoding) for x in flat]


def decode_texts(array: Host, encoding: str = "utf-8") -> Host:
    """Return an array of texts with each as str."""
    if array.dtype.kind == "U":
        return array
    texts = [text.decode(encoding) for text in encode_texts(array, encoding)]
    return np.array(texts, dtype=np.str_).reshape(array.shape)

"""What the signatures of Multinet mean by a tensor, a shape, an axis and the like.

No type of Python holds the tensors of every framework, so some of these names are `Any`
to a checker. They say to the reader what is meant. Where a parameter may also be left
out, its signature adds `| None`.

>>> from multinet.typing import Shape, Tensor
>>> class Scale(keras.Layer):
...     def build(self, input_shape: Shape) -> None: ...
...     def call(self, inputs: Tensor) -> Tensor: ...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = [
    "ActivationLike",
    "AnyLayer",
    "AnyModel",
    "AnyVariable",
    "Axis",
    "Config",
    "ConstraintLike",
    "DType",
    "Data",
    "Host",
    "InitializerLike",
    "LearningRate",
    "Made",
    "Making",
    "Numbers",
    "PolicyLike",
    "RegularizerLike",
    "Seed",
    "Shape",
    "ShapeLike",
    "Shapes",
    "Size",
    "Tensor",
    "Tensors",
    "Tree",
    "Verbose",
]

Tensor: TypeAlias = Any
"""What an op gives, a tensor of the backend, a `KerasTensor` of the functional API, and
what it takes for one: a Variable, an array of NumPy, a number, lists of numbers."""

Tensors: TypeAlias = Any
"""A tensor, or a tree of them: what a layer takes and gives."""

Tree: TypeAlias = Any
"""Lists, tuples and dicts in each other, with anything as leaves; a leaf is a tree."""

Host: TypeAlias = np.ndarray[Any, Any]
"""An array of NumPy: data that is not on a device yet, or no more."""

Numbers: TypeAlias = Any
"""A number of Python, or a tensor or Variable that holds one or several."""

Size: TypeAlias = Any
"""A size of a tensor: an int, None where it is not known yet, which is a `Dim` inside.
"""

Shape: TypeAlias = tuple[Any, ...]
"""The sizes of a tensor, one for each axis."""

Shapes: TypeAlias = Any
"""A `Shape`, or a tree of them where there are several tensors: what a layer is built
for."""

ShapeLike: TypeAlias = int | Sequence[Any]
"""A shape as a user writes it: its sizes, or one size alone."""

Axis: TypeAlias = int | Sequence[int]
"""One axis or several; those below 0 count from the last."""

DType: TypeAlias = Any
"""A dtype: its name, such as "float32", or NumPy's or a framework's own object."""

PolicyLike: TypeAlias = Any
"""What a layer, loss or metric computes in: a dtype, a dtype policy or its
configuration."""

Seed: TypeAlias = Any
"""Where randomness comes from: an int, a `SeedGenerator`, or None for the next of the
process."""

Config: TypeAlias = dict[str, Any]
"""What `get_config` gives and `from_config` takes: data fit for JSON."""

Data: TypeAlias = Any
"""What JSON holds: None, numbers, strings, lists and dicts of them."""

Made: TypeAlias = Any
"""An object made from its configuration, of whatever class that names."""

AnyLayer: TypeAlias = Any
"""A `Layer`, in a module that stands below its class."""

AnyModel: TypeAlias = Any
"""A `Model`, in a module that stands below its class."""

AnyVariable: TypeAlias = Any
"""A `Variable`, in a module that stands below its class."""

InitializerLike: TypeAlias = str | Callable[..., Any] | Config
"""An `Initializer`, its name, class or configuration, or a function (shape, dtype)."""

RegularizerLike: TypeAlias = str | Callable[..., Any] | Config
"""A `Regularizer`, its name, class or configuration, or a function of the weight."""

ConstraintLike: TypeAlias = str | Callable[..., Any] | Config
"""A `Constraint`, its name, class or configuration, or a function of the weight."""

ActivationLike: TypeAlias = str | Callable[..., Any] | Config
"""A function of a tensor, its name or its configuration."""

Verbose: TypeAlias = int | str | bool
"""0 or False for silence, 1 for a bar, 2 for a line an epoch, or "auto"."""

Making: TypeAlias = Any
"""An object, its name, class or configuration; or None."""

LearningRate: TypeAlias = Any
"""A number, a `LearningRateSchedule` or its configuration, or a function without
arguments."""

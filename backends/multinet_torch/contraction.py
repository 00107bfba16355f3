"""Products of integers where torch has none: CUDA multiplies matrices of floats only.

In float64, by digits so short that no sum of products is rounded; nothing goes to the
host.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

_EXACT = 53  # bits of an integer that float64 holds


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return x @ y, integers modulo their size."""
    if x.is_cpu or not _is_integer(x):
        return torch.matmul(x, y)
    return by_digits(torch.matmul, x.shape[-1], x, y)


def einsum(equation: str, *operands: Tensor) -> Tensor:
    """Return the contraction by an explicit equation, integers modulo their size."""
    if operands[0].is_cpu or not _is_integer(operands[0]):
        return torch.einsum(equation, *operands)
    inputs, output = equation.split("->")
    sizes: dict[str, int] = {}
    for term, x in zip(inputs.split(","), operands, strict=True):
        sizes |= zip(term, x.shape, strict=True)
    terms = math.prod(n for letter, n in sizes.items() if letter not in output)
    return by_digits(lambda *xs: torch.einsum(equation, *xs), terms, *operands)


def by_digits(function: Callable[..., Tensor], terms: int, *operands: Tensor) -> Tensor:
    """Apply a function that sums `terms` products, one factor of each operand."""
    dtype = operands[0].dtype
    bits = max(1, (_EXACT - terms.bit_length()) // len(operands))
    count = math.ceil(torch.iinfo(dtype).bits / bits)
    mask = (1 << bits) - 1
    digits = [
        [(x >> bits * i & mask).double() for i in range(count)]
        for x in (x.to(torch.int64) for x in operands)
    ]
    total = None
    for places in product(range(count), repeat=len(operands)):
        if sum(places) < count:  # the others are multiples of the modulus
            part = function(*[x[i] for x, i in zip(digits, places, strict=True)])
            part = part.to(torch.int64) << bits * sum(places)
            total = part if total is None else total + part
    assert total is not None
    return total.to(dtype)


def _is_integer(x: Tensor) -> bool:
    return not (x.is_floating_point() or x.is_complex())

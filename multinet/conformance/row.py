"""What a row of the kit is: a method, its inputs, and what it must return."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.interface import Backend, Scalar
from multinet.interface.signatures import SIGNATURES, Facts

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]
Probe = Callable[[Backend[Any]], Any]

LOW = ("float16", "bfloat16")
#: Every run checks these; the others come with `--all-dtypes`.
USUAL = ("float32", "int32", "bool", "complex64")


@dataclass(frozen=True)
class Operand:
    """One tensor argument: its shape and where its values lie.

    `dtype` None is the dtype of the sweep. `distinct` values are a shuffled even grid:
    no ties, and nothing near a kink. `whole` values are integers, so equal ones occur.
    `diagonal` is added to that of the last two axes.
    """

    shape: Shape
    low: float = -2.0
    high: float = 2.0
    dtype: str | None = None
    distinct: bool = False
    whole: bool = False
    values: Any = None
    diagonal: float = 0.0

    def draw(self, generator: np.random.Generator, dtype: str) -> Array:
        """Return an array of `dtype` (or of the operand's own)."""
        dtype = self.dtype or dtype
        if self.values is not None:
            return np.asarray(self.values).astype(dtypes.to_numpy(dtype))
        values = self._reals(generator, dtype)
        if self.diagonal:
            values = values + self.diagonal * np.eye(self.shape[-1])
        if dtypes.is_complex(dtype):
            values = values + 1j * generator.uniform(self.low, self.high, self.shape)
            values = np.asarray(values).astype(np.complex64)
        elif dtype == "float64":  # so that both precisions differentiate at one point
            values = np.asarray(values).astype(np.float32)
        return np.asarray(values).astype(dtypes.to_numpy(dtype))

    def _reals(self, generator: np.random.Generator, dtype: str) -> Array:
        if dtype == "bool":
            return generator.integers(0, 2, self.shape)
        count = int(np.prod(self.shape))
        if dtypes.is_integer(dtype) or self.whole:
            low = max(self.low, 0) if dtype in dtypes.UNSIGNED else self.low
            if self.distinct:
                grid = generator.permutation(count) + int(np.ceil(low))
                return grid.reshape(self.shape)
            return generator.integers(int(np.ceil(low)), int(self.high) + 1, self.shape)
        if self.distinct:
            grid = (generator.permutation(count) + 0.5) / max(count, 1)
            return (self.low + (self.high - self.low) * grid).reshape(self.shape)
        return np.asarray(generator.uniform(self.low, self.high, self.shape))


def t(*shape: int, **options: Any) -> Operand:
    """Return an operand of this shape; options are those of `Operand`."""
    return Operand(shape, **options)


def fixed(values: Any, dtype: str | None = None) -> Operand:
    """Return an operand with given values."""
    values = np.asarray(values)
    return Operand(values.shape, values=values, dtype=dtype)


@dataclass(frozen=True)
class Case:
    """One call: operands (tensors or Python scalars), then the other arguments.

    `dtypes` narrows the row's, `gradient` False leaves the case out of the derivative
    checks, `result` is the dtype that the arguments ask for.
    """

    label: str
    operands: tuple[Operand | Scalar | None, ...]
    arguments: tuple[Any, ...] = ()
    dtypes: tuple[str, ...] | None = None
    gradient: bool = True
    result: str | None = None
    relative: bool = False

    def draw(self, row: str, dtype: str) -> list[Any]:
        """Return arrays and scalars, the same ones on each call."""
        generator = np.random.default_rng(zlib.crc32(f"{row}/{self.label}".encode()))
        return [
            x.draw(generator, dtype) if isinstance(x, Operand) else x
            for x in self.operands
        ]


@dataclass(frozen=True)
class Row:
    """One method of the interface and how it is checked.

    Its dtypes, those of its results and whether it has a gradient are the facts of
    `SIGNATURES`. `oracle` takes float64, complex128 or exact integer arrays and the
    arguments. `call` replaces the plain method call, as
    `call(backend, method, *operands, *arguments)`, where results are unique only up to
    signs or the method wants lists. `probes` are checks of their own. `slack`
    multiplies the tolerance; `floor` is the share of the largest element below which
    errors count as absolute. `order` is the highest derivative that the contract
    requires.
    """

    name: str
    oracle: Callable[..., Any] | None = None
    cases: tuple[Case, ...] = ()
    order: int = 2
    call: Callable[..., Any] | None = None
    slack: float = 1.0
    floor: float = 1e-2
    probes: tuple[tuple[str, Probe], ...] = ()

    @property
    def facts(self) -> Facts:
        """What the interface says of the method."""
        return SIGNATURES[self.name]

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that the method takes."""
        return self.facts.domain

    @property
    def differentiable(self) -> bool:
        """Whether its cases have derivatives to check, zero ones included."""
        return bool(self.cases) and self.facts.gradient != "none"

    def apply(
        self, backend: Backend[Any], operands: Any, case: Case, default: bool = False
    ) -> tuple[Any, ...]:
        """Return the outputs of the method on native operands, as a flat tuple.

        `default` calls the interface's own body in place of the backend's override.
        """
        method = getattr(backend, self.name)
        if default:
            method = partial(getattr(Backend, self.name), backend)
        if self.call is not None:
            result = self.call(backend, method, *operands, *case.arguments)
        else:
            result = method(*operands, *case.arguments)
        return tuple(result) if isinstance(result, (tuple, list)) else (result,)

    def expected(self, operands: Any, case: Case) -> tuple[Array, ...]:
        """Return the oracle's outputs on NumPy operands, as a flat tuple."""
        assert self.oracle is not None
        with np.errstate(all="ignore"):
            result = self.oracle(*(widen(x) for x in operands), *case.arguments)
        results = result if isinstance(result, (tuple, list)) else (result,)
        return tuple(np.asarray(x) for x in results)

    def covers(self, case: Case, dtype: str, held: tuple[str, ...]) -> bool:
        """Whether a case is for `dtype` and the backend holds all its dtypes."""
        if dtype not in (case.dtypes or self.dtypes):
            return False
        own = [x.dtype for x in case.operands if isinstance(x, Operand) and x.dtype]
        result = case.result or self.facts.result
        count = 1 if isinstance(result, str) else len(result)
        results = [self.result_dtype(case, i, dtype) for i in range(count)]
        return all(name in held for name in (*own, *results))

    def result_dtype(self, case: Case, index: int, dtype: str) -> str:
        """Return the dtype that output `index` must have."""
        return case.result or self.facts.dtype(index, dtype)


def widen(x: Any) -> Any:
    """Return x in the oracle's precision: float64 or complex128; integers as is."""
    if not isinstance(x, np.ndarray):
        return x
    if x.dtype.kind == "c":
        return x.astype(np.complex128)
    return x if x.dtype.kind in "biu" else x.astype(np.float64)

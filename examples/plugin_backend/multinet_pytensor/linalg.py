"""Contraction, linear algebra and FFT. Contracts are in `multinet.interface.program`.

NumPy and SciPy compute; the rules hold for complex matrices, where PyTensor's do not, and
are made of the same few Ops, so they hold to all orders. Sources: Giles, "Collected matrix
derivative results for forward and reverse mode algorithmic differentiation", 2008; Murray,
"Differentiation of the Cholesky decomposition", 2016; Wan and Zhang, "Automatic
differentiation for complex valued SVD", 2019.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
import scipy.linalg
from pytensor.tensor.type import TensorType

from multinet import dtypes
from multinet.errors import ArgumentError
from multinet.interface import Backend
from multinet.interface.array import Shape
from multinet_pytensor.arrays import wide
from multinet_pytensor.control import Computed, filled
from multinet_pytensor.core import Array, Tensor, constant, settled
from multinet_pytensor.slopes import conj, summed

Tensors = Sequence[Tensor]
Kinds = Sequence[tuple[str, Sequence[int]]]


class Ruled(Computed):
    """A function of arrays, the kinds of its outputs, and its rule.

    `kinds` returns (dtype, shape) of each output for the inputs' types; `rule` takes
    inputs, outputs and cotangents, in three tuples, and returns a cotangent per input.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        kinds: Callable[..., Kinds],
        rule: Callable[..., Tensors] | None = None,
    ) -> None:
        self.function, self.kinds, self.rule = function, kinds, rule

    def types(self, inputs: Tensors) -> list[Any]:
        kinds = self.kinds(*(x.type for x in inputs))
        return [TensorType(dtype, tuple(shape)) for dtype, shape in kinds]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        results = self.function(*inputs)
        return results if isinstance(results, tuple) else (results,)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        if self.rule is None:
            return super().pullback(inputs, outputs, cotangents)
        return self.rule(inputs, outputs, filled(outputs, cotangents))


# -- contraction -----------------------------------------------------------------------


def _kind_of_product(x: Any, y: Any) -> Kinds:
    batch = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    return [(x.dtype, (*batch, x.shape[-2], y.shape[-1]))]


def _rule_of_product(xs: Tensors, _: Tensors, gs: Tensors) -> Tensors:
    (x, y), (g,) = xs, gs
    return summed(product(g, _h(y)), x), summed(product(_h(x), g), y)


product = Ruled(np.matmul, _kind_of_product, _rule_of_product)


class Einsum(Computed):
    """A sum of products in which no operand has a letter twice."""

    __props__ = ("equation",)

    def __init__(self, equation: str) -> None:
        self.equation = equation
        terms, self.result = equation.split("->")
        self.terms = terms.split(",")

    def types(self, inputs: Tensors) -> list[Any]:
        sizes = self._sizes(inputs)
        shape = tuple(sizes[letter] for letter in self.result)
        return [TensorType(inputs[0].type.dtype, shape)]

    def _sizes(self, inputs: Tensors) -> dict[str, int]:
        pairs = zip(self.terms, inputs, strict=True)
        return {a: n for term, x in pairs for a, n in zip(term, x.type.shape)}

    def compute(self, *inputs: Any) -> Sequence[Any]:
        return [np.einsum(self.equation, *inputs, optimize=True)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        sizes, slopes = self._sizes(inputs), []
        for i, term in enumerate(self.terms):
            terms = [self.result, *self.terms[:i], *self.terms[i + 1 :]]
            others = [conj(x) for x in (*inputs[:i], *inputs[i + 1 :])]
            summed = "".join(a for a in term if not any(a in other for other in terms))
            ones = np.ones([sizes[a] for a in summed], inputs[0].type.dtype)
            equation = f"{','.join([*terms, summed])}->{term}"
            slopes.append(Einsum(equation)(*cotangents, *others, constant(ones)))
        return slopes


# -- linear algebra --------------------------------------------------------------------


def _h(x: Tensor) -> Tensor:
    """Return the conjugate transpose."""
    return conj(pt.swapaxes(x, -1, -2))


def _same(x: Any, *_: Any) -> Kinds:
    return [(x.dtype, x.shape)]


def _masked(x: Tensor, half: Callable[[Array], Array], diagonal: float) -> Tensor:
    """Return a triangle of x, its diagonal multiplied."""
    ones = np.ones(x.type.shape[-2:])
    mask = half(ones) + (diagonal - 1) * np.eye(*ones.shape)
    return pt.switch(mask != 0, x * mask.astype(dtypes.real_of(x.type.dtype)), 0)


def _rule_of_cholesky(_: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    lower, upper = ys[0], _h(ys[0])
    half = _masked(product(upper, gs[0]), np.tril, 0.5)
    left = solve(upper, (half + _h(half)) * 0.5)
    return [_h(solve(upper, _h(left)))]


def _rule_of_solve(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    for_b = solve(_h(xs[0]), gs[0])
    return -product(for_b, _h(ys[0])), for_b


cholesky = Ruled(np.linalg.cholesky, _same, _rule_of_cholesky)
solve = Ruled(np.linalg.solve, lambda a, b: _same(b), _rule_of_solve)


def _kinds_of_qr(full: bool) -> Callable[..., Kinds]:
    def kinds(x: Any) -> Kinds:
        *batch, n, m = x.shape
        k = n if full else min(n, m)
        return [(x.dtype, (*batch, n, k)), (x.dtype, (*batch, k, m))]

    return kinds


def _rule_of_qr(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (q, r), (for_q, for_r) = ys, gs
    if q.type.shape != xs[0].type.shape:
        raise ArgumentError(
            f"The gradient of qr needs reduced factors and rows >= columns, got a matrix "
            f"of {xs[0].type.shape} and Q of {q.type.shape}."
        )
    middle = product(r, _h(for_r)) - product(_h(for_q), q)
    half = _masked(middle, np.tril, 0.5)
    total = for_q + product(q, half + _h(half))
    return [_h(solve(r, _h(total)))]


def _kinds_of_svd(full: bool) -> Callable[..., Kinds]:
    def kinds(x: Any) -> Kinds:
        *batch, n, m = x.shape
        k = min(n, m)
        sizes = (dtypes.real_of(x.dtype), (*batch, k))
        left, right = (n, m) if full else (k, k)
        return [(x.dtype, (*batch, n, left)), sizes, (x.dtype, (*batch, right, m))]

    return kinds


def _rule_of_svd(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (u, s, vh), (for_u, for_s, for_vh) = ys, gs
    if u.type.shape[-1] != vh.type.shape[-2]:
        raise ArgumentError(
            "The gradient of svd needs reduced factors: pass full_matrices=False."
        )
    column, row = pt.expand_dims(s, -1), pt.expand_dims(s, -2)
    inner_u, inner_v = product(_h(u), for_u), product(vh, _h(for_vh))
    gaps = _inverse_gaps(s * s)
    skew_u, skew_v = (inner - _h(inner) for inner in (inner_u, inner_v))
    core = skew_u * gaps * row + skew_v * gaps * column
    eye = np.eye(s.type.shape[-1], dtype=s.dtype)
    core = core + skew_u * (eye / (2 * row)) + eye * pt.expand_dims(for_s, -1)
    left = product(u, core) + (for_u - product(u, inner_u)) / row
    right = (for_vh - product(_h(inner_v), vh)) / column
    return [product(left, vh) + product(u, right)]


def _inverse_gaps(values: Tensor) -> Tensor:
    """Return 1 / (v_j - v_i), 0 on the diagonal."""
    eye = np.eye(values.type.shape[-1], dtype=values.dtype)
    gaps = pt.expand_dims(values, -2) - pt.expand_dims(values, -1)
    return (1 - eye) / (gaps + eye)


def _kinds_of_eigh(x: Any) -> Kinds:
    return [(dtypes.real_of(x.dtype), x.shape[:-1]), (x.dtype, x.shape)]


def _rule_of_eigh(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (values, vectors), (for_values, for_vectors) = ys, gs
    eye = np.eye(values.type.shape[-1], dtype=values.dtype)
    core = product(_h(vectors), for_vectors) * _inverse_gaps(values)
    core = core + eye * pt.expand_dims(for_values, -1)
    whole = product(product(vectors, core), _h(vectors))
    return [(whole + _h(whole)) * 0.5]


def _kinds_of_eig(x: Any) -> Kinds:
    dtype = dtypes.complex_of(dtypes.real_of(x.dtype))
    return [(dtype, x.shape[:-1]), (dtype, x.shape)]


def _eig(x: Array) -> tuple[Array, ...]:
    dtype = np.result_type(x.dtype, np.complex64)
    return tuple(y.astype(dtype) for y in np.linalg.eig(x))


def _lu(x: Array) -> tuple[Array, Array]:
    factors, pivots = x.copy(), np.empty(x.shape[:-1], np.int32)
    for place in np.ndindex(x.shape[:-2]):
        factors[place], pivots[place] = scipy.linalg.lu_factor(x[place])
    return factors, pivots


def _kinds_of_slogdet(x: Any) -> Kinds:
    return [(x.dtype, x.shape[:-2]), (dtypes.real_of(x.dtype), x.shape[:-2])]


def _slogdet(x: Array) -> tuple[Array, Array]:
    return tuple(np.linalg.slogdet(x))


def _rule_of_slogdet(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (x,), (sign, _), (for_sign, slope) = xs, ys, gs
    singular = pt.eq(sign, 0)
    slope = pt.switch(singular, np.float32(np.nan), slope)
    if dtypes.is_complex(x.type.dtype):  # the phase of the sign turns with x
        slope = pt.complex(slope, pt.imag(for_sign * pt.conj(sign)))
    eye = constant(
        np.broadcast_to(np.eye(x.type.shape[-1], dtype=x.dtype), x.type.shape)
    )
    regular = pt.switch(pt.expand_dims(singular, (-1, -2)), eye, x)
    return [pt.expand_dims(slope, (-1, -2)) * solve(_h(regular), eye)]


eigh = Ruled(lambda x: tuple(np.linalg.eigh(x)), _kinds_of_eigh, _rule_of_eigh)
eig = Ruled(_eig, _kinds_of_eig)
lu_factor = Ruled(_lu, lambda x: [*_same(x), ("int32", x.shape[:-1])])
slogdet = Ruled(_slogdet, _kinds_of_slogdet, _rule_of_slogdet)
fft = Ruled(np.fft.fft, _same, lambda xs, ys, gs: [pt.conj(fft(pt.conj(gs[0])))])


@settled
class LinalgOps(Backend[Tensor]):
    """Contraction, linear algebra and FFT."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return wide(product, x, y)

    def einsum(self, equation: str, *operands: Tensor) -> Tensor:
        inputs, result = equation.split("->")
        terms, tensors = [], list(operands)
        unused = iter(sorted(set(string.ascii_letters) - set(equation)))
        for term, x in zip(inputs.split(","), operands, strict=True):
            for i, letter in enumerate(term):
                if letter in term[:i]:  # a diagonal is a product with the identity
                    other = next(unused)
                    term = f"{term[:i]}{other}{term[i + 1 :]}"
                    terms.append(letter + other)
                    eye = np.eye(x.type.shape[i], dtype=x.dtype)
                    tensors.insert(len(terms) - 1, constant(eye))
            terms.append(term)
        return wide(Einsum(f"{','.join(terms)}->{result}"), *tensors)

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    def cholesky(self, x: Tensor) -> Tensor:
        return cholesky(x)

    def solve(self, a: Tensor, b: Tensor) -> Tensor:
        return solve(a, b)

    def solve_triangular(self, a: Tensor, b: Tensor, lower: bool) -> Tensor:
        return solve(_masked(a, np.tril if lower else np.triu, 1.0), b)

    def qr(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, ...]:
        mode = "complete" if full_matrices else "reduced"
        kinds = _kinds_of_qr(full_matrices)
        qr = Ruled(lambda x: tuple(np.linalg.qr(x, mode)), kinds, _rule_of_qr)
        return tuple(qr.of(x))

    def svd(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, ...]:
        kinds = _kinds_of_svd(full_matrices)
        function = lambda x: tuple(np.linalg.svd(x, full_matrices))  # noqa: E731
        return tuple(Ruled(function, kinds, _rule_of_svd).of(x))

    def eigh(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(eigh.of(x))

    def eig(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(eig.of(x))

    def lu_factor(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(lu_factor.of(x))

    def slogdet(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(slogdet.of(x))

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    def fft(self, x: Tensor) -> Tensor:
        return fft(x)

    def ifft(self, x: Tensor) -> Tensor:
        scale = np.array(1 / x.type.shape[-1], dtypes.real_of(x.type.dtype))
        return pt.conj(fft(pt.conj(x))) * scale

    def rfft(self, x: Tensor) -> Tensor:
        whole = fft(pt.cast(x, dtypes.complex_of(x.type.dtype)))
        return whole[..., : x.type.shape[-1] // 2 + 1]

    def irfft(self, x: Tensor, n: int) -> Tensor:
        mirrored = pt.conj(x[..., 1 : (n + 1) // 2][..., ::-1])
        return pt.real(self.ifft(pt.concatenate([x, mirrored], -1)))

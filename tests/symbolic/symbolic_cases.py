"""Calls of every method with the shapes and dtypes they must return.

Tensors are written `"float32 7 3"`. 7 stands for the batch: each row also runs with an
unknown size in place of every 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One call: the method, its arguments, and the tensors it must return."""

    method: str
    args: tuple[Any, ...]
    expected: Any

    def __str__(self) -> str:
        return f"{self.method}{self.args}"


def tensor(text: str) -> tuple[str, tuple[int, ...]]:
    """Return dtype and shape of a tensor written as text."""
    dtype, *sizes = text.split()
    return dtype, tuple(int(size) for size in sizes)


def row(method: str, *args: Any) -> Row:
    """Return the row whose last argument is what is expected."""
    return Row(method, args[:-1], args[-1])


_SAME_FLOAT = """sqrt exp expm1 log log1p sin cos tan arcsin arccos arctan sinh cosh
tanh arcsinh arctanh sigmoid erf erfinv floor ceil round negative abs sign square
rsqrt relu softplus silu stop_gradient""".split()
_SAME_TWO = "add subtract multiply power maximum minimum floor_divide mod".split()
_TWO_FLOAT = "divide arctan2 logaddexp".split()
_TWO_INTEGER = "bitwise_and bitwise_or bitwise_xor left_shift right_shift".split()
_COMPARE = "equal less less_equal not_equal greater greater_equal".split()
_REDUCE = "sum prod max min".split()

ELEMENTWISE = [
    *(row(m, "float16 7 3", "float16 7 3") for m in _SAME_FLOAT),
    row("arccosh", "float64 7", "float64 7"),
    *(row(m, "float32 7 1 3", "float32 4 1", "float32 7 4 3") for m in _SAME_TWO),
    *(row(m, "int16 7 3", 2, "int16 7 3") for m in _SAME_TWO),
    *(row(m, "bfloat16 3", "bfloat16 7 3", "bfloat16 7 3") for m in _TWO_FLOAT),
    *(row(m, 1.0, "float32 7 3", "float32 7 3") for m in _TWO_FLOAT),
    *(row(m, "uint32 7 3", "uint32", "uint32 7 3") for m in _TWO_INTEGER),
    *(row(m, "int32 7 1", "int32 3", "bool 7 3") for m in _COMPARE),
    *(row(m, 0.5, "float32 7 3", "bool 7 3") for m in _COMPARE),
    *(row(m, "bool 7", "bool 3 1", "bool 3 7") for m in ("logical_and", "logical_or")),
    row("logical_not", "bool 7", "bool 7"),
    *(row(m, "float32 7 2", "bool 7 2") for m in ("isnan", "isfinite", "isinf")),
    row("abs", "complex64 7 2", "float32 7 2"),
    row("real", "complex128 7 2", "float64 7 2"),
    row("imag", "complex64 7 2", "float32 7 2"),
    row("conj", "complex64 7 2", "complex64 7 2"),
    row("make_complex", "float64 7 2", "float64 7 2", "complex128 7 2"),
    row("where", "bool 7 1", "int8 3", 0, "int8 7 3"),
    row("where", "bool", "float32 7 3", "float32 3", "float32 7 3"),
    row("clip", "float32 7 3", 0.0, "float32 3", "float32 7 3"),
    row("leaky_relu", "float32 7 3", 0.1, "float32 7 3"),
    row("elu", "float32 7 3", 1.0, "float32 7 3"),
    row("gelu", "float32 7 3", True, "float32 7 3"),
    row("gelu", "float32 7 3", False, "float32 7 3"),
]

ARRAYS = [
    row("copy", "uint8 7 3", "uint8 7 3"),
    row("cast", "float32 7 3", "int8", "int8 7 3"),
    row("bitcast", "float32 7 3", "uint32", "uint32 7 3"),
    row("full", (7, 3), 0.5, "float16", "float16 7 3"),
    row("arange", 0, 7, 1, "int32", "int32 7"),
    row("arange", 1, 7, 2, "int64", "int64 3"),
    row("arange", 7, 0, -3, "float32", "float32 3"),
    row("arange", 0.0, 1.0, 0.25, "float32", "float32 4"),
    *(row(m, "float32 7 3 4", (0, 2), False, "float32 3") for m in _REDUCE),
    *(row(m, "uint8 7 3 4", (1,), True, "uint8 7 1 4") for m in _REDUCE),
    *(row(m, "bool 7 3", (0,), False, "bool 3") for m in ("any", "all")),
    *(row(m, "float32 7 3 4", 1, "int32 7 4") for m in ("argmax", "argmin")),
    *(row(m, "int64 7 3", 0, "int64 7 3") for m in ("cumsum", "cumprod")),
    row("reshape", "float32 7 3 4", (7, 12), "float32 7 12"),
    row("reshape", "float32 7 4", (14, 2), "float32 14 2"),
    row("transpose", "float32 7 3 4", (2, 0, 1), "float32 4 7 3"),
    row("broadcast_to", "float32 1 3", (7, 2, 3), "float32 7 2 3"),
    row("concatenate", ["int32 7 3", "int32 7 2"], 1, "int32 7 5"),
    row("concatenate", ["int32 7 3", "int32 2 3"], 0, "int32 9 3"),
    row("pad", "float32 7 3", ((1, 2), (0, 4)), 0.0, "float32 10 7"),
    row("slice", "float32 7 9", (0, 1), (7, 8), (1, 3), "float32 7 3"),
    row("slice", "float32 7 9", (1, 0), (7, 9), (2, 1), "float32 3 9"),
    row("flip", "float32 7 3", (0, 1), "float32 7 3"),
    row("take", "float32 5 4", "int32 7 2", 0, "float32 7 2 4"),
    row("take", "float32 7 4", "int64", 1, "float32 7"),
    row("take_along_axis", "bool 7 4", "int32 7 2", 1, "bool 7 2"),
    row("scatter", "float32 7 4", "int32 2 1", "float32 2 4", "add", "float32 7 4"),
    row("scatter", "float32 5 4", "int32 7 2", "float32 7", "set", "float32 5 4"),
    row("sort", "float32 7 4", "float32 7 4"),
    row("argsort", "uint8 7 4", "int32 7 4"),
    row("searchsorted", "float32 5", "float32 7 2", "left", "int32 7 2"),
    row("expand_dims", "float32 7 3", 1, "float32 7 1 3"),
    row("squeeze", "float32 7 1 3 1", (1, 3), "float32 7 3"),
    row("stack", ["float32 7 3", "float32 7 3"], 1, "float32 7 2 3"),
    row("split", "float32 7 6", (1, 5), 1, ["float32 7 1", "float32 7 5"]),
    row("tile", "float32 7 3", (2, 3), "float32 14 9"),
    row("repeat", "float32 7 3", 2, 0, "float32 14 3"),
    row("eye", 7, 7, 1, "float32", "float32 7 7"),
    row("one_hot", "int32 7 2", 5, "float32", "float32 7 2 5"),
    row("embedding", "float32 5 4", "int32 7 3", "float32 7 3 4"),
    row("pick", "float32 5 4", "int32 7 3", 1, "float32 5 7 3"),
    row("top_k", "float32 7 5", 2, ["float32 7 2", "int32 7 2"]),
    row("mean", "float16 7 3", (0,), False, "float16 3"),
    row("mean", "complex64 7 3", (0, 1), False, "complex64"),
    row("moments", "float32 7 3", (0,), False, ["float32 3", "float32 3"]),
    row("moments", "bfloat16 7 3", (1,), True, ["bfloat16 7 1", "bfloat16 7 1"]),
    row("logsumexp", "float32 7 3", (0, 1), False, "float32"),
    row("softmax", "float32 7 3", 1, "float32 7 3"),
    row("log_softmax", "float32 7 3", 0, "float32 7 3"),
]

_KERNEL = "float32 3 3 2 8"
_SCALE = "float32 1 4"
CONTRACTIONS = [
    row("matmul", "float32 7 1 2 3", "float32 5 3 4", "float32 7 5 2 4"),
    row("matmul", "int32 7 3", "int32 3 4", "int32 7 4"),
    row("einsum", "bij,bjk->ikb", "float32 7 2 3", "float32 7 3 4", "float32 2 4 7"),
    row("einsum", "ii->i", "float32 3 3", "float32 3"),
    row("cholesky", "float64 7 3 3", "float64 7 3 3"),
    row("solve", "float32 7 3 3", "float32 7 3 2", "float32 7 3 2"),
    row("solve_triangular", "float32 3 3", "float32 3 7", True, "float32 3 7"),
    row("qr", "float32 7 5 3", False, ["float32 7 5 3", "float32 7 3 3"]),
    row("qr", "float32 5 3", True, ["float32 5 5", "float32 5 3"]),
    row(
        "svd", "float32 7 3 5", False, ["float32 7 3 3", "float32 7 3", "float32 7 3 5"]
    ),
    row("svd", "complex64 3 5", True, ["complex64 3 3", "float32 3", "complex64 5 5"]),
    row("eigh", "complex64 7 3 3", ["float32 7 3", "complex64 7 3 3"]),
    row("eig", "float32 7 3 3", ["complex64 7 3", "complex64 7 3 3"]),
    row("lu_factor", "float64 7 3 3", ["float64 7 3 3", "int32 7 3"]),
    row("slogdet", "complex128 7 3 3", ["complex128 7", "float64 7"]),
    row("fft", "complex64 7 6", "complex64 7 6"),
    row("ifft", "complex128 7", "complex128 7"),
    row("rfft", "float32 7 6", "complex64 7 4"),
    row("rfft", "float64 7", "complex128 4"),
    row("irfft", "complex64 7 4", 6, "float32 7 6"),
    row("irfft", "complex128 4", 7, "float64 7"),
    row("inv", "float32 7 3 3", "float32 7 3 3"),
    row("det", "float32 7 3 3", "float32 7"),
    row("dense", "float32 7 4 3", "float32 3 5", "float32 5", "float32 7 4 5"),
    row("dense", "float32 7 3", "float32 3 5", None, "float32 7 5"),
    row(
        "conv",
        *("float32 7 9 8 4", _KERNEL, (2, 1), ((1, 1), (0, 2)), (1, 2), 2),
        "float32 7 5 6 8",
    ),
    row(
        "conv",
        *("float32 2 7 2", "float32 3 2 8", (2,), ((0, 1),), (1,), 1),
        "float32 2 3 8",
    ),
    row(
        "conv_transpose",
        *("float32 7 5 6 8", _KERNEL, (9, 8), (2, 1), ((1, 1), (0, 2)), (1, 2), 2),
        "float32 7 9 8 4",
    ),
    row("max_pool", "float32 7 9 2", (3,), (2,), ((0, 0),), "float32 7 4 2"),
    row("max_pool", "float32 2 7 2", (2,), (2,), ((0, 1),), "float32 2 4 2"),
    row(
        "sum_pool",
        "float64 7 4 4 2",
        (2, 2),
        (2, 2),
        ((0, 0), (1, 1)),
        "float64 7 2 3 2",
    ),
    row("mean_pool", "float32 2 7 2", (2,), (2,), ((0, 1),), "float32 2 4 2"),
    row("random_bits", (1, 2), (7, 3), 32, "uint32 7 3"),
    row("random_bits", (1, 2), (7, 3), 16, "uint16 7 3"),
    row("fold_in", "uint32 2", 3, "uint32 2"),
    row("random_uniform", (1, 2), (7, 3), "float32 7 3"),
    row("random_normal", (1, 2), (7, 3), "float32 7 3"),
    row("dropout_mask", (1, 2), (7, 3), 0.5, "bool 7 3"),
    row("softmax_cross_entropy", "float32 7 3", "float32 7 3", "float32 7"),
    row("sparse_softmax_cross_entropy", "float32 7 3", "int32 7", "float32 7"),
    row("sigmoid_cross_entropy", "float32 7 3", "float32 7 3", "float32 7 3"),
    row("batch_norm", "float32 7 4", *([_SCALE] * 4), 1e-3, "float32 7 4"),
    row("layer_norm", "float32 7 4", _SCALE, None, (1,), 1e-3, "float32 7 4"),
    row(
        "attention",
        *("float32 7 5 2 4", "float32 7 6 2 4", "float32 7 6 2 3"),
        *("bool 7 1 5 6", None, 0.5),
        "float32 7 5 2 3",
    ),
    row(
        "lstm",
        *("float32 7 5 2", "float32 7 3", "float32 7 3"),
        *("float32 2 12", "float32 3 12", "float32 12", "bool 7 5", False),
        ["float32 7 5 3", "float32 7 3", "float32 7 3"],
    ),
    row(
        "gru",
        *("float32 7 5 2", "float32 7 3", "float32 2 9", "float32 3 9"),
        *("float32 9", "float32 9", None, True, True),
        ["float32 7 5 3", "float32 7 3"],
    ),
    row(
        "sgd_update",
        *(["float32 7 3"], ["float32 7 3"], ["float32 7 3"], 0.1, 0.9, True),
        [["float32 7 3"], ["float32 7 3"]],
    ),
    row(
        "adam_update",
        *([["float32 7 3"]] * 4),
        *(1, 0.1, 0.9, 0.99, 1e-7),
        [["float32 7 3"]] * 3,
    ),
]

ROWS = ELEMENTWISE + ARRAYS + CONTRACTIONS

"""What is true of each method of the interface: one row each, primitives and fused.

The methods themselves say what arguments they take, their docstrings what they compute.
Whatever else a program must know of a method by its name is here, and only here: the
shape rules of `symbolic`, the checks of `strict`, the rows of the conformance kit and
the kernels of the NumPy backend read this table.

>>> SIGNATURES["matmul"].alike
('x', 'y')
>>> SIGNATURES["eigh"].dtype(0, "complex64")
'float32'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from multinet import dtypes

Form = Literal["", "one", "two", "over", "along", "last"]
Gradient = Literal["", "exact", "zero", "none"]
Kinds = tuple[str, ...]

BOOL: Kinds = ("bool",)
INTEGERS: Kinds = dtypes.INTEGERS
FLOATS: Kinds = dtypes.FLOATS
COMPLEX: Kinds = dtypes.COMPLEX
WIDE: Kinds = ("float32", "float64")
REAL: Kinds = INTEGERS + FLOATS
INEXACT: Kinds = FLOATS + COMPLEX
NUMBERS: Kinds = REAL + COMPLEX
ORDERED: Kinds = BOOL + REAL
MATRIX: Kinds = WIDE + COMPLEX
ALL: Kinds = dtypes.ALL

#: Kinds of results that are the dtype of the main operand or made from it.
_FOLLOWING = ("same", "real", "complex", "asked")


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one method.

    `domain` holds the dtypes of the main operand: the first of `alike`, else the first
    tensor; for `arange` the dtype asked for. It is empty where there is none.

    `result` is the kind of each output, or the one of all: "same" as the main operand;
    "real" or "complex" of it; "asked", what the argument `dtype` says; the name of a
    dtype; "words", uint32 or uint16; "given", what the functions given return; "host",
    no tensor but a Python value.

    `alike` are the operands that share one dtype, `indices` the one that is int32 or
    int64, `mask` the one that is bool.

    `form` is that of methods which differ in the numbers only: "one" operand, "two"
    that broadcast, a reduction "over" axes, a walk "along" an axis, or the order of the
    "last" axis.

    `gradient` is "exact"; "zero", as of step functions; or "none" where a result has no
    gradient, or none is required. Left out, it follows from domain and result.
    """

    domain: Kinds = ()
    result: str | Kinds = "same"
    alike: tuple[str, ...] = ()
    indices: str = ""
    mask: str = ""
    form: Form = ""
    gradient: Gradient = ""

    def __post_init__(self) -> None:
        if not self.gradient:
            results = (self.result,) if isinstance(self.result, str) else self.result
            smooth = any(kind in _FOLLOWING for kind in results)
            smooth = smooth and any(dtype in INEXACT for dtype in self.domain)
            object.__setattr__(self, "gradient", "exact" if smooth else "none")

    def dtype(self, output: int, dtype: str) -> str:
        """Return the dtype of an output when the main operand is of `dtype`."""
        kind = self.result if isinstance(self.result, str) else self.result[output]
        if kind == "real":
            return dtypes.real_of(dtype)
        if kind == "complex":
            return dtypes.complex_of(dtype)
        return dtype if kind == "same" else kind

    @property
    def operands(self) -> tuple[str, ...]:
        """The tensors it takes beside the main one, and that one if it is named."""
        rest = (name for name in (self.indices, self.mask) if name)
        return (*self.alike, *rest)


def _one(domain: Kinds, result: str = "same", gradient: Gradient = "") -> Facts:
    return Facts(domain, result, form="one", gradient=gradient)


def _two(domain: Kinds, result: str = "same", gradient: Gradient = "") -> Facts:
    return Facts(domain, result, ("x", "y"), form="two", gradient=gradient)


def _over(domain: Kinds) -> Facts:
    return Facts(domain, form="over")


def _along(domain: Kinds, result: str = "same") -> Facts:
    return Facts(domain, result, form="along")


def _last(domain: Kinds, result: str = "same") -> Facts:
    return Facts(domain, result, form="last")


_HOST = Facts(ALL, "host")
_FUNCTIONS = Facts(result="given", gradient="exact")

_ARRAY = {
    # -- conversion --------------------------------------------------------------------
    "from_numpy": Facts(ALL, gradient="none"),
    "to_numpy": _HOST,
    "is_tensor": _HOST,
    "shape": _HOST,
    "dtype": _HOST,
    "cast": Facts(ALL, "asked"),
    "bitcast": Facts(ALL, "asked", gradient="none"),
    "make_complex": Facts(WIDE, "complex", ("real", "imag")),
    "real": _one(COMPLEX, "real"),
    "imag": _one(COMPLEX, "real"),
    "conj": _one(COMPLEX),
    # -- creation ----------------------------------------------------------------------
    "full": Facts(result="asked"),
    "arange": Facts(REAL, "asked", gradient="none"),
    # -- elementwise, one operand ------------------------------------------------------
    "negative": _one(NUMBERS),
    "abs": _one(NUMBERS, "real"),
    "sign": _one(REAL, gradient="zero"),
    "sqrt": _one(INEXACT),
    "exp": _one(INEXACT),
    "expm1": _one(FLOATS),
    "log": _one(INEXACT),
    "log1p": _one(FLOATS),
    "sin": _one(INEXACT),
    "cos": _one(INEXACT),
    "tan": _one(FLOATS),
    "arcsin": _one(FLOATS),
    "arccos": _one(FLOATS),
    "arctan": _one(FLOATS),
    "sinh": _one(FLOATS),
    "cosh": _one(FLOATS),
    "tanh": _one(INEXACT),
    "arcsinh": _one(FLOATS),
    "arccosh": _one(FLOATS),
    "arctanh": _one(FLOATS),
    "sigmoid": _one(FLOATS),
    "erf": _one(FLOATS),
    "erfinv": _one(FLOATS),
    "floor": _one(FLOATS, gradient="zero"),
    "ceil": _one(FLOATS, gradient="zero"),
    "round": _one(FLOATS, gradient="zero"),
    # -- elementwise, two operands -----------------------------------------------------
    "add": _two(NUMBERS),
    "subtract": _two(NUMBERS),
    "multiply": _two(NUMBERS),
    "divide": _two(INEXACT),
    "floor_divide": _two(REAL, gradient="zero"),
    "mod": _two(REAL),
    "power": _two(NUMBERS),
    "maximum": _two(REAL),
    "minimum": _two(REAL),
    "arctan2": _two(FLOATS),
    "logaddexp": _two(FLOATS),
    "bitwise_and": _two(BOOL + INTEGERS),
    "bitwise_or": _two(BOOL + INTEGERS),
    "bitwise_xor": _two(BOOL + INTEGERS),
    "left_shift": _two(INTEGERS),
    "right_shift": _two(INTEGERS),
    # -- comparison and logic ----------------------------------------------------------
    "equal": _two(ALL, "bool"),
    "less": _two(ORDERED, "bool"),
    "less_equal": _two(ORDERED, "bool"),
    "logical_and": _two(BOOL, "bool"),
    "logical_or": _two(BOOL, "bool"),
    "logical_not": _one(BOOL, "bool"),
    "isnan": _one(INEXACT, "bool"),
    "isfinite": _one(INEXACT, "bool"),
    "where": Facts(ALL, alike=("x", "y"), mask="condition"),
    # -- reductions --------------------------------------------------------------------
    "sum": _over(NUMBERS),
    "prod": _over(REAL),
    "max": _over(REAL),
    "min": _over(REAL),
    "any": _over(BOOL),
    "all": _over(BOOL),
    "argmax": _along(ORDERED, "int32"),
    "argmin": _along(ORDERED, "int32"),
    "cumsum": _along(REAL),
    "cumprod": _along(REAL),
    # -- shape -------------------------------------------------------------------------
    "reshape": Facts(ALL),
    "transpose": Facts(ALL),
    "broadcast_to": Facts(ALL),
    "concatenate": Facts(ALL, alike=("xs",)),
    "pad": Facts(ALL),
    "slice": Facts(ALL),
    "flip": Facts(ALL),
    # -- indexing ----------------------------------------------------------------------
    "take": Facts(ALL, indices="indices"),
    "take_along_axis": Facts(ALL, indices="indices"),
    "scatter": Facts(ALL, alike=("x", "updates"), indices="indices"),
    # -- sorting -----------------------------------------------------------------------
    "sort": _last(ORDERED),
    "argsort": _last(ORDERED, "int32"),
    "searchsorted": Facts(REAL, "int32", ("sorted", "values")),
}

_PROGRAM = {
    # -- contraction -------------------------------------------------------------------
    "matmul": Facts(NUMBERS, alike=("x", "y")),
    "einsum": Facts(NUMBERS, alike=("operands",)),
    # -- linear algebra ----------------------------------------------------------------
    "cholesky": Facts(MATRIX),
    "solve": Facts(MATRIX, alike=("a", "b")),
    "solve_triangular": Facts(MATRIX, alike=("a", "b")),
    "qr": Facts(MATRIX, ("same", "same")),
    "svd": Facts(MATRIX, ("same", "real", "same")),
    "eigh": Facts(MATRIX, ("real", "same")),
    "eig": Facts(MATRIX, ("complex", "complex"), gradient="none"),
    "lu_factor": Facts(MATRIX, ("same", "int32"), gradient="none"),
    "slogdet": Facts(MATRIX, ("same", "real")),
    # -- FFT ---------------------------------------------------------------------------
    "fft": Facts(COMPLEX),
    "ifft": Facts(COMPLEX),
    "rfft": Facts(WIDE, "complex"),
    "irfft": Facts(COMPLEX, "real"),
    # -- windows -----------------------------------------------------------------------
    "conv": Facts(FLOATS, alike=("x", "kernel")),
    "conv_transpose": Facts(FLOATS, alike=("x", "kernel")),
    "max_pool": Facts(FLOATS),
    "sum_pool": Facts(FLOATS),
    # -- random bits -------------------------------------------------------------------
    "random_bits": Facts(result="words"),
    "fold_in": Facts(result="uint32"),
    # -- control flow ------------------------------------------------------------------
    "cond": Facts(result="given", mask="predicate", gradient="exact"),
    "while_loop": Facts(result="given"),
    "scan": _FUNCTIONS,
    # -- transforms --------------------------------------------------------------------
    "vjp": _FUNCTIONS,
    "jvp": _FUNCTIONS,
    "vmap": _FUNCTIONS,
    "jit": _FUNCTIONS,
    "checkpoint": _FUNCTIONS,
    "stop_gradient": Facts(ALL, gradient="zero"),
    "custom_gradient": _FUNCTIONS,
    # -- devices -----------------------------------------------------------------------
    "devices": Facts(result="host"),
    "device": Facts(result="host"),
    "synchronize": _HOST,
}

_FUSED = {
    # -- program arguments -------------------------------------------------------------
    "argument": Facts(result="asked"),
    "program": Facts(result="host"),
    "mesh": Facts(result="host"),
    "value_and_grad": _FUNCTIONS,
    "common_dtype": _HOST,
    "copy": Facts(ALL),
    # -- comparison --------------------------------------------------------------------
    "not_equal": _two(ALL, "bool"),
    "greater": _two(ORDERED, "bool"),
    "greater_equal": _two(ORDERED, "bool"),
    "isinf": _one(FLOATS, "bool"),
    # -- elementwise -------------------------------------------------------------------
    "square": _one(NUMBERS),
    "rsqrt": _one(FLOATS),
    "clip": Facts(REAL, alike=("x", "low", "high")),
    "relu": _one(REAL),
    "leaky_relu": Facts(FLOATS),
    "elu": Facts(FLOATS),
    "softplus": _one(FLOATS),
    "silu": _one(FLOATS),
    "gelu": Facts(FLOATS),
    # -- reductions --------------------------------------------------------------------
    "mean": Facts(INEXACT),
    "moments": Facts(FLOATS, ("same", "same")),
    "logsumexp": Facts(FLOATS),
    "softmax": Facts(FLOATS),
    "log_softmax": Facts(FLOATS),
    # -- shape and indexing ------------------------------------------------------------
    "expand_dims": Facts(ALL),
    "squeeze": Facts(ALL),
    "stack": Facts(ALL, alike=("xs",)),
    "split": Facts(ALL),
    "tile": Facts(ALL),
    "repeat": Facts(ALL),
    "eye": Facts(result="asked"),
    "known": Facts(INTEGERS, "host"),
    "one_hot": Facts(INTEGERS, "asked"),
    "embedding": Facts(ALL, indices="indices"),
    "pick": Facts(ALL, indices="indices"),
    "top_k": Facts(ORDERED, ("same", "int32")),
    # -- contraction and linear algebra ------------------------------------------------
    "dense": Facts(FLOATS, alike=("x", "kernel", "bias")),
    "inv": Facts(MATRIX),
    "det": Facts(MATRIX),
    # -- windows -----------------------------------------------------------------------
    "mean_pool": Facts(FLOATS),
    # -- random ------------------------------------------------------------------------
    "random_uniform": Facts(result="float32"),
    "random_normal": Facts(result="float32"),
    "dropout_mask": Facts(result="bool"),
    # -- losses ------------------------------------------------------------------------
    "softmax_cross_entropy": Facts(FLOATS, alike=("logits", "targets")),
    "sparse_softmax_cross_entropy": Facts(FLOATS, indices="labels"),
    "sigmoid_cross_entropy": Facts(FLOATS, alike=("logits", "targets")),
    # -- normalization and attention ---------------------------------------------------
    "batch_norm": Facts(FLOATS, alike=("x", "mean", "variance", "scale", "offset")),
    "layer_norm": Facts(FLOATS, alike=("x", "scale", "offset")),
    "attention": Facts(FLOATS, alike=("query", "key", "value", "bias"), mask="mask"),
    # -- recurrences -------------------------------------------------------------------
    "lstm": Facts(
        FLOATS, alike=("x", "h", "c", "kernel", "recurrent", "bias"), mask="mask"
    ),
    "gru": Facts(
        FLOATS,
        alike=("x", "h", "kernel", "recurrent", "bias", "recurrent_bias"),
        mask="mask",
    ),
    # -- optimizers --------------------------------------------------------------------
    "decay_update": Facts(FLOATS, gradient="none"),
    "sgd_update": Facts(FLOATS, gradient="none"),
    "adam_update": Facts(FLOATS, gradient="none"),
}

SIGNATURES: dict[str, Facts] = {**_ARRAY, **_PROGRAM, **_FUSED}

"""Every op under each of its names, for `multinet.ops` and the namespaces in it."""

# ruff: isort: skip_file
# fmt: off
from multinet import operators
from multinet.interface import Native
from multinet.ops.core import PUBLIC
from multinet.ops.activations import (
    celu, elu, gelu, glu, hard_shrink, hard_sigmoid, hard_silu, hard_tanh, leaky_relu,
    log_sigmoid, log_softmax, normalize, relu, relu6, selu, silu, soft_shrink, softmax,
    softplus, softsign, sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh_shrink,
    threshold,
)
from multinet.ops.arithmetic import (
    add, allclose, arctan2, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or,
    bitwise_right_shift, bitwise_xor, divide, divide_no_nan, equal, floor_divide, fmax,
    fmin, fmod, gcd, greater, greater_equal, heaviside, hypot, isclose, lcm, ldexp,
    less, less_equal, logaddexp, logaddexp2, logical_and, logical_not, logical_or,
    logical_xor, maximum, minimum, mod, multiply, not_equal, power, subtract,
)
from multinet.ops.blocks import (
    slice, slice_update,
)
from multinet.ops.contraction import (
    cross, dot, einsum, inner, kron, matmul, outer, tensordot, trapezoid, vdot,
)
from multinet.ops.control import (
    cond, fori_loop, map, scan, switch, vectorized_map, while_loop,
)
from multinet.ops.conversion import (
    array, cast, convert_to_numpy, convert_to_tensor, copy, dtype, is_tensor, ndim,
    polar, saturate_cast, shape, size, stop_gradient, view, view_as_complex,
    view_as_real,
)
from multinet.ops.convolution import (
    adaptive_average_pool, adaptive_max_pool, average_pool, conv, conv_transpose,
    depthwise_conv, max_pool, separable_conv,
)
from multinet.ops.creation import (
    arange, bartlett, blackman, empty, empty_like, eye, full, full_like, geomspace,
    hamming, hanning, identity, kaiser, linspace, logspace, meshgrid, ones, ones_like,
    tri, tril, triu, vander, zeros, zeros_like,
)
from multinet.ops.derivatives import custom_gradient, jvp
from multinet.ops.elementwise import (
    abs, angle, arccos, arccosh, arcsin, arcsinh, arctan, arctanh, cbrt, ceil, clip,
    conj, cos, cosh, deg2rad, erf, erfc, erfinv, exp, exp2, expm1, fabs, floor, imag,
    isfinite, isinf, isnan, isneginf, isposinf, isreal, log, log10, log1p, log2,
    nan_to_num, negative, rad2deg, real, reciprocal, round, rsqrt, sigmoid, sign,
    signbit, sin, sinc, sinh, sqrt, square, tan, tanh, trunc,
)
from multinet.ops.fft import (
    extract_sequences, fft, fft2, ifft2, irfft, istft, rfft, stft,
)
from multinet.ops.indexing import (
    diag, diagflat, diagonal, nonzero, scatter, scatter_update, select, take,
    take_along_axis, trace, unravel_index, where,
)
from multinet.ops.item import (
    get_item,
)
from multinet.ops.matrices import (
    cholesky, cholesky_inverse, det, eig, eigh, inv, logdet, lstsq, lu_factor,
    matrix_rank, norm, pinv, qr, slogdet, solve, solve_triangular, svd,
)
from multinet.ops.networks import (
    batch_normalization, cdist, depth_to_space, dot_product_attention, in_top_k,
    layer_normalization, moments, multi_hot, one_hot, psnr, rms_normalization,
    space_to_depth,
)
from multinet.ops.nn_losses import (
    binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy,
)
from multinet.ops.padding import (
    pad,
)
from multinet.ops.patches import (
    fold, rearrange, unfold,
)
from multinet.ops.prefixes import associative_scan
from multinet.ops.recognition import (
    ctc_decode, ctc_loss,
)
from multinet.ops.reductions import (
    all, amax, amin, any, argmax, argmin, average, count_nonzero, cumprod,
    cumsum, logsumexp, max, mean, min, prod, ptp, std, sum, var,
)
from multinet.ops.shapes import (
    append, array_split, broadcast_to, concatenate, dsplit, dstack, expand_dims, flip,
    fliplr, flipud, hsplit, hstack, moveaxis, ravel, repeat, reshape, roll, rot90,
    split, squeeze, stack, swapaxes, tile, transpose, unstack, vsplit, vstack,
)
from multinet.ops.quantiles import (
    median, nanmedian, nanpercentile, nanquantile, percentile, quantile,
)
from multinet.ops.sets import (
    isin, unique,
)
from multinet.ops.sorting import (
    argpartition, argsort, bincount, digitize, histogram, nextafter, searchsorted,
    segment_max, segment_min, segment_prod, segment_sum, sort, top_k,
)
from multinet.ops import sparse_rules  # noqa: F401 the rules are entered by it
from multinet.ops.special import (
    i0,
)
from multinet.ops.statistics import (
    corrcoef, correlate, diff, nanargmax, nanargmin, nancumprod, nancumsum, nanmax,
    nanmean, nanmin, nanprod, nanstd, nansum, nanvar,
)
from multinet.ops.vectorizing import (
    vectorize,
)

# Second names, which keras.ops has too.
absolute = abs
conjugate = conj
true_divide = divide
bitwise_invert = bitwise_not
left_shift = bitwise_left_shift
right_shift = bitwise_right_shift
swish = silu
hard_swish = hard_silu

PUBLIC.update(
    absolute=absolute, conjugate=conjugate, true_divide=true_divide,
    bitwise_invert=bitwise_invert, left_shift=left_shift, right_shift=right_shift,
    swish=swish, hard_swish=hard_swish,
)
operators.install(PUBLIC)
Native.functions = PUBLIC

__all__ = [
    "abs", "absolute", "adaptive_average_pool", "adaptive_max_pool", "add", "all",
    "allclose", "amax", "amin", "angle", "any", "append", "arange", "arccos", "arccosh",
    "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "argmax", "argmin",
    "argpartition", "argsort", "array", "array_split", "associative_scan", "average",
    "average_pool", "bartlett", "batch_normalization", "binary_crossentropy",
    "bincount", "bitwise_and", "bitwise_invert", "bitwise_left_shift", "bitwise_not",
    "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman", "broadcast_to",
    "cast", "categorical_crossentropy", "cbrt", "cdist", "ceil", "celu", "cholesky",
    "cholesky_inverse", "clip", "concatenate", "cond", "conj", "conjugate", "conv",
    "conv_transpose", "convert_to_numpy", "convert_to_tensor", "copy", "corrcoef",
    "correlate", "cos", "cosh", "count_nonzero", "cross", "ctc_decode", "ctc_loss",
    "cumprod", "cumsum", "custom_gradient", "deg2rad", "depth_to_space",
    "depthwise_conv", "det", "diag", "diagflat", "diagonal", "diff", "digitize",
    "divide", "divide_no_nan", "dot", "dot_product_attention", "dsplit", "dstack",
    "dtype", "eig", "eigh", "einsum", "elu", "empty", "empty_like", "equal", "erf",
    "erfc", "erfinv", "exp", "exp2", "expand_dims", "expm1", "extract_sequences", "eye",
    "fabs", "fft", "fft2", "flip", "fliplr", "flipud", "floor", "floor_divide", "fmax",
    "fmin", "fmod", "fold", "fori_loop", "full", "full_like", "gcd", "gelu",
    "geomspace", "get_item", "glu", "greater", "greater_equal", "hamming", "hanning",
    "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "heaviside",
    "histogram", "hsplit", "hstack", "hypot", "i0", "identity", "ifft2", "imag",
    "in_top_k", "inner", "inv", "irfft", "is_tensor", "isclose", "isfinite", "isin",
    "isinf", "isnan", "isneginf", "isposinf", "isreal", "istft", "jvp", "kaiser",
    "kron", "layer_normalization", "lcm", "ldexp", "leaky_relu", "left_shift", "less",
    "less_equal", "linspace", "log", "log10", "log1p", "log2", "log_sigmoid",
    "log_softmax", "logaddexp", "logaddexp2", "logdet", "logical_and", "logical_not",
    "logical_or", "logical_xor", "logspace", "logsumexp", "lstsq", "lu_factor", "map",
    "matmul", "matrix_rank", "max", "max_pool", "maximum", "mean", "median", "meshgrid",
    "min", "minimum", "mod", "moments", "moveaxis", "multi_hot", "multiply",
    "nan_to_num", "nanargmax", "nanargmin", "nancumprod", "nancumsum", "nanmax",
    "nanmean", "nanmedian", "nanmin", "nanpercentile", "nanprod", "nanquantile",
    "nanstd", "nansum", "nanvar", "ndim", "negative", "nextafter", "nonzero", "norm",
    "normalize", "not_equal", "one_hot", "ones", "ones_like", "outer", "pad",
    "percentile", "pinv", "polar", "power", "prod", "psnr", "ptp", "qr", "quantile",
    "rad2deg", "ravel", "real", "rearrange", "reciprocal", "relu", "relu6", "repeat",
    "reshape", "rfft", "right_shift", "rms_normalization", "roll", "rot90", "round",
    "rsqrt", "saturate_cast", "scan", "scatter", "scatter_update", "searchsorted",
    "segment_max", "segment_min", "segment_prod", "segment_sum", "select", "selu",
    "separable_conv", "shape", "sigmoid", "sign", "signbit", "silu", "sin", "sinc",
    "sinh", "size", "slice", "slice_update", "slogdet", "soft_shrink", "softmax",
    "softplus", "softsign", "solve", "solve_triangular", "sort", "space_to_depth",
    "sparse_categorical_crossentropy", "sparse_plus", "sparse_sigmoid", "sparsemax",
    "split", "sqrt", "square", "squareplus", "squeeze", "stack", "std", "stft",
    "stop_gradient", "subtract", "sum", "svd", "swapaxes", "swish", "switch", "take",
    "take_along_axis", "tan", "tanh", "tanh_shrink", "tensordot", "threshold", "tile",
    "top_k", "trace", "transpose", "trapezoid", "tri", "tril", "triu", "true_divide",
    "trunc", "unfold", "unique", "unravel_index", "unstack", "vander", "var", "vdot",
    "vectorize", "vectorized_map", "view", "view_as_complex", "view_as_real", "vsplit",
    "vstack", "where", "while_loop", "zeros", "zeros_like",
]

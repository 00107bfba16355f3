"""The public functions on tensors, with the names and results of `keras.ops`.

Each is written once on the backend in use; each works on tensors, Variables, NumPy
arrays, Python numbers, and on symbolic tensors, where it records a node.
"""

from multinet import operators
from multinet.ops.activations import (
    celu as celu,
)
from multinet.ops.activations import (
    elu as elu,
)
from multinet.ops.activations import (
    gelu as gelu,
)
from multinet.ops.activations import (
    glu as glu,
)
from multinet.ops.activations import (
    hard_shrink as hard_shrink,
)
from multinet.ops.activations import (
    hard_sigmoid as hard_sigmoid,
)
from multinet.ops.activations import (
    hard_silu as hard_silu,
)
from multinet.ops.activations import (
    hard_tanh as hard_tanh,
)
from multinet.ops.activations import (
    leaky_relu as leaky_relu,
)
from multinet.ops.activations import (
    log_sigmoid as log_sigmoid,
)
from multinet.ops.activations import (
    log_softmax as log_softmax,
)
from multinet.ops.activations import (
    normalize as normalize,
)
from multinet.ops.activations import (
    relu as relu,
)
from multinet.ops.activations import (
    relu6 as relu6,
)
from multinet.ops.activations import (
    selu as selu,
)
from multinet.ops.activations import (
    silu as silu,
)
from multinet.ops.activations import (
    soft_shrink as soft_shrink,
)
from multinet.ops.activations import (
    softmax as softmax,
)
from multinet.ops.activations import (
    softplus as softplus,
)
from multinet.ops.activations import (
    softsign as softsign,
)
from multinet.ops.activations import (
    sparse_plus as sparse_plus,
)
from multinet.ops.activations import (
    sparse_sigmoid as sparse_sigmoid,
)
from multinet.ops.activations import (
    sparsemax as sparsemax,
)
from multinet.ops.activations import (
    squareplus as squareplus,
)
from multinet.ops.activations import (
    tanh_shrink as tanh_shrink,
)
from multinet.ops.activations import (
    threshold as threshold,
)
from multinet.ops.arithmetic import (
    add as add,
)
from multinet.ops.arithmetic import (
    arctan2 as arctan2,
)
from multinet.ops.arithmetic import (
    bitwise_and as bitwise_and,
)
from multinet.ops.arithmetic import (
    bitwise_left_shift as bitwise_left_shift,
)
from multinet.ops.arithmetic import (
    bitwise_not as bitwise_not,
)
from multinet.ops.arithmetic import (
    bitwise_or as bitwise_or,
)
from multinet.ops.arithmetic import (
    bitwise_right_shift as bitwise_right_shift,
)
from multinet.ops.arithmetic import (
    bitwise_xor as bitwise_xor,
)
from multinet.ops.arithmetic import (
    divide as divide,
)
from multinet.ops.arithmetic import (
    divide_no_nan as divide_no_nan,
)
from multinet.ops.arithmetic import (
    equal as equal,
)
from multinet.ops.arithmetic import (
    floor_divide as floor_divide,
)
from multinet.ops.arithmetic import (
    fmax as fmax,
)
from multinet.ops.arithmetic import (
    fmin as fmin,
)
from multinet.ops.arithmetic import (
    fmod as fmod,
)
from multinet.ops.arithmetic import (
    gcd as gcd,
)
from multinet.ops.arithmetic import (
    greater as greater,
)
from multinet.ops.arithmetic import (
    greater_equal as greater_equal,
)
from multinet.ops.arithmetic import (
    heaviside as heaviside,
)
from multinet.ops.arithmetic import (
    hypot as hypot,
)
from multinet.ops.arithmetic import (
    isclose as isclose,
)
from multinet.ops.arithmetic import (
    lcm as lcm,
)
from multinet.ops.arithmetic import (
    ldexp as ldexp,
)
from multinet.ops.arithmetic import (
    less as less,
)
from multinet.ops.arithmetic import (
    less_equal as less_equal,
)
from multinet.ops.arithmetic import (
    logaddexp as logaddexp,
)
from multinet.ops.arithmetic import (
    logaddexp2 as logaddexp2,
)
from multinet.ops.arithmetic import (
    logical_and as logical_and,
)
from multinet.ops.arithmetic import (
    logical_not as logical_not,
)
from multinet.ops.arithmetic import (
    logical_or as logical_or,
)
from multinet.ops.arithmetic import (
    logical_xor as logical_xor,
)
from multinet.ops.arithmetic import (
    maximum as maximum,
)
from multinet.ops.arithmetic import (
    minimum as minimum,
)
from multinet.ops.arithmetic import (
    mod as mod,
)
from multinet.ops.arithmetic import (
    multiply as multiply,
)
from multinet.ops.arithmetic import (
    not_equal as not_equal,
)
from multinet.ops.arithmetic import (
    power as power,
)
from multinet.ops.arithmetic import (
    subtract as subtract,
)
from multinet.ops.arithmetic import (
    where as where,
)
from multinet.ops.contraction import (
    cross as cross,
)
from multinet.ops.contraction import (
    dot as dot,
)
from multinet.ops.contraction import (
    einsum as einsum,
)
from multinet.ops.contraction import (
    inner as inner,
)
from multinet.ops.contraction import (
    kron as kron,
)
from multinet.ops.contraction import (
    matmul as matmul,
)
from multinet.ops.contraction import (
    outer as outer,
)
from multinet.ops.contraction import (
    tensordot as tensordot,
)
from multinet.ops.contraction import (
    trapezoid as trapezoid,
)
from multinet.ops.contraction import (
    vdot as vdot,
)
from multinet.ops.control import (
    associative_scan as associative_scan,
)
from multinet.ops.control import (
    cond as cond,
)
from multinet.ops.control import (
    custom_gradient as custom_gradient,
)
from multinet.ops.control import (
    fori_loop as fori_loop,
)
from multinet.ops.control import (
    jvp as jvp,
)
from multinet.ops.control import (
    map as map,
)
from multinet.ops.control import (
    scan as scan,
)
from multinet.ops.control import (
    switch as switch,
)
from multinet.ops.control import (
    vectorized_map as vectorized_map,
)
from multinet.ops.control import (
    while_loop as while_loop,
)
from multinet.ops.conversion import (
    array as array,
)
from multinet.ops.conversion import (
    cast as cast,
)
from multinet.ops.conversion import (
    convert_to_numpy as convert_to_numpy,
)
from multinet.ops.conversion import (
    convert_to_tensor as convert_to_tensor,
)
from multinet.ops.conversion import (
    copy as copy,
)
from multinet.ops.conversion import (
    dtype as dtype,
)
from multinet.ops.conversion import (
    is_tensor as is_tensor,
)
from multinet.ops.conversion import (
    ndim as ndim,
)
from multinet.ops.conversion import (
    polar as polar,
)
from multinet.ops.conversion import (
    saturate_cast as saturate_cast,
)
from multinet.ops.conversion import (
    shape as shape,
)
from multinet.ops.conversion import (
    size as size,
)
from multinet.ops.conversion import (
    stop_gradient as stop_gradient,
)
from multinet.ops.conversion import (
    view as view,
)
from multinet.ops.conversion import (
    view_as_complex as view_as_complex,
)
from multinet.ops.conversion import (
    view_as_real as view_as_real,
)
from multinet.ops.convolution import (
    adaptive_average_pool as adaptive_average_pool,
)
from multinet.ops.convolution import (
    adaptive_max_pool as adaptive_max_pool,
)
from multinet.ops.convolution import (
    average_pool as average_pool,
)
from multinet.ops.convolution import (
    conv as conv,
)
from multinet.ops.convolution import (
    conv_transpose as conv_transpose,
)
from multinet.ops.convolution import (
    depthwise_conv as depthwise_conv,
)
from multinet.ops.convolution import (
    max_pool as max_pool,
)
from multinet.ops.convolution import (
    separable_conv as separable_conv,
)
from multinet.ops.core import PUBLIC
from multinet.ops.creation import (
    arange as arange,
)
from multinet.ops.creation import (
    bartlett as bartlett,
)
from multinet.ops.creation import (
    blackman as blackman,
)
from multinet.ops.creation import (
    empty as empty,
)
from multinet.ops.creation import (
    empty_like as empty_like,
)
from multinet.ops.creation import (
    eye as eye,
)
from multinet.ops.creation import (
    full as full,
)
from multinet.ops.creation import (
    full_like as full_like,
)
from multinet.ops.creation import (
    geomspace as geomspace,
)
from multinet.ops.creation import (
    hamming as hamming,
)
from multinet.ops.creation import (
    hanning as hanning,
)
from multinet.ops.creation import (
    identity as identity,
)
from multinet.ops.creation import (
    kaiser as kaiser,
)
from multinet.ops.creation import (
    linspace as linspace,
)
from multinet.ops.creation import (
    logspace as logspace,
)
from multinet.ops.creation import (
    meshgrid as meshgrid,
)
from multinet.ops.creation import (
    ones as ones,
)
from multinet.ops.creation import (
    ones_like as ones_like,
)
from multinet.ops.creation import (
    tri as tri,
)
from multinet.ops.creation import (
    tril as tril,
)
from multinet.ops.creation import (
    triu as triu,
)
from multinet.ops.creation import (
    vander as vander,
)
from multinet.ops.creation import (
    zeros as zeros,
)
from multinet.ops.creation import (
    zeros_like as zeros_like,
)
from multinet.ops.elementwise import (
    abs as abs,
)
from multinet.ops.elementwise import (
    angle as angle,
)
from multinet.ops.elementwise import (
    arccos as arccos,
)
from multinet.ops.elementwise import (
    arccosh as arccosh,
)
from multinet.ops.elementwise import (
    arcsin as arcsin,
)
from multinet.ops.elementwise import (
    arcsinh as arcsinh,
)
from multinet.ops.elementwise import (
    arctan as arctan,
)
from multinet.ops.elementwise import (
    arctanh as arctanh,
)
from multinet.ops.elementwise import (
    cbrt as cbrt,
)
from multinet.ops.elementwise import (
    ceil as ceil,
)
from multinet.ops.elementwise import (
    clip as clip,
)
from multinet.ops.elementwise import (
    conj as conj,
)
from multinet.ops.elementwise import (
    cos as cos,
)
from multinet.ops.elementwise import (
    cosh as cosh,
)
from multinet.ops.elementwise import (
    deg2rad as deg2rad,
)
from multinet.ops.elementwise import (
    erf as erf,
)
from multinet.ops.elementwise import (
    erfc as erfc,
)
from multinet.ops.elementwise import (
    erfinv as erfinv,
)
from multinet.ops.elementwise import (
    exp as exp,
)
from multinet.ops.elementwise import (
    exp2 as exp2,
)
from multinet.ops.elementwise import (
    expm1 as expm1,
)
from multinet.ops.elementwise import (
    fabs as fabs,
)
from multinet.ops.elementwise import (
    floor as floor,
)
from multinet.ops.elementwise import (
    imag as imag,
)
from multinet.ops.elementwise import (
    isfinite as isfinite,
)
from multinet.ops.elementwise import (
    isinf as isinf,
)
from multinet.ops.elementwise import (
    isnan as isnan,
)
from multinet.ops.elementwise import (
    isneginf as isneginf,
)
from multinet.ops.elementwise import (
    isposinf as isposinf,
)
from multinet.ops.elementwise import (
    isreal as isreal,
)
from multinet.ops.elementwise import (
    log as log,
)
from multinet.ops.elementwise import (
    log1p as log1p,
)
from multinet.ops.elementwise import (
    log2 as log2,
)
from multinet.ops.elementwise import (
    log10 as log10,
)
from multinet.ops.elementwise import (
    nan_to_num as nan_to_num,
)
from multinet.ops.elementwise import (
    negative as negative,
)
from multinet.ops.elementwise import (
    rad2deg as rad2deg,
)
from multinet.ops.elementwise import (
    real as real,
)
from multinet.ops.elementwise import (
    reciprocal as reciprocal,
)
from multinet.ops.elementwise import (
    round as round,
)
from multinet.ops.elementwise import (
    rsqrt as rsqrt,
)
from multinet.ops.elementwise import (
    sigmoid as sigmoid,
)
from multinet.ops.elementwise import (
    sign as sign,
)
from multinet.ops.elementwise import (
    signbit as signbit,
)
from multinet.ops.elementwise import (
    sin as sin,
)
from multinet.ops.elementwise import (
    sinc as sinc,
)
from multinet.ops.elementwise import (
    sinh as sinh,
)
from multinet.ops.elementwise import (
    sqrt as sqrt,
)
from multinet.ops.elementwise import (
    square as square,
)
from multinet.ops.elementwise import (
    tan as tan,
)
from multinet.ops.elementwise import (
    tanh as tanh,
)
from multinet.ops.elementwise import (
    trunc as trunc,
)
from multinet.ops.fft import (
    extract_sequences as extract_sequences,
)
from multinet.ops.fft import (
    fft as fft,
)
from multinet.ops.fft import (
    fft2 as fft2,
)
from multinet.ops.fft import (
    ifft2 as ifft2,
)
from multinet.ops.fft import (
    irfft as irfft,
)
from multinet.ops.fft import (
    istft as istft,
)
from multinet.ops.fft import (
    rfft as rfft,
)
from multinet.ops.fft import (
    stft as stft,
)
from multinet.ops.indexing import (
    diag as diag,
)
from multinet.ops.indexing import (
    diagflat as diagflat,
)
from multinet.ops.indexing import (
    diagonal as diagonal,
)
from multinet.ops.indexing import (
    nonzero as nonzero,
)
from multinet.ops.indexing import (
    scatter as scatter,
)
from multinet.ops.indexing import (
    scatter_update as scatter_update,
)
from multinet.ops.indexing import (
    select as select,
)
from multinet.ops.indexing import (
    slice as slice,
)
from multinet.ops.indexing import (
    slice_update as slice_update,
)
from multinet.ops.indexing import (
    take as take,
)
from multinet.ops.indexing import (
    take_along_axis as take_along_axis,
)
from multinet.ops.indexing import (
    trace as trace,
)
from multinet.ops.indexing import (
    unravel_index as unravel_index,
)
from multinet.ops.item import (
    get_item as get_item,
)
from multinet.ops.linalg import (
    cholesky as cholesky,
)
from multinet.ops.linalg import (
    cholesky_inverse as cholesky_inverse,
)
from multinet.ops.linalg import (
    det as det,
)
from multinet.ops.linalg import (
    eig as eig,
)
from multinet.ops.linalg import (
    eigh as eigh,
)
from multinet.ops.linalg import (
    inv as inv,
)
from multinet.ops.linalg import (
    logdet as logdet,
)
from multinet.ops.linalg import (
    lstsq as lstsq,
)
from multinet.ops.linalg import (
    lu_factor as lu_factor,
)
from multinet.ops.linalg import (
    matrix_rank as matrix_rank,
)
from multinet.ops.linalg import (
    norm as norm,
)
from multinet.ops.linalg import (
    pinv as pinv,
)
from multinet.ops.linalg import (
    qr as qr,
)
from multinet.ops.linalg import (
    slogdet as slogdet,
)
from multinet.ops.linalg import (
    solve as solve,
)
from multinet.ops.linalg import (
    solve_triangular as solve_triangular,
)
from multinet.ops.linalg import (
    svd as svd,
)
from multinet.ops.nn import (
    batch_normalization as batch_normalization,
)
from multinet.ops.nn import (
    cdist as cdist,
)
from multinet.ops.nn import (
    depth_to_space as depth_to_space,
)
from multinet.ops.nn import (
    dot_product_attention as dot_product_attention,
)
from multinet.ops.nn import (
    in_top_k as in_top_k,
)
from multinet.ops.nn import (
    layer_normalization as layer_normalization,
)
from multinet.ops.nn import (
    moments as moments,
)
from multinet.ops.nn import (
    multi_hot as multi_hot,
)
from multinet.ops.nn import (
    one_hot as one_hot,
)
from multinet.ops.nn import (
    psnr as psnr,
)
from multinet.ops.nn import (
    rms_normalization as rms_normalization,
)
from multinet.ops.nn import (
    space_to_depth as space_to_depth,
)
from multinet.ops.nn_losses import (
    binary_crossentropy as binary_crossentropy,
)
from multinet.ops.nn_losses import (
    categorical_crossentropy as categorical_crossentropy,
)
from multinet.ops.nn_losses import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from multinet.ops.patches import (
    fold as fold,
)
from multinet.ops.patches import (
    rearrange as rearrange,
)
from multinet.ops.patches import (
    unfold as unfold,
)
from multinet.ops.reductions import (
    all as all,
)
from multinet.ops.reductions import (
    allclose as allclose,
)
from multinet.ops.reductions import (
    any as any,
)
from multinet.ops.reductions import (
    argmax as argmax,
)
from multinet.ops.reductions import (
    argmin as argmin,
)
from multinet.ops.reductions import (
    average as average,
)
from multinet.ops.reductions import (
    count_nonzero as count_nonzero,
)
from multinet.ops.reductions import (
    cumprod as cumprod,
)
from multinet.ops.reductions import (
    cumsum as cumsum,
)
from multinet.ops.reductions import (
    logsumexp as logsumexp,
)
from multinet.ops.reductions import (
    max as max,
)
from multinet.ops.reductions import (
    mean as mean,
)
from multinet.ops.reductions import (
    min as min,
)
from multinet.ops.reductions import (
    prod as prod,
)
from multinet.ops.reductions import (
    ptp as ptp,
)
from multinet.ops.reductions import (
    std as std,
)
from multinet.ops.reductions import (
    sum as sum,
)
from multinet.ops.reductions import (
    var as var,
)
from multinet.ops.shapes import (
    append as append,
)
from multinet.ops.shapes import (
    array_split as array_split,
)
from multinet.ops.shapes import (
    broadcast_to as broadcast_to,
)
from multinet.ops.shapes import (
    concatenate as concatenate,
)
from multinet.ops.shapes import (
    dsplit as dsplit,
)
from multinet.ops.shapes import (
    dstack as dstack,
)
from multinet.ops.shapes import (
    expand_dims as expand_dims,
)
from multinet.ops.shapes import (
    flip as flip,
)
from multinet.ops.shapes import (
    fliplr as fliplr,
)
from multinet.ops.shapes import (
    flipud as flipud,
)
from multinet.ops.shapes import (
    hsplit as hsplit,
)
from multinet.ops.shapes import (
    hstack as hstack,
)
from multinet.ops.shapes import (
    moveaxis as moveaxis,
)
from multinet.ops.shapes import (
    pad as pad,
)
from multinet.ops.shapes import (
    ravel as ravel,
)
from multinet.ops.shapes import (
    repeat as repeat,
)
from multinet.ops.shapes import (
    reshape as reshape,
)
from multinet.ops.shapes import (
    roll as roll,
)
from multinet.ops.shapes import (
    rot90 as rot90,
)
from multinet.ops.shapes import (
    split as split,
)
from multinet.ops.shapes import (
    squeeze as squeeze,
)
from multinet.ops.shapes import (
    stack as stack,
)
from multinet.ops.shapes import (
    swapaxes as swapaxes,
)
from multinet.ops.shapes import (
    tile as tile,
)
from multinet.ops.shapes import (
    transpose as transpose,
)
from multinet.ops.shapes import (
    unstack as unstack,
)
from multinet.ops.shapes import (
    vsplit as vsplit,
)
from multinet.ops.shapes import (
    vstack as vstack,
)
from multinet.ops.sorting import (
    argpartition as argpartition,
)
from multinet.ops.sorting import (
    argsort as argsort,
)
from multinet.ops.sorting import (
    bincount as bincount,
)
from multinet.ops.sorting import (
    digitize as digitize,
)
from multinet.ops.sorting import (
    histogram as histogram,
)
from multinet.ops.sorting import (
    isin as isin,
)
from multinet.ops.sorting import (
    nextafter as nextafter,
)
from multinet.ops.sorting import (
    searchsorted as searchsorted,
)
from multinet.ops.sorting import (
    segment_max as segment_max,
)
from multinet.ops.sorting import (
    segment_min as segment_min,
)
from multinet.ops.sorting import (
    segment_prod as segment_prod,
)
from multinet.ops.sorting import (
    segment_sum as segment_sum,
)
from multinet.ops.sorting import (
    sort as sort,
)
from multinet.ops.sorting import (
    top_k as top_k,
)
from multinet.ops.sorting import (
    unique as unique,
)
from multinet.ops.statistics import (
    corrcoef as corrcoef,
)
from multinet.ops.statistics import (
    correlate as correlate,
)
from multinet.ops.statistics import (
    diff as diff,
)
from multinet.ops.statistics import (
    median as median,
)
from multinet.ops.statistics import (
    nanargmax as nanargmax,
)
from multinet.ops.statistics import (
    nanargmin as nanargmin,
)
from multinet.ops.statistics import (
    nancumprod as nancumprod,
)
from multinet.ops.statistics import (
    nancumsum as nancumsum,
)
from multinet.ops.statistics import (
    nanmax as nanmax,
)
from multinet.ops.statistics import (
    nanmean as nanmean,
)
from multinet.ops.statistics import (
    nanmedian as nanmedian,
)
from multinet.ops.statistics import (
    nanmin as nanmin,
)
from multinet.ops.statistics import (
    nanpercentile as nanpercentile,
)
from multinet.ops.statistics import (
    nanprod as nanprod,
)
from multinet.ops.statistics import (
    nanquantile as nanquantile,
)
from multinet.ops.statistics import (
    nanstd as nanstd,
)
from multinet.ops.statistics import (
    nansum as nansum,
)
from multinet.ops.statistics import (
    nanvar as nanvar,
)
from multinet.ops.statistics import (
    percentile as percentile,
)
from multinet.ops.statistics import (
    quantile as quantile,
)

# Second names, which keras.ops has too.
absolute = abs
amax = max
amin = min
conjugate = conj
true_divide = divide
bitwise_invert = bitwise_not
left_shift = bitwise_left_shift
right_shift = bitwise_right_shift
swish = silu
hard_swish = hard_silu

PUBLIC.update(
    absolute=absolute,
    amax=amax,
    amin=amin,
    conjugate=conjugate,
    true_divide=true_divide,
    bitwise_invert=bitwise_invert,
    left_shift=left_shift,
    right_shift=right_shift,
    swish=swish,
    hard_swish=hard_swish,
)
operators.install(PUBLIC)

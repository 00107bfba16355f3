"""Invalid calls of elementwise ops and activations."""

TABLE = """
ShapeError: 3, 4) and (5,): sizes 4 and 5 at axis -1 differ and neither
    add(a, v); subtract(a, v); multiply(a, v); maximum(a, v); minimum(a, v)
    floor_divide(a, v); mod(a, v); power(a, v); divide(a, v); true_divide(a, v)
    arctan2(a, v); logaddexp(a, v); equal(a, v); not_equal(a, v); less(a, v)
    less_equal(a, v); greater(a, v); greater_equal(a, v); fmax(a, v); fmin(a, v)
    where(m, a, v)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    add('x', a); power(a, 'x'); logical_not('x'); bitwise_and(i, 'x'); ldexp(z, 'x')
    where(m, 'x', a); where('x', a, a); sqrt('x'); exp('x'); log('x'); sin('x')
    cos('x'); tanh('x'); negative('x'); abs('x'); absolute('x'); square('x')
    reciprocal('x'); exp2('x'); log2('x'); log10('x'); sinc('x'); clip(a, 'x', 1)
    nan_to_num('x'); real('x'); imag('x'); conj('x'); conjugate('x'); angle('x')
    isnan('x'); isfinite('x'); isinf('x'); isreal('x'); i0('x'); relu('x')
    softsign('x'); tanh_shrink('x'); squareplus('x')
DTypeError: Expected numbers or bools, got None. If a function made it
    add(a, None); trunc(None); clip(a, None, 1); sin(None)
DTypeError: takes numbers, got bool. Cast to 'int32' first, or use
    subtract(m, m)
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    maximum(z, z); minimum(z, z); floor_divide(z, z); mod(z, z); arctan2(z, z)
    logaddexp(z, z); less(z, z); less_equal(z, z); greater(z, z); greater_equal(z, z)
    fmax(z, z); fmin(z, z); hypot(z, z); heaviside(z, z); logaddexp2(z, z)
    nextafter(z, z); expm1(z); log1p(z); tan(z); arcsin(z); arccos(z); arctan(z)
    sinh(z); cosh(z); arcsinh(z); arccosh(z); arctanh(z); sigmoid(z); erf(z)
    erfinv(z); rsqrt(z); floor(z); ceil(z); round(z); cbrt(z); fabs(z); erfc(z)
    deg2rad(z); rad2deg(z); clip(z, 0, 1); isposinf(z); isneginf(z); signbit(z)
    relu(z); relu6(z); leaky_relu(z); elu(z); celu(z); selu(z); gelu(z); silu(z)
    swish(z); softplus(z); log_sigmoid(z); hard_sigmoid(z); hard_silu(z)
    hard_swish(z); hard_tanh(z); hard_shrink(z); soft_shrink(z)
    threshold(z, 0.1, 0.0); sparse_plus(z); sparse_sigmoid(z); glu(z); softmax(z)
    log_softmax(z); sparsemax(z)
ShapeError: logical_and cannot broadcast the shapes (3, 4) and (5,)
    logical_and(a, v)
ShapeError: logical_or cannot broadcast the shapes (3, 4) and (5,): sizes
    logical_or(a, v)
ShapeError: equal cannot broadcast the shapes (3, 4) and (5,): sizes must
    logical_xor(a, v)
DTypeError: takes integers or bool, got float32.
    bitwise_and(a, a); bitwise_and(i, v); bitwise_or(a, a); bitwise_or(i, kv)
    bitwise_xor(i, 1.5); bitwise_xor(a, a); bitwise_not(a); bitwise_invert(a)
    bitwise_left_shift(a, a); left_shift(a, a); bitwise_right_shift(a, a)
    right_shift(a, a)
ShapeError: divide cannot broadcast the shapes (3, 4) and (5,): sizes
    divide_no_nan(a, v)
ShapeError: mod cannot broadcast the shapes (3, 4) and (5,): sizes must
    fmod(a, v)
DTypeError: ops.fmod takes real numbers, got complex64
    fmod(z, z)
ShapeError: maximum cannot broadcast the shapes (3, 4) and (5,): sizes
    hypot(a, v); clip(a, v, 1)
ShapeError: where cannot broadcast the shapes (3, 4) and (5,): sizes must
    heaviside(a, v)
ShapeError: logaddexp cannot broadcast the shapes (3, 4) and (5,): sizes
    logaddexp2(a, v)
DTypeError: takes integer x2, got float32.
    ldexp(a, a)
DTypeError: takes integers, got float32.
    gcd(a, a); lcm(a, a)
ShapeError: ops.isclose: subtract cannot broadcast the shapes (3, 4) and
    isclose(a, v); allclose(a, v)
DTypeError: Expected a tensor or a number, got str 'x'. Convert it to a
    isclose(a, a, 'x'); allclose(a, a, 'x'); nan_to_num(a, 'x')
    nan_to_num(a, posinf='x'); hard_shrink(a, 'x'); soft_shrink(a, 'x')
    threshold(a, 'x', 0.0); squareplus(a, 'x'); normalize(a, -1, 3, 'x')
ShapeError: less cannot broadcast the shapes (3, 4) and (5,): sizes must
    nextafter(a, v)
DTypeError: takes x1 and x2 together, or neither.
    where(m, a)
ShapeError: expects shapes that broadcast, got (5,) and (3, 4) and (3
    where(v, a, a)
DTypeError: takes numbers, got bool. Use ops.logical_not or
    round(m); negative(m); sign(m)
ArgumentError: Expected decimals as an int, got 'x'.
    round(a, 'x')
ArgumentError: Expected decimals as an int, got 1.5.
    round(a, 1.5)
ShapeError: Expected rectangular data, got list: setting an array element
    trunc([[1, 2], [3]]); sin([[1, 2], [3]])
ShapeError: minimum cannot broadcast the shapes (3, 4) and (5,): sizes
    clip(a, 0, v)
DTypeError: takes real numbers, got complex64.
    i0(z)
DTypeError: Expected numbers or bools, got a object of dtype object.
    sin(object())
DTypeError: Expected an array, a tensor, or numbers and lists of them
    sin({'a': 1})
DTypeError: Expected numbers or bools, got a list of dtype <U1. Encode
    sin(['x'])
DTypeError: does not fit in int32 (-2147483648 to 2147483647). Pass a
    add(2**40, i); cos(2**70)
ArgumentError: elu accepts, got x=float32 (3, 4)
    leaky_relu(a, 'x'); leaky_relu(a, None); elu(a, 'x'); celu(a, 0); celu(a, 'x')
ArgumentError: Expected default_value as a number, got 'x'.
    threshold(a, 0.1, 'x')
ShapeError: expects an even size at axis 0, got (3, 4).
    glu(a, 0)
NoAxis: Expected axis in [-2, 2) for a tensor of 2 axes, got
    glu(a, 2); softmax(a, 2); log_softmax(a, -3); log_softmax(a, (0, 2))
    normalize(a, 2)
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got -1.
    glu(c); softmax(c)
ArgumentError: Expected each axis once, got axis=(0, 0).
    softmax(a, (0, 0))
ArgumentError: Expected axis as an int, got 'x'.
    softmax(a, 'x')
ArgumentError: Expected axis as an int, got 1.5.
    softmax(a, 1.5)
NoAxis: Expected source in [-2, 2) for a tensor of 2 axes, got 2.
    sparsemax(a, 2)
NoAxis: Expected source in [0, 0) for a tensor of 0 axes, got -1.
    sparsemax(c)
ArgumentError: Expected a positive order, got 0.
    normalize(a, order=0)
ArgumentError: Expected a positive order, got 'x'.
    normalize(a, order='x')
NoNorm: A matrix norm has ord 1, -1, 2, -2, inf, -inf, 'fro' or
    normalize(a, (0, 1), 3)
"""

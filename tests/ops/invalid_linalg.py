"""Invalid calls of linear algebra, Fourier transforms, order and statistics."""

TABLE = """
ShapeError: expects square matrices (..., n, n), got shape
    cholesky(a); cholesky(v); cholesky(c); cholesky_inverse(a); det(a); slogdet(a)
    logdet(a); logdet(v); inv(a); eig(a); eigh(a); eigh(v); lu_factor(a); solve(a, a)
    solve_triangular(a, a)
DTypeError: takes float32, float64 or complex numbers, got float16. Cast
    cholesky(low); cholesky_inverse(low); det(low); inv(low); pinv(low); qr(low)
    svd(low); eig(low); lu_factor(low); solve(low, low); solve_triangular(low, low)
    lstsq(low, low); norm(low, 2)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    cholesky('x'); solve('x', s); lstsq(a, 'x'); fft('x'); searchsorted('x', a)
    digitize('x', v); segment_min('x', k3); isin('x', a); isin(a, 'x'); unique('x')
    unique(a, size=9, fill_value='x'); quantile(a, 'x'); percentile(a, 'x')
    corrcoef('x'); correlate(v, 'x')
ShapeError: expects matrices (..., n, m), got shape (5,).
    pinv(v); matrix_rank(v); qr(v); svd(v)
DTypeError: Expected a tensor or a number, got str 'x'. Convert it to a
    pinv(a, 'x'); matrix_rank(a, 'x'); lstsq(a, s, 'x')
ArgumentError: Expected mode 'reduced' or 'complete', got 'x'.
    qr(a, 'x')
ShapeError: expects b (..., 3, m) for a (3, 3), got (5
    solve(s, v); solve(s, a5); solve_triangular(s, v)
ShapeError: expects b (..., 3, m) for a (3, 3), got ().
    solve(s, c)
ShapeError: expects shapes that broadcast, got (2,) and (5,): sizes 2 and
    solve(bs2, bs3)
ShapeError: ops.lstsq: matmul expects (..., n, k) and (..., k, m); got
    lstsq(a, v); lstsq(a, c)
ArgumentError: Expected arguments that ops.lstsq accepts, got a=float32
    lstsq(v, v)
NoAxis: Expected axis in [-2, 2) for a tensor of 2 axes, got 2.
    norm(a, axis=2); sort(a, 2); argsort(a, 2); argpartition(a, 1, 2)
    unique(a, axis=2, size=3); diff(a, axis=2); quantile(a, 0.5, 2)
    percentile(a, 50, 2); median(a, 2); nansum(a, 2); nanprod(a, 2); nancumsum(a, 2)
    nancumprod(a, 2); nanmax(a, 2); nanmin(a, 2); nanargmax(a, 2); nanargmin(a, 2)
    nanmean(a, 2); nanvar(a, 2); nanstd(a, 2); nanquantile(a, 0.5, 2)
    nanpercentile(a, 50, 2); nanmedian(a, 2)
NoNorm: A matrix norm has ord 1, -1, 2, -2, inf, -inf, 'fro' or
    norm(a, 'x'); norm(a, 5)
NoNorm: A vector norm has ord as a number, got 'fro'.
    norm(v, 'fro')
NoNorm: ops.norm with ord=2 expects 1 or 2 axes, got (0, 1, 2).
    norm(t, 2); norm(t, 2, (0, 1, 2))
ShapeError: transpose expects each of the axes 0 to 1 once, for shape (3
    norm(a, 2, (0, 0))
NoNorm: A vector norm has ord as a number, got 'x'.
    norm(v, 'x', 0)
NoNorm: with ord=1 expects 1 or 2 axes, got ().
    norm(c, 1)
ArgumentError: Expected axis as an int, got 'x'.
    norm(a, axis='x'); sort(a, 'x'); unique(a, axis='x', size=3)
ArgumentError: Expected a pair (real, imaginary) or a complex tensor.
    fft(a); fft((a,)); fft2(a); ifft2(a); irfft(a); istft(a, 8, 4, 8)
ShapeError: Expected a real and an imaginary part of one shape, got (3
    fft((a, v))
ShapeError: expects a last axis that is not empty, got shape ().
    fft(c_z); rfft(c); irfft(c_z); extract_sequences(c, 1, 1); stft(c, 2, 1, 2)
ShapeError: Expected at least 2 axes, got shape (5,).
    fft2(vz); fft2((v, v)); ifft2(vz)
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    rfft(z); stft(z, 2, 1, 2); sort(z); argsort(z); argpartition(z, 1); top_k(z, 1)
    searchsorted(vz, a); digitize(z, v); histogram(z); quantile(z, 0.5); median(z)
    nancumsum(z); nanmax(z); nanargmax(z); nanquantile(z, 0.5); nanmedian(z)
ArgumentError: Expected fft_length as an int of at least
    rfft(v, 0); rfft(v, -1); irfft(vz, 0); irfft(vz, -2); irfft(one_z)
    stft(sig, 8, 4, 4); istft(spec, 8, 4, 4); istft(spec, 16, 4, 8)
WrongType: Expected fft_length as an int of at least
    rfft(v, 'x'); rfft(v, 2.5); irfft(vz, 'x'); stft(sig, 8, 4, 'x')
ShapeError: Expected a sequence_length of at most 5, the size of the last
    extract_sequences(v, 6, 1); stft(v, 8, 4, 8, center=False)
ArgumentError: Expected sequence_length as an int of at least 1, got
    extract_sequences(v, 0, 1); stft(sig, 0, 4, 8); stft(sig, -8, 4, 8)
WrongType: Expected sequence_length as an int of at least 1, got
    extract_sequences(v, 'x', 1); extract_sequences(v, 2.5, 1)
ArgumentError: Expected sequence_stride as an int of at least 1, got
    extract_sequences(v, 2, 0); extract_sequences(v, 2, -1); stft(sig, 8, 0, 8)
    istft(spec, 8, 0, 8)
ArgumentError: Expected window 'hann' or 'hamming', got 'x'.
    stft(sig, 8, 4, 8, 'x'); istft(spec, 8, 4, 8, window='x')
ShapeError: Expected a window of (8,), got (2,).
    stft(sig, 8, 4, 8, [1.0, 2.0])
ArgumentError: Expected length as an int of at least 1, got -1.
    istft(spec, 8, 4, 8, -1)
ShapeError: expects coefficients of 2 axes or more, (..., windows
    istft(vz, 8, 4, 8)
WrongType: Expected length as an int of at least 1, got 'x'.
    istft(spec, 8, 4, 8, 'x')
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got
    sort(c); unique(c, axis=0, size=3); diff(c)
NoAxis: Expected kth in [-4, 4) for a tensor of 4 axes, got 4.
    argpartition(a, 4)
ArgumentError: Expected kth as an int, got 'x'.
    argpartition(a, 'x')
ArgumentError: expects k within 1 and 4, got 5.
    top_k(a, 5)
ArgumentError: Expected k as an int of at least 1, got 0.
    top_k(a, 0)
ArgumentError: Expected k as an int of at least 1, got -1.
    top_k(a, -1)
ShapeError: expects one axis or more, got a scalar.
    top_k(c, 1); bincount(c_int)
WrongType: Expected k as an int of at least 1, got 'x'.
    top_k(a, 'x')
WrongType: Expected k as an int of at least 1, got 1.5.
    top_k(a, 1.5)
ShapeError: expects an ascending vector, got shape (3, 4).
    searchsorted(a, v); digitize(a, a)
ArgumentError: Expected side 'left' or 'right', got 'x'.
    searchsorted(v, a, 'x')
ShapeError: expects an ascending vector, got shape ().
    searchsorted(c, a); digitize(a, c)
ArgumentError: Expected bins as an int of at least 1, got 0.
    histogram(a, 0)
ArgumentError: Expected bins as an int of at least 1, got -1.
    histogram(a, -1)
ArgumentError: Expected range as (low, high), got (1, 0).
    histogram(a, range=(1, 0))
ArgumentError: Expected range as (low, high), got (0,).
    histogram(a, range=(0,))
WrongType: Expected bins as an int of at least 1, got 'x'.
    histogram(a, 'x')
ShapeError: of no values expects range=(low, high), got None.
    histogram(empty_)
WrongType: Expected bins as an int of at least 1, got 2.5.
    histogram(a, 2.5)
ArgumentError: Expected range as (low, high), got x.
    histogram(a, range='x')
DTypeError: Expected integer indices, got float32. Cast them to 'int32'.
    bincount(a); segment_sum(a, v); segment_prod(a, v); segment_max(a, v)
    segment_min(a, v)
ShapeError: x with weights expects equal shapes; got (4,) and (5,).
    bincount(k, v, 5)
ArgumentError: Expected minlength as an int of at least 0, got
    bincount(k, minlength=-1)
WrongType: Expected minlength as an int of at least 0, got
    bincount(k, minlength='x')
DTypeError: Expected integer indices, got bool. Cast them to 'int32'.
    bincount(m)
ShapeError: Expected segment_ids as a vector, got shape (3, 4).
    segment_sum(a, i); segment_max(a, i)
ShapeError: Expected as many segment_ids as data has rows, got shapes
    segment_sum(a, k5, 3); segment_sum(c, k3, 3); segment_prod(a, k5, 3)
    segment_max(a, k5, 3); segment_min(a, k5, 3)
ArgumentError: Expected num_segments as an int of at least 0, got
    segment_sum(a, k3, -1)
WrongType: Expected num_segments as an int of at least 0, got
    segment_sum(a, k3, 'x')
DTypeError: ops.segment_max and segment_min take real numbers, got
    segment_max(z, k3); segment_min(z, k3)
DTypeError: and segment_min take real numbers, got bool. Cast to 'int32
    segment_max(m, k3)
DTypeError: Expected numbers or bools, got None. If a function made it
    isin(a, None); quantile(a, None)
ArgumentError: Expected size as an int of at least 1, got -1.
    unique(a, size=-1)
WrongType: Expected size as an int of at least 1, got 'x'.
    unique(a, size='x')
ArgumentError: Expected size as an int of at least 1, got 0.
    unique(a, size=0)
DTypeError: with size takes real numbers, got complex64. Apply it to
    unique(z, size=2)
ArgumentError: Expected n as an int of at least 0, got -1.
    diff(a, -1)
WrongType: Expected n as an int of at least 0, got 'x'.
    diff(a, 'x')
WrongType: Expected n as an int of at least 0, got 1.5.
    diff(a, 1.5)
ShapeError: Expected q as a number or a vector within [0, 1], got
    quantile(a, [[0.5]]); quantile(a, 1.5); quantile(a, -0.1); percentile(a, 101)
    nanquantile(a, [[0.5]]); nanquantile(a, 1.5); nanpercentile(a, 101)
ArgumentError: Expected method linear, lower, higher, midpoint, nearest, got
    quantile(a, 0.5, method='x'); nanquantile(a, 0.5, method='x')
ShapeError: ops.quantile expects axes that are not empty, got shape (0
    quantile(empty_, 0.5); median(empty_)
ArgumentError: Expected each axis once, got axis=(0, 0).
    median(a, (0, 0)); nanstd(a, (0, 0))
ShapeError: expects a matrix or a vector, got shape (2, 3, 4).
    corrcoef(t)
ShapeError: expects a matrix or a vector, got shape ().
    corrcoef(c)
ShapeError: ops.correlate expects two vectors that are not empty, got
    correlate(a, v); correlate(c, v); correlate(v0, v)
ArgumentError: Expected mode valid, same or full, got 'x'.
    correlate(v, v, 'x')
DTypeError: takes real numbers, got complex64.
    nanprod(z)
ShapeError: of an empty axis, in shape (0, 4), has no value. Pass
    nanmax(empty_, 0); nanmin(empty_, 0)
ShapeError: argmin expects an axis that is not empty; got shape (0, 4)
    nanargmin(empty_, 0)
"""

"""One line for each call of a public op; values, dtypes and shapes are tested on all.

A line is an expression over the arrays below. Both `multinet.ops` and `keras.ops` can
run it, except for the few whose reference is NumPy or SciPy (`REFERENCES`).
"""

import re

import image_cases
import numpy as np
import scipy.special

rng = np.random.default_rng(7)


def _f(*shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape).astype("float32")


_spd = _f(3, 3)
ARRAYS = {
    "a": _f(3, 4),
    "b": _f(3, 4),
    "row": _f(4),
    "col": _f(3, 1),
    "v": _f(5),
    "w": _f(5),
    "p": _f(3, 4, low=0.2, high=3.0),
    "u": _f(3, 4, low=-0.9, high=0.9),
    "i": rng.integers(-5, 6, (3, 4)).astype("int32"),
    "j": rng.integers(1, 6, (3, 4)).astype("int32"),
    "m": rng.integers(0, 2, (3, 4)).astype("bool"),
    "n": rng.integers(0, 2, (3, 4)).astype("bool"),
    "k": rng.integers(0, 3, (4,)).astype("int32"),
    "t": _f(2, 3, 4),
    "s": _f(3, 3),
    "spd": (_spd @ _spd.T + np.eye(3)).astype("float32"),
    "batch": (_f(2, 3, 3) + 3 * np.eye(3)).astype("float32"),
    "z": (_f(3, 4) + 1j * _f(3, 4)).astype("complex64"),
    "nans": np.where(rng.uniform(size=(3, 4)) < 0.3, np.nan, _f(3, 4)).astype(
        "float32"
    ),
    "infs": np.array([[1.5, np.inf, -np.inf], [np.nan, -0.0, 0.0]], "float32"),
    "cls": np.array([1, 0, 3], "int32"),
    "prob": np.array([[0.1, 0.2, 0.3, 0.4]] * 3, "float32"),
    "hot": np.eye(4, dtype="float32")[[1, 0, 3]],
    "seq": _f(2, 7, 3),
    "img": _f(2, 6, 5, 4),
    "first": _f(2, 4, 6, 5),
    "vol": _f(1, 4, 4, 4, 2),
    "k1": _f(3, 3, 5),
    "k2": _f(3, 2, 4, 6),
    "k2g": _f(3, 3, 2, 6),
    "k3": _f(2, 2, 2, 2, 3),
    "kt1": _f(3, 5, 3),
    "kt2": _f(3, 2, 6, 4),
    "kd": _f(3, 3, 4, 2),
    "kp": _f(1, 1, 8, 3),
    "q": _f(2, 5, 2, 4),
    "kv": _f(2, 6, 2, 4),
    "seen": rng.integers(0, 2, (2, 1, 5, 6)).astype("bool")
    | np.eye(5, 6, dtype="bool"),
    "sig": _f(2, 64),
    "three": np.array([[0], [2], [0]], "int32"),
    "pairs": np.array([[0, 1], [2, 2]], "int32"),
    "counts": np.array([1, 2, 0], "int32"),
    "ids": np.array([0, 1, 0], "int32"),
    "zero": np.zeros((3, 4), "float32"),
}


def simplex(rows):
    """Return the nearest points of the probability simplex, by bisection."""
    low, high = rows.min(1, keepdims=True) - 1.0, rows.max(1, keepdims=True)
    for _ in range(60):
        middle = (low + high) / 2
        above = np.maximum(rows - middle, 0).sum(1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.maximum(rows - low, 0)


# What Keras cannot answer or answers wrongly: expression -> independent result.
REFERENCES = {
    "erfc(a)": lambda x: scipy.special.erfc(x["a"]),
    "erf(a)": lambda x: scipy.special.erf(x["a"]),
    "erfinv(u)": lambda x: scipy.special.erfinv(x["u"]),
    "cbrt(a)": lambda x: np.cbrt(x["a"]),
    # Keras 3.15 returns rows that do not sum to 1.
    "sparsemax(a)": lambda x: simplex(x["a"]),
    "sparsemax(a, 0)": lambda x: simplex(x["a"].T).T,
    "segment_sum(a, ids)": lambda x: np.stack([x["a"][0] + x["a"][2], x["a"][1]]),
    "view(a, 'int32')": lambda x: x["a"].view("int32"),
}

CASES = """
abs(a); abs(i); abs(z); absolute(a); negative(a); negative(i); sign(a); sign(i)
sqrt(p); exp(a); expm1(a); log(p); log1p(p); log2(p); log10(p); exp2(a); square(i)
sin(a); cos(a); tan(u); arcsin(u); arccos(u); arctan(a); sinh(a); cosh(a); tanh(a)
arcsinh(a); arccosh(add(p, 1)); arctanh(u); sigmoid(a); erf(a); erfc(a); erfinv(u)
rsqrt(p); reciprocal(p); cbrt(a); sinc(a); deg2rad(a); rad2deg(a); fabs(a); fabs(i)
floor(a); ceil(a); round(multiply(a, 3)); round(a, 1); trunc(a); floor(i); trunc(i)
round(i); clip(a, -1, 1); clip(i, -1, 2); clip(a, row, 1); nan_to_num(infs)
nan_to_num(infs, 1, 2, 3); real(z); imag(z); conj(z); conjugate(z); angle(z); real(a)
imag(a); angle(a); isnan(infs); isinf(infs); isfinite(infs); isposinf(infs)
isneginf(infs); isreal(z); signbit(infs); signbit(i); isnan(i); isfinite(z)
exp(z); sin(z); cos(z); tanh(z); sqrt(z); log(z); exp(i); sqrt(j); exp(m)
add(a, b); add(a, row); add(a, 1); add(i, 1.5); add(i, j); add(m, n); add(m, 1)
subtract(a, col); subtract(1, i); multiply(a, b); multiply(m, n); multiply(z, a)
divide(a, p); divide(i, j); true_divide(i, 2); divide_no_nan(a, zero)
floor_divide(a, p)
floor_divide(i, j); mod(a, p); mod(i, j); mod(i, -3); fmod(a, p); fmod(i, j)
power(p, a); power(a, 2); power(j, j); power(2.0, a); maximum(a, b); minimum(a, row)
maximum(m, n); minimum(i, 0); maximum(nans, 0.0); fmax(nans, a); fmin(nans, a)
arctan2(a, b); arctan2(i, j); logaddexp(a, b); logaddexp2(a, b); hypot(a, b)
heaviside(a, 0.5); heaviside(zero, 0.5); ldexp(a, i); gcd(i, j); lcm(i, j)
nextafter(a, b); nextafter(zero, a); nextafter(zero, zero)
equal(i, j); not_equal(i, j); less(a, b); less_equal(i, j); greater(a, row)
greater_equal(a, 0); equal(a, nans); logical_and(m, n); logical_or(i, n)
logical_xor(m, n); logical_not(m); logical_not(i); bitwise_and(i, j); bitwise_or(i, 3)
bitwise_xor(i, j); bitwise_not(i); bitwise_invert(i); bitwise_and(m, n)
left_shift(j, 2); right_shift(i, 1); bitwise_left_shift(j, j); bitwise_right_shift(i, j)
isclose(a, b); isclose(nans, nans, equal_nan=True); allclose(a, a); where(m, a, b)
where(m, a, 0); where(m, 1, i); where(m, i, a); where(m)
sum(a); sum(a, 0); sum(a, axis=(0, 1), keepdims=True); sum(i, -1); sum(m); sum(z, 0)
prod(a, 1); prod(i); max(a, 1); max(i); max(a, 0, True); min(a, 1); max(m, 0)
max(a, 1, initial=1.0); amax(a, 0); amin(a, 0); any(m, 0); all(m, 1); any(i); all(a, 0)
mean(a, 0); mean(i); mean(m, 1); mean(z, 0); var(a, 0); var(a, 1, True); std(a, 1)
var(i); logsumexp(a); logsumexp(a, 1); logsumexp(a, 0, True); count_nonzero(i, 0)
count_nonzero(m); ptp(a, 1); ptp(i); argmax(a, 1); argmax(a); argmin(a, 0); argmax(i, 0)
argmax(a, 0, True); argmin(m, 1); cumsum(a, 1); cumsum(i); cumsum(m, 0); cumprod(a, 0)
cumsum(a, 0, 'float64'); average(a, 1); average(a, 0, [0.5, 1.0, 2.0]); average(a, 1, b)
median(a, 1); median(a); median(i, 0, True); quantile(a, 0.3)
quantile(a, [0.1, 0.9], 1)
quantile(a, 0.4, 1, 'lower'); quantile(a, 0.4, 1, 'higher')
quantile(a, 0.4, 1, 'nearest')
quantile(a, 0.4, 1, 'midpoint'); quantile(a, 0.4, 1, keepdims=True)
percentile(a, 30, 0)
diff(a); diff(a, 2, 0); diff(i); corrcoef(a); correlate(v, row); correlate(v, w, 'same')
correlate(v, row, 'same'); correlate(v, row, 'full'); correlate(row, v, 'full')
correlate(row, v); correlate(row, v, 'same')
nansum(nans); nansum(nans, 0); nanprod(nans, 1); nanmean(nans, 0); nanvar(nans, 1)
nanstd(nans); nanmax(nans, 0); nanmin(nans, 1); nanargmax(nans, 1); nanargmin(nans)
nancumsum(nans, 1); nancumprod(nans, 0); nanmedian(nans); nanquantile(nans, 0.3, 1)
nanpercentile(nans, 30, 0); nanquantile(nans, [0.2, 0.7], 0, 'lower'); nansum(i)
trapezoid(a); trapezoid(a, dx=0.5, axis=0); trapezoid(a, row)
reshape(a, (2, 6)); reshape(t, (-1, 4)); reshape(a, -1); ravel(a); transpose(t)
transpose(t, (1, 0, 2)); swapaxes(t, 0, -1); moveaxis(t, 0, 2)
moveaxis(t, (0, 1), (2, 0))
expand_dims(a, 0); expand_dims(a, -1); expand_dims(a, (0, 2)); squeeze(col, 1)
squeeze(expand_dims(a, 0)); broadcast_to(row, (3, 4)); broadcast_to(col, (2, 3, 4))
concatenate([a, b]); concatenate([a, i], 1); concatenate([a, b, a], axis=-1)
stack([a, b]); stack([a, b], -1); stack([a, i], 1); unstack(a); unstack(t, axis=1)
split(a, 2, 1); split(a, [1, 3], 1); split(a, 3); array_split(a, 3, 1); hsplit(a, 2)
vsplit(a, 3); dsplit(t, 2); hsplit(row, 2); vstack([row, row]); hstack([a, b])
hstack([row, row]); dstack([a, b]); dstack([row, row]); append(a, b); append(a, b, 1)
tile(a, 2); tile(a, (2, 3)); tile(a, (2, 1, 1)); repeat(a, 2); repeat(a, 3, 1)
repeat(a, counts, 0); flip(a); flip(a, 1); flipud(a); fliplr(a); rot90(a)
rot90(a, 2); rot90(a, 3); rot90(t, 1, (1, 2)); roll(a, 1); roll(a, -2, 1)
roll(a, (1, 2), (0, 1)); pad(a, 1); pad(a, ((1, 0), (2, 1))); pad(a, 1, 'reflect')
pad(a, 2, 'symmetric'); pad(a, 1, constant_values=3)
pad(a, ((0, 0), (1, 2)), 'reflect')
pad(m, 1)
take(a, [0, 2], 1); take(a, [[0, -1]], 0); take(a, 3); take(row, k)
take_along_axis(a, argsort(a, 0), 0); take_along_axis(a, [[0], [1], [-1]], 1)
take_along_axis(a, [0, 5, 3]); get_item(a, 1); get_item(a, -1); get_item(t, (0, 1))
get_item(a, slice_(1, None)); get_item(t, (Ellipsis, 1))
get_item(t, (0, None, slice_(0, 2)))
get_item(a, (slice_(None, None, -1), slice_(None, None, 2)))
get_item(a, slice_(-2, None))
get_item(a, m); get_item(a, (slice_(None), k)); get_item(t, (0, slice_(None), k))
get_item(t, (slice_(None), cls[:2], k[:2]))
get_item(t, (k[:2] % 2, slice_(None), k[:2]))
get_item(a, (slice_(3, 0, -2), slice_(5, 1))); nonzero(m)
slice(a, (1, 0), (2, 3)); slice(a, [0, 1], [2, 2]); slice_update(a, (1, 1), b[:2, :2])
scatter(three, b, (4, 4)); scatter(pairs, v[:2], (3, 4))
scatter_update(a, [[0, 1], [2, 3]], v[:2]); scatter_update(a, [[0], [2]], b[:2], 'add')
scatter_update(a, [[0, 1], [2, 3]], v[:2], 'max')
scatter_update(a, [[0, 0]], v[:1], 'mul')
unravel_index([5, 7], (3, 4)); select([m, n], [a, b], 0.5); diag(row); diag(row, 1)
diag(row, -2); diag(a); diag(s, -1); diagflat(a); diagonal(a); diagonal(t, 1, 1, 2)
diagonal(a, -1); trace(a); trace(t, 0, 1, 2); trace(i)
sort(a); sort(a, 0); sort(i, 1); argsort(a); argsort(a, 0); argsort(i); top_k(a, 2)
searchsorted([0.0, 1.0, 2.0], a); searchsorted([0.0, 1.0], a, 'right')
digitize(a, [-1.0, 0.0, 1.0]); histogram(v); histogram(v, 5, (-1.0, 1.0)); bincount(k)
bincount(k, minlength=6); bincount(k, weights=row); isin(i, [1, 2]); unique(i)
isin(i, [1, 2], invert=True); segment_sum(a, ids); segment_max(a, ids, 2)
segment_min(a, ids, 2); segment_prod(a, ids, 2); segment_sum(a, ids, 4)
unique(i, return_counts=True); unique(k, return_inverse=True)
matmul(a, transpose(b)); matmul(t, transpose(a))
matmul(row, transpose(a)); matmul(a, row); matmul(row, row); matmul(i, transpose(j))
matmul(m, transpose(n)); einsum('ij,kj->ik', a, b); einsum('bij,kj->bik', t, a)
einsum('ii->i', s); einsum('...j,j->...', t, row); einsum('ij,ij', a, b)
einsum('i...->...i', t); tensordot(a, b, [[0, 1], [0, 1]])
tensordot(t, a, [[1, 2], [0, 1]])
tensordot(a, transpose(b), 1); dot(a, row); dot(t, transpose(a)); dot(row, row)
dot(a, 2)
inner(a, b); inner(row, row); vdot(a, b); vdot(z, z); outer(row, v); kron(a, s)
cross(s, batch); cross(s[:, :2], s[:, :2]); cross(s, s[:, :2]); cdist(a, b)
zeros((2, 3)); ones((2,), 'int32'); full((2, 2), 7); full((2, 4), row); empty((1,))
zeros_like(i); ones_like(a, 'int32'); full_like(a, 2); arange(5); arange(1, 7, 2)
arange(0, 1, 0.25); arange(3, dtype='float32'); arange(5, 0, -2); eye(3); eye(2, 4, 1)
identity(2, 'int32'); tri(3, 4); tri(3, k=-1); tril(a); tril(t, 1); triu(a); triu(i, -1)
linspace(0, 1, 5); linspace(row, 3.0, 4); linspace(0, 1, 5, endpoint=False)
linspace(row, v[:4], 3, axis=1); logspace(0, 2, 4); geomspace(1, 100, 4)
meshgrid(row, v); meshgrid(row, v, indexing='ij'); vander(row); vander(row, 3, True)
blackman(5); hamming(6); hanning(5); bartlett(7); kaiser(6, 4.0)
cast(a, 'int32'); cast(i, 'float16'); cast(a, 'bool'); cast(m, 'float32')
saturate_cast(multiply(a, 300), 'uint8'); saturate_cast(multiply(a, 300), 'int8')
convert_to_tensor(a); array(a); view(a, 'int32'); stop_gradient(a); copy(a)
view_as_complex(t[..., :2]); view_as_real(z); polar(p, a)
convert_to_tensor(i, 'float32')
relu(a); relu(i); relu6(multiply(a, 5)); leaky_relu(a); leaky_relu(a, 0.1); elu(a)
elu(a, 0.5); celu(a, 2.0); selu(a); gelu(a); gelu(a, False); silu(a); swish(a)
softplus(a); log_sigmoid(a); softsign(a); hard_sigmoid(multiply(a, 2)); hard_silu(a)
hard_swish(a); hard_tanh(a); tanh_shrink(a); hard_shrink(a); soft_shrink(a)
threshold(a, 0.1, 7); squareplus(a); sparse_plus(a); sparse_sigmoid(a); glu(a)
glu(t, 2); softmax(a); softmax(a, 0); softmax(t, (1, 2)); log_softmax(a)
log_softmax(t, 1)
sparsemax(a); sparsemax(a, 0); normalize(a); normalize(a, 0, 1); normalize(a, 1, 3)
moments(a, 0); moments(t, (0, 2), True); one_hot(cls, 4); one_hot(cls, 5, dtype='int32')
one_hot(k, 3, axis=0); multi_hot(i[:, :2] % 4, 5); multi_hot(cls, 4)
batch_normalization(a, row, row * row, -1); psnr(a, b, 1.0)
batch_normalization(t, col[:, 0], p[:, 0], 1, p[:, 1], p[:, 2], 0.01)
layer_normalization(a); layer_normalization(a, row, row)
layer_normalization(a, epsilon=0.1)
layer_normalization(t, t[0], t[1], axis=(1, 2)); rms_normalization(a)
rms_normalization(a, row)
dot_product_attention(q, kv, kv); dot_product_attention(q, kv, kv, mask=seen)
dot_product_attention(q, kv, kv, is_causal=True)
dot_product_attention(q, kv, kv, scale=0.3)
binary_crossentropy(hot, prob); binary_crossentropy(hot, a, from_logits=True)
categorical_crossentropy(hot, prob); categorical_crossentropy(hot, a, True)
sparse_categorical_crossentropy(cls, prob)
sparse_categorical_crossentropy(cls, a, True)
categorical_crossentropy(hot, p); sparse_categorical_crossentropy(cls, p)
in_top_k(cls, a, 2); depth_to_space(img, 2); space_to_depth(img[:, :, :4], 2)
conv(seq, k1); conv(seq, k1, 2, 'same'); conv(seq, k1, 1, 'same')
conv(seq, k1, 1, 'same', dilation_rate=2)
conv(img, k2); conv(img, k2, 2, 'same'); conv(img, k2, (1, 2), 'valid')
conv(img, k2g, 1, 'same')
conv(first, k2, 2, 'same', 'channels_first'); conv(vol, k3, 1, 'same'); conv(vol, k3, 2)
conv_transpose(seq, kt1); conv_transpose(seq, kt1, 2)
conv_transpose(seq, kt1, 2, 'same')
conv_transpose(seq, kt1, 4, 'same'); conv_transpose(seq, kt1, 5)
conv_transpose(img, kt2, 2)
conv_transpose(img, kt2, 2, 'same'); conv_transpose(img, kt2, 3, 'same')
conv_transpose(seq, kt1, 2, 'valid', 1); conv_transpose(seq, kt1, 2, 'same', 1)
conv_transpose(seq, kt1, 2, 'same', 0)
conv_transpose(seq, kt1, 1, 'same', dilation_rate=2)
depthwise_conv(img, kd); depthwise_conv(img, kd, 2, 'same')
separable_conv(img, kd, kp, 2, 'same')
max_pool(img, 2, 2); max_pool(img, 3, 2, 'same'); max_pool(seq, 2, 1, 'same')
max_pool(vol, 2, 2)
average_pool(img, 2, 2); average_pool(img, 3, 2, 'same')
average_pool(first, 2, 1, 'same', 'channels_first')
adaptive_average_pool(img, (3, 2)); adaptive_max_pool(img, 4)
adaptive_average_pool(img, 1)
cholesky(spd); cholesky(spd, True); cholesky_inverse(cholesky(spd)); det(batch)
slogdet(batch)
logdet(spd); inv(batch); pinv(a); matrix_rank(a); qr_r(a); svd(a, compute_uv=False)
eigh(spd)[0]; lu_factor(s); solve(batch, batch); solve(s, row[:3])
solve_triangular(s, s, True)
lstsq(transpose(a), row); norm(a); norm(a, 1, 1); norm(a, 3, 0); norm(a, 'fro')
norm(a, 'nuc')
norm(a, 2); norm(a, float('inf'), 1); norm(t, 1, (1, 2)); norm(t, 2, (0, 2), True)
norm(z)
fft((a, b)); fft2((a, b)); ifft2((a, b)); rfft(a); rfft(a, 6); rfft(a, 3)
irfft((a, b)); irfft((a, b), 5)
extract_sequences(sig, 8, 4); stft(sig, 16, 8, 16)
stft(sig, 12, 8, 16, 'hamming', False)
istft(stft(sig, 16, 8, 16), 16, 8, 16)
istft(stft(sig, 16, 8, 16), 16, 8, 16, length=60)
unfold(first, 2); unfold(first, (3, 2), 1, 1, 2)
fold(unfold(first, 2, 1, 0, 1), (6, 5), 2)
rearrange(t, 'b h w -> b (h w)'); rearrange(a, 'r (c d) -> c r d', c=2)
"""

MORE = """
i0(a); i0(multiply(a, 20)); unique(i, size=4); unique(i, size=12, fill_value=9)
unique(i, True, True, True, True, size=20); unique(pairs, axis=0, size=3)
unique(i % 2, True, True, True, True, 1, 3, 7); unique(nans, size=14)
unique(nans); round(multiply(i, 77), -1); round(multiply(i, 25), -2); round(i, -9)
double(a, col); pair_up(t, a[0]); qr_r(transpose(a))
"""

ARRAYS |= image_cases.ARRAYS
REFERENCES |= image_cases.REFERENCES
REFERENCES |= {
    "unique(nans, size=14)": lambda x: np.r_[
        np.unique(x["nans"], equal_nan=False), [np.nanmin(x["nans"])] * 14
    ][:14],
    "unique(nans)": lambda x: np.unique(x["nans"], equal_nan=False),
    "i0(a)": lambda x: scipy.special.i0(x["a"]),
    "i0(multiply(a, 20))": lambda x: scipy.special.i0(x["a"] * np.float32(20)),
}

EXPRESSIONS = [
    part.strip()
    for line in (CASES + MORE + image_cases.CASES).strip().splitlines()
    for part in re.split(r";", line)
    if part.strip()
]


def names_in(expression):
    """Return the arrays that an expression uses, in order."""
    words = re.findall(r"(?<!['\w.])[A-Za-z_]\w*(?![\w'(=])", expression)
    return [w for w in dict.fromkeys(words) if w in ARRAYS]


def evaluate(expression, ops, arrays):
    """Run an expression with the functions of `ops` on the arrays given."""
    scope = {name: getattr(ops, name) for name in dir(ops) if not name.startswith("_")}
    scope |= arrays
    scope |= {"slice_": slice, "float": float, "Ellipsis": Ellipsis}
    scope["double"] = ops.vectorize(
        lambda x, y: ops.where(ops.greater(x, y), x, ops.sin(y))
    )
    scope["pair_up"] = ops.vectorize(ops.matmul, signature="(n,m),(m)->(n)")
    scope["qr_r"] = lambda x: ops.abs(ops.qr(x)[1])  # signs are the framework's
    return eval(expression, scope)

"""Invalid calls of reductions, contractions and ops that rearrange."""

TABLE = """
NoAxis: Expected axis in [-
    sum(a, 2); prod(a, 2); max(a, 2); min(a, -3); amax(a, 2); amin(a, 2); any(a, 2)
    all(a, 2); mean(a, 2); var(a, 2); std(a, 2); logsumexp(a, 2); count_nonzero(a, 2)
    ptp(a, 2); argmax(a, 2); argmin(a, 2); cumsum(a, 2); cumprod(a, 2); average(a, 2)
    tensordot(a, a, 3); tensordot(a, a, [[0], [5]]); transpose(a, (0, 2))
    expand_dims(a, 3); expand_dims(a, -4); squeeze(a, 2); concatenate([a, a], 2)
    stack([a, a], 3); unstack(a, axis=2); split(a, 2, 2); array_split(a, 2, 2)
    dsplit(a, 2); append(a, a, 2); repeat(a, 2, 2); flip(a, 2); fliplr(v)
    roll(a, 1, 2)
ArgumentError: Expected each axis once, got axis=
    sum(a, (0, 0)); all(a, (1, 1)); std(a, (0, 0)); expand_dims(a, (0, 0))
    squeeze(col, (1, 1)); flip(a, (0, 0))
ArgumentError: Expected axis as an int, got 'x'.
    sum(a, 'x'); sum(a, (0, 'x')); argmax(a, 'x'); cumsum(a, 'x'); transpose(a, 'xy')
    expand_dims(a, 'x'); squeeze(a, 'x'); concatenate([a, a], 'x'); stack([a, a], 'x')
    flip(a, 'x'); roll(a, 1, 'x')
ArgumentError: Expected axis as an int, got 1.5.
    sum(a, 1.5); stack([a, a], 1.5)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    sum('x'); max(a, 0, initial='x'); any('x'); average(a, 0, 'x'); matmul('x', a)
    outer('x', v); kron('x', a); kron(v, 'x'); trapezoid(a, dx='x'); trapezoid(a, 'x')
    ravel('x'); concatenate([a, 'x']); split(a, 'x'); array_split(a, 'x')
    append(a, 'x'); repeat(a, 'x', 0); pad(a, 1, constant_values='x')
DTypeError: takes real numbers, got complex64.
    prod(z)
ArgumentError: Unknown dtype 'x'. Known: bfloat16, bool, complex128
    prod(a, dtype='x'); cumsum(a, 0, 'x')
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    max(z); min(z); logsumexp(z); ptp(z); argmax(z); argmin(z); cumsum(z); cumprod(z)
ShapeError: of an empty axis, in shape (0, 4), has no value. Pass
    max(empty_, 0); min(empty_, 0); ptp(empty_, 0)
ShapeError: argmax expects an axis that is not empty; got shape (0, 4)
    argmax(empty_, 0)
ArgumentError: Expected axis as an int, got (0, 1).
    argmax(a, (0, 1))
ShapeError: argmin expects an axis that is not empty; got shape (0, 4)
    argmin(empty_, 0)
ShapeError: reshape keeps the number of elements; got (5,) (5) to (3, 1)
    average(a, 0, v)
ShapeError: expects weights of shape (3, 4), or a vector with an int
    average(a, weights=v)
ShapeError: ops.matmul expects the last axis of x1 to match the last but
    matmul(a, a); matmul(c, a); matmul(a, c); matmul(a, v); matmul(t, s2)
ShapeError: ij,jk->ik'): axis 'j' has sizes 4 and 3.
    einsum('ij,jk->ik', a, a)
ArgumentError: ij') names 1 operands, got 2.
    einsum('ij', a, a)
ShapeError: ijk->i'): term 'ijk' does not fit a tensor of 2 axes.
    einsum('ijk->i', a)
ArgumentError: ij->k'): k is in no operand.
    einsum('ij->k', a)
ArgumentError: tuple index out of range. Its docstring says what it takes.
    einsum(a); einsum('ij->i')
ArgumentError: einsum expects an explicit equation such as 'bij,bjk->bik
    einsum('i->ii', v)
ShapeError: ii->i'): axis 'i' has sizes 3 and 4.
    einsum('ii->i', a)
ShapeError: expects equal sizes on axes 1, got (3, 4) and (2, 2).
    tensordot(a, s2, 1)
ArgumentError: Expected arguments that ops.tensordot accepts, got x1=float32
    tensordot(a, a, 'x')
ShapeError: expects equal sizes on axes [[0], [0, 1]], got (3, 4) and (3
    tensordot(a, a, [[0], [0, 1]])
ShapeError: transpose expects each of the axes 0 to 1 once, for shape (3
    tensordot(a, a, [[0, 0], [0, 0]])
ArgumentError: Expected axes as an int of at least 0, got -1.
    tensordot(a, a, -1)
ShapeError: ops.tensordot expects equal sizes on axes [[
    dot(a, a); dot(v, a); vdot(a, v)
ShapeError: ops.tensordot expects equal sizes on axes [[-1], [-1]], got
    inner(a, s); inner(v, a)
ShapeError: ops.cross expects vectors of 2 or 3, got sizes
    cross(a, a); cross(s, a); cross(s, v)
NoAxis: Expected source in [-2, 2) for a tensor of 2 axes, got 2.
    cross(s, s, axis=2); trapezoid(a, axis=2); moveaxis(a, 2, 0)
NoAxis: Expected destination in [-2, 2) for a tensor of 2 axes, got 3.
    cross(s, s, axisc=3)
NoAxis: Expected source in [0, 0) for a tensor of 0 axes, got -1.
    cross(c, c); trapezoid(c)
ShapeError: expects shapes that broadcast, got (3
    trapezoid(a, v); broadcast_to(a, (3, 5)); broadcast_to(a, (-1, 4))
ShapeError: ops.reshape cannot turn shape (3, 4) (12 elements) into
    reshape(a, (5, 2)); reshape(a, (0, -1))
ShapeError: ops.reshape cannot turn shape (3, 4) (12 elements) into (-
    reshape(a, (-1, 5)); reshape(a, (-2, 6))
ShapeError: expects one -1 at most, got (-1, -1).
    reshape(a, (-1, -1))
ArgumentError: . Its docstring says what it takes.
    reshape(a, 'x'); reshape(a, (2.5, 4)); reshape(a, None); transpose(a, 1)
    expand_dims(a, None); expand_dims(a, 1.5); broadcast_to(a, 'x')
    broadcast_to(col, (3, 1.5)); tile(a, 'x'); tile(a, (1.5, 2)); tile(a, None)
    roll(a, (1, 2), 0); roll(a, (1, 2, 3), (0, 1))
ArgumentError: ops.transpose expects a permutation of 2 axes, got axes=(0
    transpose(a, (0, 0)); transpose(a, (0,))
NoAxis: Expected axis2 in [-2, 2) for a tensor of 2 axes, got 2.
    swapaxes(a, 0, 2)
ArgumentError: Expected axis1 as an int, got 'x'.
    swapaxes(a, 'x', 0)
NoAxis: Expected axis1 in [0, 0) for a tensor of 0 axes, got 0.
    swapaxes(c, 0, 1)
ArgumentError: ops.moveaxis expects as many distinct sources as
    moveaxis(a, (0, 1), (0,)); moveaxis(a, (0, 0), (0, 1))
    moveaxis(a, (0, 1), (1, 1))
ArgumentError: Expected source as an int, got 'x'.
    moveaxis(a, 'x', 0)
ShapeError: expects size 1 at axis 0, got shape (3, 4).
    squeeze(a, 0)
ShapeError: cannot turn shape (3, 4) into (4,).
    broadcast_to(a, (4,))
ShapeError: broadcast_to expands axes of size 1 and adds leading ones
    broadcast_to(col, (1, 4))
ShapeError: ops.concatenate expects shapes equal except at axis
    concatenate([a, v]); concatenate([a, s], 0); vstack([a, s]); hstack([a, v])
    dstack([a, s]); append(a, v, 0)
ArgumentError: expects at least one tensor, got none.
    concatenate([]); stack([]); vstack([]); hstack([]); dstack([])
ArgumentError: Expected arguments that ops.concatenate accepts, got xs=3
    concatenate(3)
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got
    concatenate([c, c]); concatenate([1, 2]); unstack(c); split(c, 1); hsplit(c, 1)
    vsplit(c, 1); flipud(c)
ShapeError: ops.stack expects tensors of one shape, got (3, 4)
    stack([a, s]); stack([a, v])
ArgumentError: Expected arguments that ops.stack accepts, got x=None
    stack(None)
ShapeError: expects num to be the axis' size 3, got 2.
    unstack(a, 2)
ShapeError: expects num to be the axis' size 3, got x.
    unstack(a, 'x')
ShapeError: ops.split expects sections that divide the axis
    split(a, 2); hsplit(a, 3); vsplit(a, 2); dsplit(t, 3)
ArgumentError: Expected indices_or_sections as an int of at least 1, got
    split(a, 0); split(a, -1); array_split(a, 0); array_split(a, -2)
ArgumentError: Expected an index to split at as an int, got 0.5.
    split(a, [1, 0.5])
DTypeError: Expected numbers or bools, got None. If a function made it
    split(a, None); repeat(a, None)
ShapeError: broadcast_to expects a shape of non-negative ints; got (1, 3
    tile(a, -1)
ArgumentError: Expected repeats as ints of at least 0, got -1.
    repeat(a, -1, 0)
ShapeError: Expected one number of repeats, or 3 as the axis has slices
    repeat(a, [1, 2], 0)
ArgumentError: Expected repeats as ints of at least 0, got [1, -1, 2].
    repeat(a, [1, -1, 2], 0)
ArgumentError: Expected repeats as ints of at least 0, got 1.5.
    repeat(a, 1.5, 0)
ArgumentError: expects two different axes, got (0, 0).
    rot90(a, 1, (0, 0))
NoAxis: Expected axes in [-
    rot90(a, 1, (0, 2)); rot90(v)
ArgumentError: Expected k as an int, got 'x'.
    rot90(a, 'x')
ArgumentError: Expected k as an int, got 1.5.
    rot90(a, 1.5)
ArgumentError: Expected arguments that ops.rot90 accepts, got array=float32
    rot90(a, 1, (0,))
ArgumentError: Expected axes as an int, got 'x'.
    rot90(a, 1, 'x')
ArgumentError: Expected shift as an int, got <U1 ().
    roll(a, 'x')
ArgumentError: Expected shift as an int, got float64 ().
    roll(a, 1.5)
ArgumentError: Expected shift as an int, got None.
    roll(a, None)
ArgumentError: Expected pad_width as an int of at least 0, got
    pad(a, -1)
WrongType: Expected pad_width as an int of at least 0, got
    pad(a, 'x'); pad(a, 1.5); pad(a, None)
ShapeError: Expected pad_width as an int, a pair, or 2 pairs, got (1, 2
    pad(a, (1, 2, 3))
ArgumentError: Expected mode constant, reflect, symmetric, edge, wrap, got
    pad(a, 1, 'x')
ArgumentError: takes constant_values in mode 'constant', not 'edge'.
    pad(a, 1, 'edge', 0)
DTypeError: Expected whole constant_values for int32, got 1.5. Cast the
    pad(i, 1, constant_values=1.5)
DTypeError: Expected real constant_values for float32, got 1j.
    pad(a, 1, constant_values=1j)
ShapeError: ops.pad: take expects an axis that is not empty; got shape
    pad(empty_, 1, 'reflect'); pad(empty_, 1, 'wrap'); pad(empty_, 1, 'edge')
"""

"""Invalid calls of creation, conversion and indexing."""

TABLE = """
ShapeError: full expects a shape of non-negative ints; got
    zeros((2, -1)); ones((-1,)); empty((-1,)); full((-1,), 0)
    scatter(pairs_, v, (-1, 4))
ArgumentError: Unknown dtype 'x'. Known: bfloat16, bool, complex128
    zeros((2,), 'x'); ones((2,), 'x'); empty((2,), 'x'); full((2,), 0, 'x')
    zeros_like(a, 'x'); ones_like(a, 'x'); empty_like(a, 'x'); full_like(a, 0, 'x')
    arange(0, 5, 1, 'x'); eye(2, dtype='x'); identity(2, 'x'); tri(2, dtype='x')
    linspace(0, 1, 3, dtype='x'); convert_to_tensor(a, 'x'); array(1, 'x')
    cast(a, 'x'); saturate_cast(a, 'x'); view(a, 'x')
ArgumentError: Expected arguments that ops.zeros accepts, got shape='x
    zeros('x')
ArgumentError: Expected arguments that ops.zeros accepts, got shape=(1.5,)
    zeros((1.5,))
ArgumentError: Expected arguments that ops.zeros accepts, got shape=None
    zeros(None)
ArgumentError: Expected arguments that ops.ones accepts, got shape=2.5
    ones(2.5)
DTypeError: Expected numbers or bools, got a str of dtype <U
    full((2,), 'x'); zeros_like('x'); ones_like('x'); empty_like('x')
    full_like(a, 'x'); arange('x'); linspace('x', 1); geomspace('x', 2); meshgrid('x')
    blackman('x'); hamming('x'); hanning('x'); bartlett('x'); kaiser('x', 1.0)
    kaiser(3, 'x'); convert_to_tensor('x'); array('x'); cast('x', 'float32')
    saturate_cast('x', 'int8'); view('x', 'int32'); stop_gradient('x'); copy('x')
    view_as_complex('x'); view_as_real('x'); polar('x', a); shape('x'); ndim('x')
    size('x'); dtype('x'); convert_to_numpy('x'); take(a, 'x')
    take_along_axis(a, 'x'); nonzero('x'); slice(a, 'xy', (1, 1))
    slice_update(a, (0, 0), 'x'); slice_update(a, 'xy', s2)
    scatter(pairs_, 'x', (3, 4)); scatter_update(a, pairs_, 'x'); select([m], ['x'])
    diag('x'); diagflat('x'); get_item(a, 'x')
ShapeError: ops.full: broadcast_to expands axes of size 1 and adds
    full((2,), v); full_like(a, v)
DTypeError: Expected a real fill_value for float32, got 1j.
    full((2,), 1j); full_like(a, 1j)
ArgumentError: expects a step that is not 0.
    arange(0, 5, 0)
ArgumentError: makes real numbers, got dtype='bool'.
    arange(0, 5, 1, 'bool')
ArgumentError: Expected a number, got [1, 2].
    arange([1, 2])
DTypeError: Expected numbers or bools, got None. If a function made it
    arange(None); convert_to_tensor(None); take(a, None)
ArgumentError: ops.arange makes real numbers, got dtype='complex64'.
    arange(0, 5, 1, 'complex64'); arange(1j)
ArgumentError: Expected N as an int of at least 0, got -1.
    eye(-1); tri(-1); vander(v, -1)
WrongType: Expected N as an int of at least 0, got 'x'.
    eye('x'); tri('x'); vander(v, 'x')
WrongType: Expected M as an int of at least 0, got 2.5.
    eye(2, 2.5)
ArgumentError: Expected k as an int, got 'x'.
    eye(2, k='x'); tri(2, k='x'); tril(a, 'x'); triu(a, 'x')
ArgumentError: Expected M as an int of at least 0, got -3.
    eye(2, -3)
ArgumentError: Expected n as an int of at least 0, got -1.
    identity(-1)
WrongType: Expected n as an int of at least 0, got 'x'.
    identity('x')
WrongType: Expected N as an int of at least 0, got 2.5.
    tri(2.5)
ShapeError: expects matrices (..., n, m), got shape (5,).
    tril(v); triu(v)
ShapeError: expects matrices (..., n, m), got shape ().
    tril(c)
ArgumentError: Expected k as an int, got 1.5.
    tril(a, 1.5)
ArgumentError: Expected num as an int of at least 0, got -1.
    linspace(0, 1, -1); logspace(0, 1, -1); geomspace(1, 2, -1)
WrongType: Expected num as an int of at least 0, got 'x'.
    linspace(0, 1, 'x')
ShapeError: ops.linspace: subtract cannot broadcast the shapes (4,) and
    linspace(v, k); logspace(v, k)
NoAxis: Expected axis in [-
    linspace(0, 1, 3, axis=1); logspace(0, 1, 3, axis=1); geomspace(1, 2, 3, axis=1)
    take(a, 0, 2); take_along_axis(a, i, 2); diagonal(v); diagonal(a, 0, 0, 2)
    trace(v); trace(a, 0, 0, 2)
WrongType: Expected num as an int of at least 0, got 2.5.
    linspace(0, 1, 2.5)
ArgumentError: Expected arguments that ops.logspace accepts, got start=0
    logspace(0, 1, 3, base='x')
ShapeError: ops.linspace: subtract cannot broadcast the shapes (
    geomspace(v, k)
ArgumentError: Expected indexing 'xy' or 'ij', got 'x'.
    meshgrid(v, indexing='x')
ShapeError: expects a vector, got shape (3, 4).
    vander(a)
ShapeError: expects a vector, got shape ().
    vander(c)
ArgumentError: Expected the length of a window as an int of at least 0, got
    blackman(-1); hamming(-1); hanning(-1); bartlett(-1); kaiser(-1, 1.0)
WrongType: Expected the length of a window as an int of at least 0, got
    blackman(2.5); bartlett(2.5); kaiser(2.5, 1.0)
ShapeError: Expected rectangular data, got list: setting an array element
    convert_to_tensor([[1, 2], [3]])
ArgumentError: Ragged tensors are not supported; pass dense data.
    convert_to_tensor(1, ragged=True)
DTypeError: 300 does not fit in uint8 (0 to 255). Pass a dtype that holds
    convert_to_tensor(300, 'uint8')
ArgumentError: Unknown dtype '3'. Known: bfloat16, bool, complex128
    cast(a, 3)
DTypeError: ops.view expects a dtype as wide as float32 (32 bits), got
    view(a, 'bool'); view(a, 'complex64')
ShapeError: ops.view_as_complex expects a last axis of 2, got
    view_as_complex(a); view_as_complex(pairs)
ShapeError: expects a last axis of 2, got ().
    view_as_complex(c)
ShapeError: multiply cannot broadcast the shapes (3, 4) and (5,): sizes
    polar(a, v)
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    polar(z, z)
DTypeError: Expected integer indices, got float32. Cast them to 'int32'.
    take(a, a); take_along_axis(a, a, 0); scatter(a, v, (3, 4))
    scatter_update(a, a, two); unravel_index(a, (3, 4)); get_item(a, a)
    get_item(a, 1.5)
DTypeError: Expected integer indices, got bool. Cast them to 'int32'.
    take(a, m, 0)
ArgumentError: Expected axis as an int, got 'x'.
    take(a, 0, 'x')
OutOfRange: Expected indices in [0, 0) for an axis of 0, got 0.
    take(empty_, 0, 0)
ShapeError: expects indices of 2 axes, as x has, got shape (4,).
    take_along_axis(a, k, 0)
ShapeError: sizes 4 and 5 at axis -1 differ and neither is 1.
    take_along_axis(a, idx5, 0); select([m], [v]); select([m], [a], v)
ShapeError: expects 2 starts and sizes, got 1 and 2.
    slice(a, (0,), (1, 1))
ShapeError: ops.slice of size 4 does not fit an axis of size 3.
    slice(a, (0, 0), (4, 1)); slice_update(a, (0, 0), big)
ShapeError: Expected a block with sizes of at least -1, got (1, -2).
    slice(a, (0, 0), (1, -2))
ArgumentError: Expected a start as an int, got 0.5.
    slice(a, (0.5, 0), (1, 1))
ArgumentError: e accepts, got inputs=float32 (3, 4), start_indices=(0
    slice(a, (0, 0), 'xy'); slice_update(a, (0,), s2); slice_update(a, (0, 0), v)
ShapeError: ops.scatter_update: reshape keeps the number of elements; got
    scatter(pairs_, v, (3, 4)); scatter_update(a, pairs_, v)
ShapeError: Expected indices (..., k) of the first k axes of shape (3
    scatter(pairs_, two, (3,)); scatter(triples, two, (3, 4))
    scatter_update(a, triples, two); scatter_update(a, c_int, two)
ArgumentError: , shape='x': 'str' object cannot be interpreted as an
    scatter(kk, two, 'x'); unravel_index(i, 'x')
ArgumentError: Expected reduction None, 'add', 'mul', 'max', 'min', got 'x'.
    scatter_update(a, pairs_, two, 'x')
DTypeError: Scattering with 'max' takes real numbers, got complex64.
    scatter_update(z, pairs_, two_z, 'max')
ShapeError: Expected a shape with sizes of at least 1, got
    unravel_index(i, (-1, 4)); unravel_index(i, (0, 4))
ShapeError: expects a shape of one axis or more.
    unravel_index(i, ())
ArgumentError: ops.select expects as many choices as conditions, got
    select([m], [a, a]); select([], [])
ArgumentError: Expected condlist and choicelist as lists or tuples, got
    select(m, a); select(None, None)
ArgumentError: ops.diagonal expects two different axes, got 0, 0.
    diagonal(a, 0, 0, 0); trace(a, 0, 0, 0)
ArgumentError: . Its docstring says what it takes.
    diagonal(a, 'x'); diag(v, 'x'); diagflat(v, 'x'); trace(a, 'x')
    get_item(a, slice_(0, 3, 0)); get_item(a, slice_(0, 'x'))
    get_item(a, slice_(0, 1.5)); get_item(a, (..., ...))
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got 0.
    diagonal(c)
DTypeError: ops.diagonal: add of a int32 tensor and the float 1.5 would
    diagonal(a, 1.5); diag(a, 1.5)
ShapeError: expects a vector or a matrix, got shape (2, 3, 4).
    diag(t)
ShapeError: expects a vector or a matrix, got shape ().
    diag(c)
OutOfRange: Expected an index in [-3, 3) for axis 0, got 3.
    get_item(a, 3)
ShapeError: x[key] has 3 indices for 2 axes.
    get_item(a, (0, 0, 0))
ArgumentError: takes the key of x[key], got a dict.
    get_item(a, {'k': 1})
ShapeError: Expected a mask of the sizes (3,) at axis 0 of x[key], got
    get_item(a, m5)
ShapeError: Expected a mask of the sizes () at axis 0 of x[key], got
    get_item(a, True)
"""

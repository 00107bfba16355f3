"""Invalid calls of images, random numbers, control flow and vectorizing."""

TABLE = """
ShapeError: expects an image of 3 axes or a batch of 4, got shape (3, 4).
    image.rgb_to_grayscale(a); image.rgb_to_hsv(a); image.hsv_to_rgb(a)
    image.pad_images(a, 1, 1, 1, 1); image.crop_images(a, 1, 1, 1, 1)
    image.resize(a, (2, 2)); image.gaussian_blur(a); image.sobel_edges(a)
    image.ssim(a, a); image.affine_transform(a, turn)
    image.perspective_transform(a, quads, quads); image.elastic_transform(a)
ShapeError: expects 3 channels at axis 3, got shape (2, 6, 5, 4).
    image.rgb_to_grayscale(img); image.rgb_to_hsv(img); image.hsv_to_rgb(img)
ArgumentError: Unknown data_format 'x'. Known: channels_first, channels_last.
    image.rgb_to_grayscale(pics, 'x'); image.rgb_to_hsv(pics, 'x')
    image.pad_images(pics, 0, 0, 0, 0, data_format='x')
    image.crop_images(pics, 0, 0, 0, 0, data_format='x')
    image.resize(pics, (2, 2), data_format='x')
    image.gaussian_blur(pics, data_format='x'); image.sobel_edges(pics, 'x')
    image.affine_transform(pics, turn, data_format='x')
    image.perspective_transform(pics, quads, quads, data_format='x')
    image.elastic_transform(pics, data_format='x')
DTypeError: expects floats, got uint8. Cast the images, and scale them to
    image.rgb_to_hsv(bytes_); image.hsv_to_rgb(bytes_)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    image.hsv_to_rgb('x'); image.gaussian_blur(pics, (3, 3), 'x')
    image.sobel_edges('x'); random.normal((2,), 0.0, 'x'); random.shuffle('x')
    random.dropout('x', 0.5); random.gamma((2,), 'x'); random.binomial((2,), 'x', 0.5)
    cond('x', one, one); switch('x', [one, one]); while_loop(more, same_, 'x')
    fori_loop('x', 3, body, c); scan(step, 'x', v); map(ident, 'x')
    vectorized_map(ident, 'x')
ArgumentError: Expected top_padding as an int of at least 0, got
    image.pad_images(pics, -1, 0, 0, 0)
WrongType: Expected top_padding as an int of at least 0, got
    image.pad_images(pics, 'x', 1, 1, 1); image.pad_images(pics, 1.5, 1, 1, 1)
ArgumentError: ops.image.pad_images expects exactly two of top_padding
    image.pad_images(pics, 1, 1, 1, 1, 9, 9); image.pad_images(pics)
ArgumentError: expects bottom_padding of at least 0, got -3 for a size of 5.
    image.pad_images(pics, 0, 0, target_height=2, target_width=2)
ArgumentError: Expected top_cropping as an int of at least 0, got
    image.crop_images(pics, -1, 0, 0, 0)
WrongType: Expected top_cropping as an int of at least 0, got
    image.crop_images(pics, 'x', 0, 0, 0)
ArgumentError: expects target_height of at least 0, got -4 for a size of 5.
    image.crop_images(pics, 9, 0, 0, 0)
ArgumentError: ops.image.crop_images expects exactly two of top_cropping
    image.crop_images(pics); image.crop_images(pics, 1, 1, 1, 1, 3, 3)
ArgumentError: expects bottom_cropping of at least 0, got -4 for a size of 5.
    image.crop_images(pics, 0, 0, target_height=9, target_width=9)
WrongType: Expected size as a positive int or
    image.extract_patches(pics, 0); image.extract_patches(pics, 'x')
    image.extract_patches_3d(cubes, 0); image.extract_patches_3d(cubes, (2, 2))
ShapeError: A patch of (9, 9) does not fit the sizes (5, 6) with
    image.extract_patches(pics, 9)
ShapeError: expects 3 axes, or 4 of a batch, got shape (3, 4).
    image.extract_patches(a, 2)
WrongType: Expected strides as a positive int or
    image.extract_patches(pics, 2, 0); image.extract_patches_3d(cubes, 2, 0)
ArgumentError: Expected padding 'valid' or 'same', got 'x'.
    image.extract_patches(pics, 2, padding='x')
    image.extract_patches_3d(cubes, 2, padding='x')
WrongType: Expected dilation_rate as a positive int or 2 of them, got 0.
    image.extract_patches(pics, 2, 1, 0)
ShapeError: A patch of (9, 9, 9) does not fit the sizes (4, 5, 4) with
    image.extract_patches_3d(cubes, 9)
ArgumentError: Unknown method 'x'. Known: bicubic, bilinear, cubic
    image.scale_and_translate(pics, same, zoom, shift, (1, 2), 'x')
ArgumentError: Expected an output_shape of 4 sizes and distinct
    image.scale_and_translate(pics, (2, 5), zoom, shift, (1, 2), 'linear')
    image.scale_and_translate(pics, same, zoom, shift, (1, 1), 'linear')
NoAxis: Expected spatial_dims in [-4, 4) for a tensor of 4 axes, got
    image.scale_and_translate(pics, same, zoom, shift, (1, 9), 'linear')
ShapeError: Expected scale and translation as 2 numbers, one for each of
    image.scale_and_translate(pics, same, v, shift, (1, 2), 'linear')
    image.scale_and_translate(pics, same, zoom, v, (1, 2), 'linear')
    image.scale_and_translate(pics, same, c, shift, (1, 2), 'linear')
ShapeError: Expected output_shape with sizes of at least 0, got (2, -5
    image.scale_and_translate(pics, (2, -5, 6, 3), zoom, shift, (1, 2), 'linear')
ArgumentError: accepts, got images=float32 (2, 5, 6, 3)
    image.scale_and_translate(pics, same, zoom, shift, 1, 'linear')
    image.resize(pics, 'xy'); image.resize(pics, (2.5, 2))
    image.resize(pics, (2, 3), pad_to_aspect_ratio=True, fill_value='x')
    image.affine_transform(pics, turn, fill_value='x')
    image.perspective_transform(pics, quads, quads, fill_value='x')
ShapeError: Expected an output_shape that differs from (2, 5, 6, 3) at
    image.scale_and_translate(pics, (2, 7, 6, 9), zoom, shift, (1, 2), 'linear')
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    image.scale_and_translate(zpics, same, zoom, shift, (1, 2), 'linear')
    image.resize(zpics, (2, 2)); image.gaussian_blur(zpics); image.sobel_edges(zpics)
    image.ssim(zpics, zpics, filter_size=3); image.map_coordinates(z, places, 1)
    image.map_coordinates(a, zplaces, 1); image.affine_transform(zpics, turn)
    image.perspective_transform(zpics, quads, quads); image.elastic_transform(zpics)
    random.categorical(z, 2)
ArgumentError: Expected size as (height, width), got 2.
    image.resize(pics, 2)
ArgumentError: Unknown interpolation 'x'. Known: bicubic, bilinear
    image.resize(pics, (2, 2), 'x')
ShapeError: Expected size with sizes of at least 1, got
    image.resize(pics, (2, -2)); image.resize(pics, (0, 2), 'nearest')
    image.resize(pics, (0, 2))
ArgumentError: ops.image.resize expects fill_mode='constant' and either
    image.resize(pics, (2, 2), fill_mode='x')
    image.resize(pics, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
WrongType: Expected kernel_size as a positive int or 2 of them, got
    image.gaussian_blur(pics, 0); image.gaussian_blur(pics, (3, 3, 3))
    image.gaussian_blur(pics, 'x')
ArgumentError: Expected sigma as two positive numbers, got 0.
    image.gaussian_blur(pics, (3, 3), 0)
ArgumentError: Expected sigma as two positive numbers, got (1.0
    image.gaussian_blur(pics, (3, 3), (1.0, -1.0))
    image.gaussian_blur(pics, (3, 3), (1.0, 1.0, 1.0))
ShapeError: Expected filter_size that fits images of (5, 6), got 11.
    image.ssim(pics, pics)
ShapeError: expects two images, or batches, of one shape, got (2, 5, 6
    image.ssim(pics, bigpics, filter_size=3)
ArgumentError: Expected filter_size as an int of at least 1, got
    image.ssim(pics, pics, filter_size=0)
WrongType: Expected filter_size as an int of at least 1, got
    image.ssim(pics, pics, filter_size='x')
ArgumentError: Expected a positive max_val, got 0.0.
    image.ssim(pics, pics, 0.0, 3)
ArgumentError: Expected a positive filter_sigma, got -1.0.
    image.ssim(pics, pics, 1.0, 3, -1.0)
ArgumentError: Expected max_val as a number, got 'x'.
    image.ssim(pics, pics, 'x', 3)
ArgumentError: Expected a positive filter_sigma, got 0.
    image.ssim(pics, pics, 1.0, 3, 0)
ArgumentError: Expected order 0 or 1, got 2.
    image.map_coordinates(a, places, 2)
ArgumentError: Unknown fill_mode 'x'. Known: constant, mirror, nearest
    image.map_coordinates(a, places, 1, 'x')
    image.affine_transform(pics, turn, 'nearest', 'x')
    image.elastic_transform(pics, fill_mode='x')
ShapeError: ops.image.map_coordinates expects coordinates of shape
    image.map_coordinates(a, v, 1); image.map_coordinates(c, places, 1)
ArgumentError: Expected arguments that ops.image.map_coordinates accepts
    image.map_coordinates(a, places, 1, 'constant', 'x')
ArgumentError: Expected order 0 or 1, got None.
    image.map_coordinates(a, places, None)
ShapeError: ops.image.affine_transform expects a transform of 8 numbers
    image.affine_transform(pics, v); image.affine_transform(pics, turn5)
    image.affine_transform(pics, c)
ArgumentError: Unknown interpolation 'x'. Known: bilinear, nearest.
    image.affine_transform(pics, turn, 'x')
    image.perspective_transform(pics, quads, quads, 'x')
    image.elastic_transform(pics, interpolation='x')
ShapeError: ops.image.perspective_transform expects points of shape (4
    image.perspective_transform(pics, v, quads)
    image.perspective_transform(pics, quads, quads5)
ShapeError: broadcast_to expands axes of size 1 and adds leading ones
    image.perspective_transform(pics, quads5, quads5)
ArgumentError: Expected a positive sigma, got -1.0.
    image.elastic_transform(pics, sigma=-1.0)
ArgumentError: Expected a positive sigma, got 0.0.
    image.elastic_transform(pics, sigma=0.0)
ArgumentError: Expected alpha as a number, got 'x'.
    image.elastic_transform(pics, 'x')
ArgumentError: Expected sigma as a number, got 'x'.
    image.elastic_transform(pics, sigma='x')
ArgumentError: Expected seed to be an int, a SeedGenerator or None, got
    image.elastic_transform(pics, seed='x'); random.uniform((2,), seed='x')
    random.normal((2,), seed='x'); random.truncated_normal((2,), seed=1.5)
    random.categorical(a, 2, seed='x'); random.dropout(z, 0.5, seed='x')
ShapeError: Expected a shape with sizes of at least 0, got (-1,).
    random.uniform((-1,)); random.normal((-1,)); random.truncated_normal((-1,))
    random.randint((-1,), 0, 3); random.gamma((-1,), 1.0)
    random.beta((-1,), 1.0, 1.0); random.binomial((-1,), 3, 0.5)
ArgumentError: Expected minval < maxval, got 1.0 and 0.0.
    random.uniform((2,), 1, 0)
DTypeError: makes floats, got dtype='int32'.
    random.uniform((2,), dtype='int32'); random.normal((2,), dtype='int32')
    random.truncated_normal((2,), dtype='int32'); random.gamma((2,), 1.0, 'int32')
    random.beta((2,), 1.0, 1.0, 'int32')
ArgumentError: Unknown dtype 'x'. Known: bfloat16, bool, complex128
    random.uniform((2,), dtype='x'); random.categorical(a, 2, 'x')
    random.binomial((2,), 3, 0.5, 'x')
ArgumentError: accepts, got shape='x': 'str' object cannot be interpreted as
    random.uniform('x'); random.normal('x')
ArgumentError: Expected minval as a number, got 'x'.
    random.uniform((2,), 'x')
ArgumentError: Expected arguments that random.uniform accepts, got
    random.uniform((1.5,))
ArgumentError: Expected maxval as a number, got float32 (5,).
    random.uniform((2,), 0, v)
ShapeError: Expected a mean to broadcast to shape (2,), got shape (5,).
    random.normal((2,), v); random.truncated_normal((2,), v)
ShapeError: Expected a stddev to broadcast to shape (2,), got shape (5,).
    random.normal((2,), 0.0, v)
ArgumentError: Expected a stddev of at least 0, got -1.0.
    random.normal((2,), 0.0, -1.0); random.truncated_normal((2,), 0.0, -1.0)
ShapeError: Expected a mean to broadcast to shape (1, 2), got shape (3
    random.normal((1, 2), col)
ArgumentError: expects minval < maxval within int32 and at most 2**32 apart
    random.randint((2,), 3, 3)
DTypeError: makes integers, got dtype='float32'.
    random.randint((2,), 0, 3, 'float32')
ArgumentError: expects minval < maxval within uint8 and at most 2**32 apart
    random.randint((2,), 0, 300, 'uint8')
ArgumentError: Expected minval as an int, got 'x'.
    random.randint((2,), 'x', 3)
ArgumentError: Expected maxval as an int, got 1.5.
    random.randint((2,), 0, 1.5)
ArgumentError: Expected maxval as an int, got None.
    random.randint((2,), 0, None)
ArgumentError: expects logits of 2 axes, got shape (5,).
    random.categorical(v, 2)
ArgumentError: Expected num_samples as an int of at least 0, got
    random.categorical(a, -1)
WrongType: Expected num_samples as an int of at least 0, got
    random.categorical(a, 'x'); random.categorical(a, 1.5)
ShapeError: Expected classes of the logits with sizes of at least 1, got
    random.categorical(wide0, 2)
NoAxis: Expected axis in [-
    random.shuffle(a, 2); associative_scan(plus, v, axis=1)
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got 0.
    random.shuffle(c); associative_scan(plus, c)
ArgumentError: Expected axis as an int, got 'x'.
    random.shuffle(a, 'x'); associative_scan(plus, v, axis='x')
ArgumentError: Expected a rate in [0, 1], got 1.5.
    random.dropout(a, 1.5)
ArgumentError: Expected a rate in [0, 1], got -0.1.
    random.dropout(a, -0.1)
ArgumentError: Expected rate as a number, got 'x'.
    random.dropout(a, 'x')
ShapeError: where cannot broadcast the shapes (3,) and (3, 4): sizes must
    random.dropout(a, 0.5, (3,))
ShapeError: and (3, 4): sizes must be equal or 1, counted from the last
    random.dropout(a, 0.5, (3, 5)); random.dropout(a, 0.5, (1, 2, 3))
ShapeError: random_bits expects a shape of non-negative ints; got ('x',).
    random.dropout(a, 0.5, 'x')
ArgumentError: Expected rate as a number, got None.
    random.dropout(a, None)
ShapeError: expects shapes that broadcast, got (5,) and (2,): sizes 5 and
    random.gamma((2,), v); random.beta((2,), v, 1.0); random.beta((2,), 1.0, v)
    random.binomial((2,), 3, v)
ArgumentError: Expected a positive alpha, got -1.0.
    random.gamma((2,), -1.0); random.beta((2,), -1.0, 1.0)
ArgumentError: Expected seed as an int or None, got 'x'.
    random.SeedGenerator('x')
ArgumentError: Expected seed as an int or None, got 1.5.
    random.SeedGenerator(1.5)
ArgumentError: Expected a non-negative integer seed, got 'x'.
    random.set_random_seed('x')
ArgumentError: Expected a non-negative integer seed, got -1.
    random.set_random_seed(-1)
ShapeError: Expected a bool scalar, got shape
    cond(v, one, one); while_loop(more_v, same_, (c,))
WrongType: Expected true_fn as a function, got 1.
    cond(flag, 1, 2)
WrongType: Expected false_fn as a function, got None.
    cond(flag, one, None)
ShapeError: expects a scalar index, got shape (3,).
    switch(k3, [one, one])
DTypeError: Expected integer indices, got float32. Cast them to 'int32'.
    switch(c, [one, one]); fori_loop(v, 3, body, c); fori_loop(0, 1.5, body, c)
ArgumentError: ops.switch expects at least one branch, in a list or tuple
    switch(0, []); switch(zero, 3); switch(0, 3)
ArgumentError: expects the body to return PyTreeSpec((*,)), as it got, not
    while_loop(more, two_out, (c,))
ShapeError: expects shapes to stay; () became (2,).
    while_loop(more, widen, (c,)); scan(step_wide, c, v)
DTypeError: expects dtypes to stay; float32 became int32. Cast in the
    while_loop(more, recast, (c,)); fori_loop(0, 3, bodycast, c)
    scan(step_cast, c, v)
WrongType: Expected cond as a function, got 1.
    while_loop(1, same_, (c,))
WrongType: Expected body as a function, got 1.
    while_loop(more, 1, (c,))
WrongType: Expected maximum_iterations as an int of at least 0, got 'x'.
    while_loop(more, same_, (c,), 'x')
ArgumentError: expects the body to return PyTreeSpec(*), as it got, not
    fori_loop(0, 3, body2, c)
WrongType: Expected body_fun as a function, got 1.
    fori_loop(0, 3, 1, c)
DTypeError: Expected numbers or bools, got None. If a function made it
    fori_loop(None, 3, body, c)
ArgumentError: needs xs or length.
    scan(step, c, None)
ShapeError: expects first axes of one size, got [5, 3].
    scan(step, c, v, 3); scan(step, c, (v, a)); map(ident, (v, a))
    vectorized_map(ident, (v, a)); associative_scan(plus, (v, a))
ShapeError: goes along first axes, got a scalar.
    scan(step, c, c); map(ident, c); vectorized_map(ident, c)
ArgumentError: expects f to return (carry, y), got float32 ().
    scan(step_one, c, v)
WrongType: Expected f as a function, got
    scan(1, c, v); map(1, v); associative_scan(1, v); custom_gradient(3)
ShapeError: expects at least one row, got 0.
    scan(step, c, empty_); map(ident, empty_); vectorized_map(ident, empty_)
    associative_scan(plus, empty_)
ArgumentError: Expected length as an int of at least 1, got -1.
    scan(step, c, None, -1)
WrongType: Expected length as an int of at least 1, got 'x'.
    scan(step, c, None, 'x')
WrongType: Expected length as an int of at least 1, got 1.5.
    scan(step, c, None, 1.5)
WrongType: Expected function as a function, got 1.
    vectorized_map(1, v)
NoAxis: Expected source in [0, 0) for a tensor of 0 axes, got 0.
    associative_scan(first_of, v)
WrongType: Expected pyfunc as a function, got 3.
    vectorize(3)
ArgumentError: Expected positions and names in excluded, got [1.5].
    vectorize(ident, excluded=[1.5])
ArgumentError: Expected a signature such as '(n,m),(m)->(n)', got
    vectorize(ident, signature='x'); vectorize(ident, signature=3)
ArgumentError: Expected positions and names in excluded, got 3.
    vectorize(ident, excluded=3)
ShapeError: Axis n has sizes 5 and 3; they must agree.
    vectorize(plus, signature='(n),(n)->()')(v, k3)
ArgumentError: The signature has 1 arguments, and 2 came.
    vectorize(plus, signature='(n)->()')(v, v)
ShapeError: expects shapes that broadcast, got (3, 4) and (5,): sizes 4
    vectorize(plus)(a, v)
ShapeError: Expected axes ['n', 'm'] last, got shape (5,).
    vectorize(plus, signature='(n,m),(m)->(n)')(v, v)
ArgumentError: A function of custom_gradient returns (outputs, grad), got
    custom_gradient(ident)(v)
ArgumentError: expects tangents of the structure of the primals.
    jvp(ident, (v,), (v, v))
ShapeError: ops.jvp expects float primals, and tangents of their dtypes
    jvp(ident, (v,), (a,)); jvp(ident, (v,), (i,)); jvp(ident, (k3,), (k3,))
WrongType: Expected fun as a function, got 1.
    jvp(1, (v,), (v,))
ArgumentError: Expected primals and tangents as tuples or lists.
    jvp(ident, v, v)
"""

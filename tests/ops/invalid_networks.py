"""Invalid calls of what networks need: windows, norms, attention, losses, blocks."""

TABLE = """
WrongType: Expected strides as a positive int or 2 of them, got
    conv(img, k2, 0); conv(img, k2, 'x'); conv(img, k2, (1, 1, 1)); conv(img, k2, -1)
    conv(img, k2, 1.5); depthwise_conv(img, kd, 0); depthwise_conv(img, kd, (1, 2, 1))
    separable_conv(img, kd, kp, 0); conv_transpose(img, kt, 0); max_pool(img, 2, 0)
    average_pool(img, 2, -1)
ArgumentError: Expected padding 'valid' or 'same', got 'x'.
    conv(img, k2, 1, 'x'); depthwise_conv(img, kd, 1, 'x')
    conv_transpose(img, kt, 2, 'x'); max_pool(img, 2, 2, 'x')
WrongType: Expected dilation_rate as a positive int or 2 of them, got 0.
    conv(img, k2, 1, 'valid', None, 0)
    conv_transpose(img, kt, 1, 'valid', None, None, 0)
ArgumentError: Unknown data_format 'x'. Known: channels_first, channels_last.
    conv(img, k2, 1, 'valid', 'x'); conv_transpose(img, kt, 2, 'valid', None, 'x')
    average_pool(img, 2, 2, 'valid', 'x'); adaptive_max_pool(img, 2, 'x')
    depth_to_space(img, 2, 'x'); space_to_depth(img, 2, 'x')
ShapeError: expects inputs and kernel of 3, 4 or 5 axes alike, got shapes
    conv(img, k1); conv(a, s); depthwise_conv(a, s); separable_conv(img, kd, v)
    conv_transpose(a, s)
ShapeError: ops.conv expects channels that are a multiple of the kernel's
    conv(img, k2bad); conv(img, k2zero)
ShapeError: with 2 groups expects filters that are a multiple of it, got
    conv(img, k2groups)
ShapeError: A window of 9 does not fit spatial sizes (6, 5) with
    conv(img, k2wide)
DTypeError: takes real numbers, got complex64. Apply it to ops.real(x)
    conv(z4, k2); max_pool(z4, 2); average_pool(z4, 2); adaptive_average_pool(z4, 2)
    adaptive_max_pool(z4, 2); moments(z, 0); batch_normalization(z, row, row, 1)
    layer_normalization(z); dot_product_attention(zq, zq, zq); one_hot(z, 3)
    psnr(z, z, 1.0); cdist(z, z); in_top_k(k3, z, 1)
    ctc_loss(words, zspeech, lens, times); ctc_decode(zspeech, times)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    conv(img, 'x'); batch_normalization(a, 'x', row, 1); one_hot('x', 3)
    cdist('x', a); binary_crossentropy('x', a)
    sparse_categorical_crossentropy('x', a); ctc_loss('x', speech, lens, times)
    ctc_decode(speech, 'x')
ShapeError: ops.depthwise_conv expects 3 channels, as the kernel has, got
    depthwise_conv(img, k2bad); separable_conv(img, k2bad, kp)
ShapeError: expects 6 channels, the kernel's last axis, got inputs of
    conv_transpose(img, k2)
ArgumentError: Expected output_padding below the stride 2, got 2.
    conv_transpose(img, kt, 2, 'valid', 2)
ArgumentError: Expected output_padding as an int of at least 0, got
    conv_transpose(img, kt, 2, 'valid', -1)
WrongType: Expected output_padding as an int of at least 0, got
    conv_transpose(img, kt, 2, 'valid', 'x')
ArgumentError: Expected output_padding as an int or 2 of them, got (1, 1, 1).
    conv_transpose(img, kt, 2, 'valid', (1, 1, 1))
WrongType: Expected pool_size as a positive int or 2 of them, got
    max_pool(img, 0); max_pool(img, (2, 2, 2)); max_pool(img, 'x'); max_pool(img, 1.5)
    max_pool(img, -2); max_pool(img, None); average_pool(img, 0)
ShapeError: A window of (9, 9) does not fit spatial sizes (6, 5) with
    max_pool(img, 9); average_pool(img, 9)
ShapeError: _pool expects 3, 4 or 5 axes, got shape (3, 4).
    max_pool(a, 2); average_pool(a, 2); adaptive_average_pool(a, 2)
    adaptive_max_pool(a, 2)
WrongType: Expected output_size as a positive int or 2 of them, got
    adaptive_average_pool(img, 0); adaptive_average_pool(img, (2, 2, 2))
    adaptive_average_pool(img, 'x'); adaptive_max_pool(img, 0)
    adaptive_max_pool(img, -1)
ShapeError: Expected images with sizes of at least 1, got (0, 5).
    adaptive_average_pool(img_empty, 2); adaptive_max_pool(img_empty, 2)
NoAxis: Expected axis in [-2, 2) for a tensor of 2 axes, got 2.
    moments(a, 2); batch_normalization(a, row, row, 2); layer_normalization(a, axis=2)
    rms_normalization(a, axis=2); one_hot(k, 3, 2); multi_hot(k, 3, 2)
    categorical_crossentropy(a, a, axis=2)
    sparse_categorical_crossentropy(k3, a, axis=2)
ArgumentError: Expected each axis once, got axis=(0, 0).
    moments(a, (0, 0)); layer_normalization(a, axis=(0, 0))
ArgumentError: runs on one device; synchronized must be False.
    moments(a, 0, synchronized=True)
ArgumentError: Expected axis as an int, got 'x'.
    moments(a, 'x'); rms_normalization(a, axis='x')
    categorical_crossentropy(a, a, axis='x')
ShapeError: Expected statistics and weights to broadcast to shape (3, 4)
    batch_normalization(a, v, v, 1); batch_normalization(a, row, v, 1)
    batch_normalization(a, row, row, 1, v)
    batch_normalization(a, row, row, 1, None, v); batch_normalization(a, t, t, 1)
DTypeError: Expected a tensor or a number, got str 'x'. Convert it to a
    batch_normalization(a, row, row, 1, epsilon='x')
DTypeError: Expected a tensor or a number, got NoneType None. Convert it
    batch_normalization(a, None, row, 1)
ShapeError: Expected a weight to broadcast to shape (3, 4), got shape
    layer_normalization(a, v); layer_normalization(a, None, v)
    layer_normalization(a, t); rms_normalization(a, v); rms_normalization(a, t)
ArgumentError: . Its docstring says what it takes.
    layer_normalization(a, epsilon='x'); rms_normalization(a, epsilon='x')
    depth_to_space(a, 2); space_to_depth(a, 2)
ArgumentError: Expected block_size as an int of at least 2, got
    depth_to_space(img, 0); space_to_depth(img, 0); depth_to_space(img, -2)
    space_to_depth(img, -1); space_to_depth(img, 1)
WrongType: Expected block_size as an int of at least 2, got
    depth_to_space(img, 'x')
ShapeError: ops.dot_product_attention expects (batch, length, heads
    dot_product_attention(a, a, a); dot_product_attention(q, kv5, kv)
ShapeError: ops.dot_product_attention expects key and value of one batch
    dot_product_attention(q, kv, kvlong); dot_product_attention(q, kv, kv3)
ShapeError: where cannot broadcast the shapes (5,) and (2, 2, 5, 6)
    dot_product_attention(q, kv, kv, mask=v)
ShapeError: ops.dot_product_attention: add cannot broadcast the shapes
    dot_product_attention(q, kv, kv, bias=v)
    dot_product_attention(q, kv, kv, bias=v, attn_logits_soft_cap=2.0)
ShapeError: 2 query heads are not a multiple of 3 key heads.
    dot_product_attention(q, kv3, kv3)
ArgumentError: The backend chooses the attention kernel; leave it None.
    dot_product_attention(q, kv, kv, flash_attention=True)
ArgumentError: Expected arguments that ops.dot_product_attention accepts
    dot_product_attention(q, kv, kv, scale='x')
    dot_product_attention(q, kv, kv, attn_logits_soft_cap='x')
ShapeError: einsum 'bthd,bshd->bhts' does not fit the shapes (2, 5, 2, 4)
    dot_product_attention(q, kvb, kvb)
ArgumentError: Expected num_classes as an int of at least 0, got
    one_hot(k, -1); multi_hot(k, -1)
WrongType: Expected num_classes as an int of at least 0, got
    one_hot(k, 'x'); one_hot(k, 2.5); one_hot(k, None); multi_hot(k, 'x')
ArgumentError: Unknown dtype 'x'. Known: bfloat16, bool, complex128
    one_hot(k, 3, dtype='x'); multi_hot(k, 3, dtype='x')
ShapeError: subtract cannot broadcast the shapes (3, 4) and (5,): sizes
    psnr(a, v, 1.0)
ArgumentError: Expected a positive max_val, got 0.0.
    psnr(a, a, 0)
ArgumentError: Expected a positive max_val, got -1.0.
    psnr(a, a, -1.0)
ArgumentError: Expected max_val as a number, got 'x'.
    psnr(a, a, 'x')
ShapeError: ops.cdist expects rows of one size, (..., n, d) and (..., m
    cdist(a, s); cdist(v, v); cdist(c, a)
ShapeError: subtract cannot broadcast the shapes (2, 3, 1, 4) and (5, 1
    cdist(bs2a, bs3a)
ShapeError: 4 channels are not a multiple of block_size**2 = 9.
    depth_to_space(img, 3)
ShapeError: Height and width 6, 5 are not multiples of 4.
    space_to_depth(img, 4)
DTypeError: Expected integer indices, got float32. Cast them to 'int32'.
    in_top_k(a, a, 1); ctc_loss(a, speech, lens, times)
    ctc_loss(words, speech, a, times); ctc_decode(speech, a)
ShapeError: ops.in_top_k expects targets (n,) and predictions (n
    in_top_k(k5, a, 1); in_top_k(k3, v, 1); in_top_k(i, a, 1)
WrongType: Expected k as an int of at least 1, got 'x'.
    in_top_k(k3, a, 'x')
ArgumentError: Expected k as an int of at least 1, got -1.
    in_top_k(k3, a, -1)
ShapeError: _crossentropy expects target and output of one shape, got (3
    binary_crossentropy(a, v); categorical_crossentropy(a, v)
DTypeError: a cross-entropy takes real numbers, got complex64. Apply it
    binary_crossentropy(z, a); binary_crossentropy(a, z)
    binary_crossentropy(a, z, True); categorical_crossentropy(a, z)
    sparse_categorical_crossentropy(z, a); sparse_categorical_crossentropy(k3, z)
NoAxis: Expected axis in [0, 0) for a tensor of 0 axes, got -1.
    categorical_crossentropy(c, c)
ShapeError: ops.sparse_categorical_crossentropy expects class numbers of
    sparse_categorical_crossentropy(k5, a); sparse_categorical_crossentropy(i, a)
ArgumentError: Expected kernel_size as an int of at least 1, got
    unfold(first, 0); fold(cols, 4, 0)
WrongType: Expected kernel_size as an int of at least 1, got
    unfold(first, 'x'); fold(cols, 4, 'x')
ShapeError: Expected a window that fits the padded sizes (6, 5), got
    unfold(first, 9)
ShapeError: expects (n, c, h, w), got shape (3, 4).
    unfold(a, 2)
ArgumentError: Expected dilation as an int of at least 1, got 0.
    unfold(first, 2, 0); fold(cols, 4, 2, 0)
ArgumentError: Expected padding as an int of at least 0, got -1.
    unfold(first, 2, 1, -1); fold(cols, 4, 2, 1, -1)
ArgumentError: Expected stride as an int of at least 1, got 0.
    unfold(first, 2, 1, 0, 0)
ArgumentError: Expected kernel_size as one int or two, got (2, 2, 2).
    unfold(first, (2, 2, 2))
ShapeError: expects 64 blocks for an output of (9, 9), got 9.
    fold(cols, 9, 2)
ShapeError: blocks) for kernel_size
    fold(a, 4, 2); fold(cols, 4, 3)
ArgumentError: Expected output_size as one int or two, got (4, 4, 4).
    fold(cols, (4, 4, 4), 2)
ArgumentError: Expected a pattern such as 'a b -> b a', got 'x y'.
    rearrange(a, 'x y')
ArgumentError: Both sides of 'x y -> x' must have the same names, each once.
    rearrange(a, 'x y -> x')
ShapeError: Pattern 'x -> x' names 1 axes for shape (3, 4).
    rearrange(a, 'x -> x')
ArgumentError: Both sides of 'x y -> x y z' must have the same names, each
    rearrange(a, 'x y -> x y z')
ShapeError: Axis (x b) of '(x b) y -> x b y' has size 3.
    rearrange(a, '(x b) y -> x b y', b=2)
ArgumentError: Give the sizes of ['b'] in '(x b) y -> x b y'.
    rearrange(a, '(x b) y -> x b y')
ArgumentError: Expected arguments that ops.rearrange accepts, got
    rearrange(a, 3); rearrange(a, '(x b) y -> x b y', b=0)
    rearrange(a, '(x b) y -> x b y', b='x')
ArgumentError: Both sides of 'x x -> x' must have the same names, each once.
    rearrange(a, 'x x -> x')
ArgumentError: Brackets in '(x y -> x y' do not match.
    rearrange(a, '(x y -> x y')
ArgumentError: ['q'] are no axes of 'x y -> y x'.
    rearrange(a, 'x y -> y x', q=3)
ArgumentError: ?' in 'x ? -> x' is not a name of an axis.
    rearrange(a, 'x ? -> x')
ShapeError: Axis (x) of 'x y -> x y' has size 3.
    rearrange(a, 'x y -> x y', x=5)
ShapeError: Expected target_length as one length for each sequence, (3,)
    ctc_loss(words, speech, lens3, times)
ShapeError: expects scores of shape (batch, time, classes), got (3, 4).
    ctc_loss(words, a, lens, times); ctc_decode(a, times)
NoAxis: Expected mask_index in [-5, 5) for a tensor of 5 axes, got
    ctc_loss(words, speech, lens, times, 9); ctc_loss(words, speech, lens, times, -9)
    ctc_decode(speech, times, mask_index=9)
ShapeError: Expected output_length as one length for each sequence, (3,)
    ctc_loss(words, speech, lens, lens3)
ShapeError: expects a target of shape (3, labels), got (4,).
    ctc_loss(k, speech, lens, times)
ShapeError: Expected sequence_lengths as one length for each sequence
    ctc_decode(speech, lens3)
ArgumentError: Unknown strategy 'x'. Known: beam_search, greedy.
    ctc_decode(speech, times, 'x')
ArgumentError: Expected 0 < top_paths <= beam_width, got
    ctc_decode(speech, times, 'beam_search', 0)
    ctc_decode(speech, times, 'beam_search', 2, 3)
    ctc_decode(speech, times, 'beam_search', 2, 0)
"""

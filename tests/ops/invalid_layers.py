"""Invalid calls with indices out of range, and of what layers with weights compute."""

TABLE = """
OutOfRange: Expected indices in [-
    take(a, 9, 0); take(a, -4, 0); take(a, [0, 3], 0); take(a, 12)
    take_along_axis(a, [[0, 9, 0, 0]], 0); take_along_axis(a, [12])
    scatter_update(a, [[3, 0]], row0); scatter_update(a, [[0, -5]], row0)
    scatter([[9, 0]], row0, (3, 4)); unravel_index(12, (3, 4))
    unravel_index([0, -13], (3, 4)); get_item(a, [0, 9]); get_item(a, (0, [4]))
    get_item(a, (0, [5]))
ShapeError: Expected x (..., n) and a kernel (n, m), got shapes
    weighted.dense(a, s); weighted.dense(c, s); weighted.dense(a, v)
ShapeError: sizes must be equal or 1, counted from the last axis.
    weighted.dense(a, w43, v); weighted.dense(a, w43, two)
DTypeError: dense takes real numbers, got complex64. Apply it to
    weighted.dense(z, zk)
DTypeError: Expected numbers or bools, got a str of dtype <U1. Encode
    weighted.dense('x', s); weighted.embedding(a, 'x'); weighted.gru(seq, 'x', kg, rg)
DTypeError: embedding takes real numbers, got complex64. Apply it to
    weighted.embedding(a, z)
ShapeError: Expected a table of shape (rows, width), got ().
    weighted.embedding(c, k)
ShapeError: Expected a table of shape (rows, width), got (5,).
    weighted.embedding(v, k)
ShapeError: lstm expects x (b, t, n), h (b, m), a kernel (n, 4m), a
    weighted.lstm(seq, h, h, kl, rl, v); weighted.lstm(a, h, h, kl, rl)
    weighted.lstm(seq, h, h, rl, kl); weighted.lstm(seq, v, h, kl, rl)
    weighted.lstm(seq, h, h, kl, rl, None, k); weighted.lstm(seq, h, h, kg, rl)
ShapeError: gru expects x (b, t, n), h (b, m), a kernel (n, 3m), a
    weighted.gru(seq, h, kg, rg, v); weighted.gru(a, h, kg, rg)
    weighted.gru(seq, h, rg, kg); weighted.gru(seq, v, kg, rg)
    weighted.gru(seq, h, kl, rg)
DTypeError: gru takes real numbers, got complex64. Apply it to
    weighted.gru(zseq, h, kg, rg)
"""

"""The arrays and functions that the tables of invalid calls name."""

import numpy as np

from multinet import ops, random
from multinet.ops import weighted

rng = np.random.default_rng(3)


def _f(*shape):
    return rng.uniform(0.1, 0.9, shape).astype("float32")


def _n(*values):
    return np.array(values, "int32")


def _z(*shape):
    return (_f(*shape) + 1j * _f(*shape)).astype("complex64")


#: Tensors of the backend, or symbolic ones of the same shapes and dtypes, in the calls.
ARRAYS = {
    "a": _f(3, 4),
    "s": _f(3, 3),
    "s2": _f(2, 2),
    "v": _f(5),
    "v0": _f(0),
    "row": _f(4),
    "col": _f(3, 1),
    "c": _f(),
    "t": _f(2, 3, 4),
    "i": rng.integers(0, 3, (3, 4)).astype("int32"),
    "m": np.ones((3, 4), "bool"),
    "m5": np.ones((5,), "bool"),
    "z": _z(3, 4),
    "vz": _z(5),
    "c_z": _z(),
    "one_z": _z(1),
    "z4": _z(2, 6, 5, 4),
    "empty_": _f(0, 4),
    "low": _f(3, 3).astype("float16"),
    "k": _n(0, 2, 1, 0),
    "k3": _n(0, 2, 1),
    "k5": _n(0, 1, 2, 0, 1),
    "kk": _n([0], [1]),
    "idx5": np.zeros((3, 5), "int32"),
    "c_int": np.array(1, "int32"),
    "pairs": _n([0, 1, 2], [2, 2, 1]),
    "pairs_": _n([0, 1], [2, 2]),
    "triples": _n([0, 1, 1], [2, 2, 1]),
    "two": _f(2),
    "two_z": _z(2),
    "big": _f(4, 4),
    "a5": _f(5, 2),
    "bs2": _f(2, 3, 3),
    "bs3": _f(5, 3, 3),
    "bs2a": _f(2, 3, 4),
    "bs3a": _f(5, 3, 4),
    "sig": _f(2, 64),
    "spec": _z(2, 9, 5),
    "img": _f(2, 6, 5, 4),
    "img_empty": _f(2, 0, 5, 4),
    "k1": _f(3, 3, 5),
    "k2": _f(3, 2, 4, 6),
    "k2bad": _f(3, 2, 3, 6),
    "k2groups": _f(3, 2, 2, 5),
    "k2wide": _f(9, 2, 4, 6),
    "k2zero": _f(3, 2, 0, 6),
    "kd": _f(3, 3, 4, 2),
    "kp": _f(1, 1, 8, 3),
    "kt": _f(3, 2, 6, 4),
    "q": _f(2, 5, 2, 4),
    "zq": _z(2, 5, 2, 4),
    "kv": _f(2, 6, 2, 4),
    "kv5": _f(2, 6, 2, 5),
    "kv3": _f(2, 6, 3, 4),
    "kvlong": _f(2, 7, 2, 4),
    "kvb": _f(3, 6, 2, 4),
    "first": _f(2, 4, 6, 5),
    "cols": _f(2, 8, 9),
    "words": _n([1, 1, 2, 0], [3, 1, 3, 1], [2, 0, 0, 0]),
    "lens": _n(3, 3, 1),
    "lens3": _n(3, 3, 1, 2),
    "times": _n(7, 6, 5),
    "speech": _f(3, 7, 5),
    "zspeech": _z(3, 7, 5),
    "pics": _f(2, 5, 6, 3),
    "zpics": _z(2, 5, 6, 3),
    "bytes_": np.zeros((2, 5, 6, 3), "uint8"),
    "bigpics": _f(2, 5, 7, 3),
    "cubes": _f(2, 4, 5, 4, 2),
    "zoom": _f(2),
    "shift": _f(2),
    "places": _f(2, 7),
    "zplaces": _z(2, 7),
    "turn": _f(8),
    "turn5": _f(5, 8),
    "quads": _f(4, 2),
    "quads5": _f(5, 4, 2),
    "flag": np.array(True),
    "zero": np.array(0, "int32"),
    "wide0": _f(3, 0),
    "row0": _f(1),
    "w43": _f(4, 3),
    "zk": _z(4, 3),
    "seq": _f(2, 5, 4),
    "zseq": _z(2, 5, 4),
    "h": _f(2, 3),
    "kl": _f(4, 12),
    "rl": _f(3, 12),
    "kg": _f(4, 9),
    "rg": _f(3, 9),
}

#: What the calls name besides: functions that fit where they stand, or do not.
SCOPE = {
    "random": random,
    "weighted": weighted,
    "slice_": slice,
    "same": (2, 5, 6, 3),
    "one": lambda: ops.zeros(()),
    "more": lambda x: ops.less(x, 5),
    "more_v": lambda x: ops.zeros((2,), "bool"),
    "two_out": lambda x: (x, x),
    "widen": lambda x: ops.zeros((2,)),
    "recast": lambda x: ops.cast(x, "int32"),
    "same_": lambda x: x,
    "body": lambda i, x: x,
    "body2": lambda i, x: (x, x),
    "bodycast": lambda i, x: ops.cast(x, "int32"),
    "step": lambda s, x: (s, x),
    "step_wide": lambda s, x: (ops.zeros((2,)), x),
    "step_one": lambda s, x: s,
    "step_cast": lambda s, x: (ops.cast(s, "int32"), x),
    "ident": lambda x: x,
    "plus": lambda x, y: ops.add(x, y),
    "first_of": lambda x, y: ops.sum(x),
} | {name: getattr(ops, name) for name in dir(ops) if not name.startswith("_")}

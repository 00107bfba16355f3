"""Constants of Keras's backends that tests ask for."""

FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
_UNSIGNED = ("uint8", "uint16", "uint32", "uint64")
_SIGNED = ("int8", "int16", "int32", "int64")
_ORDINARY = ("float16", "float32", "float64", *_UNSIGNED, *_SIGNED)
_OTHERS = ("bfloat16", "bool", "string", "complex64", "complex128")

DTYPES = {
    "FLOAT8_TYPES": FLOAT8,
    "INT_TYPES": (*_UNSIGNED, *_SIGNED),
    "FLOAT_TYPES": ("bfloat16", "float16", "float32", "float64"),
    "ALLOWED_DTYPES": (*_ORDINARY, *_OTHERS, *FLOAT8),
}

# Which backends of Keras say that they can do it.
SUPPORTED = {
    "SUPPORTS_SPARSE_TENSORS": {"jax", "tensorflow"},
    "SUPPORTS_RAGGED_TENSORS": {"tensorflow"},
    "SUPPORTS_COMPLEX_DTYPES": {"jax", "tensorflow", "torch", "numpy"},
    "IS_THREAD_SAFE": {"jax", "torch", "numpy"},
}

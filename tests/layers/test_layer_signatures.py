"""The constructors of layers take what Keras's take, in the same order."""

import inspect

import keras as peer
import pytest

from multinet import layers

# Arguments that differ from Keras's: layers, arguments, and why.
LATER = "needs quantized weights, which are not there yet"
EXCEPTIONS = {
    "Dense": ({"quantization_config"}, LATER),
    "EinsumDense": (
        {
            "gptq_unpacked_column_size",
            "quantization_config",
        },
        LATER,
    ),
    "Embedding": ({"quantization_config"}, LATER),
    "LayerNormalization": ({"rms_scaling"}, "Keras reads it from **kwargs"),
    **{
        f"{name}{rank}D": ({"pool_size"}, "2 by default, as for MaxPooling")
        for name in ("AveragePooling", "AvgPool")
        for rank in (1, 2, 3)
    },
}
SHARED = [name for name in layers.__all__ if hasattr(peer.layers, name)]


def arguments(thing):
    """Return (name, default, kind) of the arguments, without those that gather."""
    call = thing.__init__ if isinstance(thing, type) else thing
    found = inspect.signature(call).parameters.values()
    gathering = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return [
        (p.name, plain(p.default), p.kind) for p in found if p.kind not in gathering
    ]


def plain(default):
    """Return a default; one number for all axes stands for that number each time."""
    while isinstance(default, tuple) and len(set(default)) == 1:
        default = default[0]
    return default


@pytest.mark.parametrize("name", SHARED)
def test_a_layer_takes_the_arguments_of_keras(name):
    left_out, _ = EXCEPTIONS.get(name, ((), ""))
    ours, theirs = (
        [a for a in arguments(getattr(place, name)) if a[0] not in left_out]
        for place in (layers, peer.layers)
    )
    assert ours == theirs


def test_each_exception_is_one():
    for name, (left_out, _) in EXCEPTIONS.items():
        ours = dict((a[0], a) for a in arguments(getattr(layers, name)))
        theirs = dict((a[0], a) for a in arguments(getattr(peer.layers, name)))
        assert all(ours.get(a) != theirs.get(a) for a in left_out), name

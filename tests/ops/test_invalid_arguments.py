"""Invalid calls of every op: one error, word for word, on every backend.

The tables stand beside this file. A line `Class: fragment` names the error and a part
of its text, and the indented calls below it are those that get it. The whole text is
compared between the five backends, and with that of symbolic tensors.
"""

import functools
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import invalid_creation
import invalid_elementwise
import invalid_layers
import invalid_linalg
import invalid_networks
import invalid_others
import invalid_shapes
from invalid_values import ARRAYS, SCOPE

from multinet import errors, ops, random, tracebacks
from multinet.registry import use_backend
from multinet.symbolic.tensor import KerasTensor

BACKENDS = ("numpy", "jax", "torch", "tensorflow", "strict")
TABLES = (
    invalid_elementwise,
    invalid_shapes,
    invalid_creation,
    invalid_linalg,
    invalid_networks,
    invalid_layers,
    invalid_others,
)
# Ops that no argument is invalid for.
ACCEPT_ALL = {
    "is_tensor",  # says False of all else
}
# These differentiate at once, so that symbolic tensors are none of their arguments.
NOT_SYMBOLIC = ("custom_gradient", "jvp")


def rows():
    """Return (call, name of the error's class, fragment of its text) of all tables."""
    found = []
    for module in TABLES:
        error = fragment = ""
        for line in module.TABLE.strip().splitlines():
            if line.startswith(" "):
                found += [(c, error, fragment) for c in line.strip().split("; ")]
            else:
                error, _, fragment = line.partition(": ")
    return found


def names_in(call):
    """Return the arrays that a call names."""
    return set(re.findall(r"[a-z_]\w*", call)) & set(ARRAYS)


@functools.cache
def tensors(backend):
    """Return the arrays as tensors of a backend."""
    with use_backend(backend):
        return {name: ops.convert_to_tensor(x) for name, x in ARRAYS.items()}


def refused(call, values):
    """Return the class and the text of the error that a call raises."""
    with pytest.raises(errors.MultinetError) as caught:
        eval(call, SCOPE | values)
    return type(caught.value).__name__, str(caught.value)


@pytest.mark.parametrize(("call", "error", "fragment"), rows())
def test_invalid_call_is_refused_alike_everywhere(call, error, fragment):
    found = {}
    for name in BACKENDS:
        with use_backend(name):
            found[name] = refused(call, tensors(name))
    used = names_in(call)
    if used and not call.startswith(NOT_SYMBOLIC):
        shapes = {n: (ARRAYS[n].shape, ARRAYS[n].dtype.name) for n in used}
        symbols = {n: KerasTensor(*shape) for n, shape in shapes.items()}
        found["symbolic"] = refused(call, symbols)
    assert len(set(found.values())) == 1, found
    kind, text = found["numpy"]
    assert kind == error
    assert fragment in text


def test_every_public_op_has_a_row():
    named = {re.match(r"[\w.]+", call)[0] for call, _, _ in rows()}
    public = {n for n in ops.__all__ if callable(getattr(ops, n))}
    public |= {f"image.{name}" for name in ops.image.__all__}
    public |= {f"random.{name}" for name in random.__all__}
    public |= {f"weighted.{n}" for n in ("dense", "embedding", "lstm", "gru")}
    assert public - named - ACCEPT_ALL == set()
    assert named - public == set()


def test_an_error_of_the_users_function_is_left_as_it_is():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ops.map(broken, ARRAYS["v"])
    with pytest.raises(KeyError, match="mine"):
        ops.vectorize(broken)(ARRAYS["v"])


def test_a_call_that_does_not_bind_is_a_type_error_that_names_the_argument():
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        ops.sum()
    with pytest.raises(TypeError, match="unexpected keyword argument 'axes'"):
        ops.sum(ARRAYS["a"], axes=0)


def test_the_framework_s_error_is_kept_as_the_cause(real_backend):
    raised = pytest.raises(errors.ShapeError, match="^ops.isclose: ")
    with tracebacks.whole(), raised as caught:
        ops.isclose(ops.ones((3, 4)), ops.ones((5,)))
    assert caught.value.__cause__ is not None


def test_an_index_out_of_range_ends_an_iteration(real_backend):
    x = ops.convert_to_tensor(ARRAYS["v"])
    with pytest.raises(IndexError):
        ops.get_item(x, 5)

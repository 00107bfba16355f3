"""The waist: the one interface through which every tensor operation goes.

A method marked `@abstractmethod` is a **primitive**: each backend writes it. A method
with a body is **fused**: the body is its specification, every backend has it for free,
and overrides it where its framework has something faster. There is no other list.

`array.py` holds conversion to sorting, `program.py` contraction to devices;
`composed.py`, `sequence.py` and `fused.py` the default bodies; `step.py` the compiled
step with its state, `mesh.py` how that lies on several devices. A backend follows the
same order. `signatures.py` holds the facts of each method, which tools go by: its
dtypes, its results, its gradient.

**Arguments arrive clean.** Tensors are native to the backend and share one dtype; axes
are sorted tuples of non-negative ints; shapes are tuples of ints; permutations are
complete. In the two-operand elementwise primitives one operand may be a Python scalar
of a kind that does not widen the tensor's dtype. Functions handed to control flow and
transforms take and return flat tuples of tensors; trees live above the waist. A backend
need not check what is promised here.

**Host data** become tensors above the waist, by one rule: what is in NumPy's default
dtypes, which nobody chose, becomes floatx, int32 (an error where it does not fit) and
complex64, unless a dtype is asked for. `is_tensor` is false of host data; on NumPy,
where a tensor is an array too, it is false of plain arrays of those three dtypes.

**One table of conventions**

| subject | rule |
|---|---|
| result dtype | that of the tensor operands, unless the method says otherwise |
| host data | float64, int64, complex128 become floatx, int32, complex64; others stay |
| float32 | is float32: reduced-precision matmul (TF32, bfloat16 passes) is off |
| low floats | results are right to the dtype; sums and statistics are wider inside |
| bool | arithmetic on bool is not required; `cast` first |
| unsigned | integer primitives take all widths: the backend widens, not the caller |
| integer overflow | wraps; division by zero is undefined |
| division | `divide` is of floats; `floor_divide` floors; `mod` has the sign of y |
| subnormals | may be 0, the reciprocal inside a division too |
| sign of zero | IEEE's, but of no matter in sums, order, sign and `mod` |
| rounding | `round` goes to the even neighbour; float to int truncates towards zero |
| abs at 0 | gradient 0 (real and complex) |
| maximum, minimum ties | each operand takes half of the gradient |
| max, min over axes, ties | the tied elements share the gradient equally |
| max_pool ties | the first in row-major order takes the gradient |
| relu at 0 | gradient 0; `clip` is minimum(maximum(x, low), high), ties and all |
| prod with zeros | the exact gradient: the product of the other factors |
| power | at x = 0 the gradient for x is y*x**(y-1), so 0 for y = 0; for y it is 0 |
| step functions | sign, floor, ceil, round, comparisons: gradient zero |
| where | the branch not selected gets gradient exactly 0, even where it is inf or NaN |
| argmax, argmin, sort | stable: the first of equals wins; results are int32 |
| out of range | `OutOfRange` where the host knows the index, else as below |
| in programs | NaN, the least integer, False; the gradient is 0 (`indices.py`) |
| NaN | max, min and the like propagate; sort: last; argmax/argmin: the first |
| NaN beside numbers | leaves them alone in elementwise methods; a softmax is all NaN |
| slope at NaN | any, but the same at each position |
| 0-d and empty | accepted where the mathematics has an answer; an empty sum is 0 |
| complex gradients | for real L and z = x + iy: dL/dx + i dL/dy |
| integers in `vjp` | no gradient: they get zeros of their shape and dtype |
| purity | no primitive changes an argument, except lists that say they are consumed |
| aliasing | results may share memory; not those of `from_numpy` and `to_numpy` |

`INTERFACE` is the (major, minor) version. A backend declares the one it was written
for; one that is behind by a minor version loads, and a primitive it lacks raises by
name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from multinet import surface
from multinet.interface.array import Axes, Scalar, Shape
from multinet.interface.fused import Backend
from multinet.interface.indices import (
    Running,
    filling,
    gathered,
    in_program,
    refused,
)
from multinet.interface.mesh import Layout, Mesh, Placement
from multinet.interface.native import Native
from multinet.interface.program import Key
from multinet.interface.sparse import NativeSparse, SparseParts
from multinet.interface.step import EagerProgram, Program
from multinet.typing import Host

INTERFACE = (1, 1)


@dataclass(frozen=True)
class Plugin:
    """What an entry point of the group `multinet.backends` names: a backend not yet
    loaded.

    Making one imports no framework. `requires` are the import names of the framework,
    `distribution` the installed package whose version is shown, `install` the shell
    command that installs what is missing, `load` the function that imports the
    framework and returns the backend class.

    >>> plugin = Plugin("numpy", ("numpy",), "numpy", "pip install multinet-nn", load)
    """

    name: str
    requires: tuple[str, ...]
    distribution: str
    install: str
    load: Callable[[], type[Backend[Any]]]


def primitives() -> tuple[str, ...]:
    """Return the names of all primitives, in the order of the interface."""
    return tuple(name for name, method in _methods() if _is_abstract(method))


def fused() -> tuple[str, ...]:
    """Return the names of all fused methods, in the order of the interface."""
    return tuple(name for name, method in _methods() if not _is_abstract(method))


def _methods() -> list[tuple[str, Any]]:
    found: dict[str, Any] = {}
    for cls in reversed(Backend.__mro__):
        for name, method in vars(cls).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                found[name] = method
    return list(found.items())


def _is_abstract(method: Any) -> bool:
    return getattr(method, "__isabstractmethod__", False)


__all__ = [
    "INTERFACE",
    "Axes",
    "Backend",
    "EagerProgram",
    "Host",
    "Key",
    "Layout",
    "Mesh",
    "Native",
    "NativeSparse",
    "Placement",
    "Plugin",
    "Program",
    "Running",
    "Scalar",
    "Shape",
    "SparseParts",
    "filling",
    "fused",
    "gathered",
    "in_program",
    "primitives",
    "refused",
]

surface.show(__name__)

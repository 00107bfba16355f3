"""Objects that stand for tensors, and what a backend's own operators owe them."""

from __future__ import annotations

from typing import Any

from multinet.typing import Tensor


class Valued:
    """An object that has a value of its own, such as a Variable.

    A backend may tell its framework that such an object is a tensor.
    """

    __slots__ = ()

    def __multinet_tensor__(self) -> Tensor:
        """Return the value."""
        raise NotImplementedError

    def unseen(self) -> Tensor:
        """Return the value, without telling the framework that it was read."""
        raise NotImplementedError


def stand_in(*operands: Any) -> Tensor:
    """Return the first operand that stands for a tensor, or None; keys are looked into.

    Such an object, a Variable among them, has Python's reflected operators, and
    `__rgetitem__` for x[key]: a native operator that meets one leaves the work to it.
    One that has a value gives it by `__multinet_tensor__`.
    """
    for x in operands:
        if hasattr(type(x), "__rgetitem__"):
            return x
        parts = (x.start, x.stop, x.step) if type(x) is slice else x
        if type(parts) is tuple:
            found = stand_in(*parts)
            if found is not None:
                return found
    return None

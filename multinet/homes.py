"""What a framework's own functions, loops and transforms see of a Variable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import BuiltinFunctionType
from typing import Any

import optree

from multinet import ops
from multinet.carriers import Clock
from multinet.errors import BackendError
from multinet.interface.native import Home
from multinet.interface.operands import Valued
from multinet.operators import NATIVE
from multinet.scope import active_scope
from multinet.typing import Tensor


class Housed(Valued):
    """The part of a Variable that code of a framework's own meets.

    Its value may live in a home, which that framework knows.
    """

    backend: str
    _value: Any
    _held: Any
    _home: Home | None

    def label(self) -> str:
        """Return what an error says of the Variable."""
        raise NotImplementedError

    def move_in(self, home: Home) -> None:
        """Live in a framework's own variable from now on, with the value of now."""
        value = self._value
        self._home = home
        self._value = value

    @property
    def at_home(self) -> bool:
        """Whether others than the library may change the value, in place."""
        return self._home is not None and self._home.shared

    def unseen(self) -> Tensor:
        """Return the value of now, without telling the framework that it was read."""
        scope = active_scope()
        value = None if scope is None else scope.read(self)
        return self.kept() if value is None else value

    def kept(self) -> Tensor:
        """Return the value outside of any step, None where a carrier has it."""
        held, home = self._held, self._home
        return home.value if held is None and home is not None else held

    @property
    def native(self) -> Tensor:
        """The framework's own variable that the value lives in from now on.

        An `nn.Parameter` of PyTorch, a `tf.Variable` of TensorFlow: what changes it in
        place changes this Variable. `BackendError` on others, which have none.
        """
        value = self._value
        if self._home is None:
            raise BackendError(
                f"{self.label()} lives on backend {self.backend!r}, whose framework "
                "has no variables of its own. Take variable.value, a tensor."
            )
        shared, own = self.at_home, self._home.share(value)
        if not shared:
            self._held = self._home.take(value)
            Clock.tick()
        return own

    def record(self, trained: bool) -> None:
        """Let code of the framework's own ask for the gradient of the value, or not."""
        if self._home is not None:
            self._held = self._home.record(self._value, trained)
            Clock.tick()

    # -- in functions of a framework ---------------------------------------------------

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        kinds: Sequence[Any],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Tensor:
        """Give a native function the value; a native operator asks the Variable."""
        name = function.__name__
        if name == "__getitem__":
            return _item(*args)
        if name in NATIVE and not isinstance(function, BuiltinFunctionType):
            return NotImplemented  # Python then calls the reflected operator
        given: Any = (args, kwargs or {})
        values: Any = optree.tree_map(_value_of, given)
        return function(*values[0], **values[1])


def _value_of(x: Any) -> Any:
    return x.__multinet_tensor__() if isinstance(x, Housed) else x


def _item(tensor: Any, key: Any) -> Any:
    return ops.get_item(_value_of(tensor), key)

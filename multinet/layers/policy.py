"""Typed: the part of a layer that knows its dtypes, by a policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from multinet import dtype_policies, dtypes
from multinet.autocast import autocasting
from multinet.calls import CallContext, active, path_of
from multinet.dtype_policies import DTypePolicy, DTypePolicyMap
from multinet.errors import ArgumentError, DTypeError
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.typing import PolicyLike, Tensor


class FromInit:
    """An attribute that the constructor sets; an error tells where it never ran."""

    def __get__(self, thing: object, owner: type) -> FromInit:
        if thing is None:
            return self
        raise ArgumentError(
            f"This {owner.__name__} was never set up: the first line of its __init__ "
            "must be super().__init__(), with the options that it takes."
        )


class Typed:
    """The part of a layer that knows the dtypes of its computations and weights."""

    autocast: bool
    _mark: Any
    _dtype_policy: Any = FromInit()
    _policy_path = ""  # by which a DTypePolicyMap knows the layer, once it is built
    _compute_dtype: Any = FromInit()
    _variable_dtype: str
    _mixed = False

    @property
    def dtype_policy(self) -> DTypePolicy:
        """The dtypes of computations and of weights; set it by name or as a policy.

        Weights that exist keep their dtype.
        """
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: PolicyLike) -> None:
        policy, held = dtype_policies.get(value), self.__dict__.get("_dtype_policy")
        if isinstance(held, DTypePolicyMap) and self._policy_path:
            held.pop(self._policy_path, None)
            held[self._policy_path] = policy
        else:
            self._dtype_policy = policy
        self._settle_dtypes()
        if held is not None:
            self._mark.edited("dtype_policy")

    def _find_policy(self) -> None:
        """Take the policy of the layer's own path, which is known while it is built."""
        if isinstance(self._dtype_policy, DTypePolicyMap):
            self._policy_path = path_of("").removesuffix("/")
            self._settle_dtypes()

    def _settle_dtypes(self) -> None:
        """Read the policy once, for a look at it would cost each call."""
        policy = self._dtype_policy.policy_of(self._policy_path)
        self._compute_dtype, self._variable_dtype = (
            policy.compute_dtype,
            policy.variable_dtype,
        )
        self._mixed = policy.compute_dtype != policy.variable_dtype

    @property
    def compute_dtype(self) -> str:
        """The dtype that the layer computes in."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of its weights."""
        return self._variable_dtype

    @property
    def dtype(self) -> str:
        """The dtype of its weights."""
        return self._variable_dtype

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to."""
        return self._compute_dtype


def computed(layer: Typed, inputs: Tensor) -> Tensor:
    """Return inputs in the dtype that a layer computes in.

    `DTypeError` for complex ones of a real layer: a part of them would be lost.
    """
    inputs, wanted = as_tensor(inputs), layer.compute_dtype
    dtype = current().dtype(inputs)
    if dtypes.is_complex(dtype) and not dtypes.is_complex(wanted):
        raise DTypeError(
            f"{type(layer).__name__} takes real numbers, got {dtype}. Apply it to "
            "ops.real(x) and ops.imag(x), or to ops.abs(x)."
        )
    return cast_tensor(inputs, wanted)


@contextmanager
def casting(layer: object) -> Iterator[None]:
    """Read Variables as a layer does in its `call`: in its compute dtype, if a float.

    Without `autocast` a layer inside a mixed one reads them as they are, and a mixed
    one on its own still casts, as in Keras.
    """
    outer = autocasting.get()
    if not isinstance(layer, Typed) or (outer is None and not layer._mixed):
        yield
        return
    casts = dtypes.is_float(layer.compute_dtype) and (layer.autocast or outer is None)
    context = active.get() or CallContext()
    token = autocasting.set(context.cast_to(layer.compute_dtype if casts else None))
    try:
        yield
    finally:
        autocasting.reset(token)

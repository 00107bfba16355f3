"""DTypePolicy: which dtype a layer computes in, and which one its weights have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Self

from multinet import dtypes, surface
from multinet.errors import ArgumentError, WrongType
from multinet.objects.serialization import to_data
from multinet.objects.tables import Table
from multinet.tracebacks import shortening
from multinet.typing import Config, PolicyLike

__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "get",
    "serialize",
]

surface.show(__name__)

_MIXED = {
    "mixed_float16": ("float16", "float32"),
    "mixed_bfloat16": ("bfloat16", "float32"),
}
_QUANTIZED = ("int8_from", "int4", "float8", "gptq", "awq")


class DTypePolicy:
    """A pair of dtypes: the inputs and computations of a layer, and its weights.

    `name` is a dtype, for both, or "mixed_float16" or "mixed_bfloat16": float32 weights
    that are cast to the half precision where a layer reads them. None is the policy of
    the process, `config.dtype_policy()`.
    """

    @shortening
    def __init__(self, name: str | None = None) -> None:
        self._name = _default().name if name is None else name
        self._compute_dtype, self._variable_dtype = _dtypes_of(self._name)

    @property
    def name(self) -> str:
        """The name that it was made with."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The dtype of inputs, computations and outputs."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self._variable_dtype

    quantization_mode = None

    def policy_of(self, path: str) -> DTypePolicy:
        """Return the policy of the layer with this path."""
        return self

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {"name": self.name}

    @classmethod
    @shortening
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the policy of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._name)

    def _identity(self) -> tuple[Any, ...]:
        # The two plain classes are one kind; a subclass is a kind of its own.
        plain = type(self) in (DTypePolicy, FloatDTypePolicy)
        return DTypePolicy if plain else type(self), self._name


class FloatDTypePolicy(DTypePolicy):
    """Another name of `DTypePolicy`, which Keras's files have."""


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers; `default_policy` for all others.

    A key is a path, or a pattern that the whole path matches. A path that several
    patterns match is an `ArgumentError`.

    >>> policies = DTypePolicyMap("mixed_float16", {"head/.*": DTypePolicy("float32")})
    """

    @shortening
    def __init__(
        self,
        default_policy: PolicyLike | None = None,
        policy_map: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ArgumentError("Expected default_policy to be one policy, got a map.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise WrongType(
                f"Expected policy_map as a dict, got {type(policy_map).__name__}."
            )
        self._given = default_policy
        self._default = None if default_policy is None else get(default_policy)
        self._policies = {k: get(v) for k, v in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of paths without one; that of the process if none was given."""
        return _default() if self._default is None else self._default

    @property
    def name(self) -> str:
        """`map_` and the name of the default."""
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        """That of the default."""
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """That of the default."""
        return self.default_policy.variable_dtype

    def policy_of(self, path: str) -> DTypePolicy:
        """Return the policy of the layer with this path."""
        return self[path] if path else self.default_policy

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        found = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ArgumentError(
                f"Expected one policy for {key!r}, but the patterns {found} match it. "
                "Give the path itself a policy, or narrow a pattern."
            )
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: PolicyLike) -> None:
        if key in self._policies:
            raise ArgumentError(
                f"{key!r} has the policy {self._policies[key]!r} already. Delete it "
                "from the map before it gets another."
            )
        self._policies[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def get_config(self) -> Config:
        """Return what `from_config` needs."""
        return {
            "default_policy": to_data(self._given),
            "policy_map": to_data(self._policies),
        }

    def __repr__(self) -> str:
        named = [(key, policy.name) for key, policy in self._policies.items()]
        default = self.default_policy.name
        return f"<DTypePolicyMap default_policy={default!r}, mapping={named}>"

    def _identity(self) -> tuple[Any, ...]:
        return DTypePolicyMap, self.default_policy, tuple(self._policies.items())

    __hash__ = object.__hash__  # it can change


def _dtypes_of(name: Any) -> tuple[str, str]:
    """Return the dtype of computations and that of weights."""
    if not isinstance(name, str):
        raise WrongType(
            f"Expected the name of a policy, such as 'mixed_float16', got {name!r}."
        )
    if name in _MIXED:
        return _MIXED[name]
    if name.startswith(_QUANTIZED):
        raise ArgumentError(
            f"Multinet has no quantized policies yet, got {name!r}. Take the policy "
            f"that it was made from: a dtype, or one of {', '.join(_MIXED)}."
        )
    try:
        dtype = dtypes.standardize(name)
    except ArgumentError as error:
        raise ArgumentError(
            f"{error} Policies of two dtypes: {', '.join(_MIXED)}."
        ) from None
    return dtype, dtype


# -- the policy of the process ---------------------------------------------------------

_global: DTypePolicy | None = None


def _default() -> DTypePolicy:
    return DTypePolicy(dtypes.floatx()) if _global is None else _global


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers that are not given one: floatx, unless set."""
    return _default()


@shortening
def set_dtype_policy(policy: PolicyLike) -> None:
    """Set the policy of layers made from now on, by name or as a `DTypePolicy`.

    >>> multinet.config.set_dtype_policy("mixed_bfloat16")
    """
    global _global
    if not isinstance(policy, str | DTypePolicy):
        raise ArgumentError(
            f"Expected the name of a policy or a DTypePolicy, got {policy!r}."
        )
    _global = get(policy)


# -- names and configurations ----------------------------------------------------------

_table = Table("dtype policy", (DTypePolicy, FloatDTypePolicy, DTypePolicyMap))


@shortening
def get(identifier: PolicyLike) -> DTypePolicy:
    """Return the policy of a name, a dtype, a configuration, None or the policy itself.

    None is the policy of the process.
    """
    if identifier is None:
        return _default()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return DTypePolicy(identifier)
    try:
        return DTypePolicy(dtypes.standardize(identifier))
    except ArgumentError:
        raise ArgumentError(
            "Expected dtype to be the name of a dtype or policy, a DTypePolicy or its "
            f"configuration, got {identifier!r}."
        ) from None


@shortening
def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return the configuration of a policy."""
    return to_data(dtype_policy)


@shortening
def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> DTypePolicy:
    """Return the policy of a configuration; `custom_objects` are more classes."""
    return _table.deserialize(config, custom_objects)

"""Internal functions and classes that tests use, made of public ones."""

import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from .missing import NotPublic
from .places import namespace, target


def space(dotted: str) -> Any:
    """Return a public namespace; raises NotPublic where there is none."""
    found = namespace(dotted)
    if found is None:
        raise NotPublic(f"no public namespace {dotted}")
    return found


def backend_name() -> str:
    """Return the name of the backend in use."""
    for dotted in ("backend", "config"):
        function = getattr(namespace(dotted), "backend", None)
        if callable(function):
            return str(function())
    return os.environ.get("COMPATIBILITY_BACKEND", "")


def symbolized(structure: Any) -> Any:
    """Return a structure whose tensors, arrays and Variables are symbolic tensors."""
    if isinstance(structure, dict):
        return {key: symbolized(value) for key, value in structure.items()}
    if isinstance(structure, list | tuple) and not hasattr(structure, "_fields"):
        return type(structure)(symbolized(value) for value in structure)
    return _symbol(structure)


def _symbol(x: Any) -> Any:
    if isinstance(x, target().KerasTensor):
        return x
    known = isinstance(x, np.ndarray | target().Variable)
    if known or space("ops").is_tensor(x):
        dtype = space("backend").standardize_dtype(x.dtype)
        return target().KerasTensor(tuple(x.shape), dtype=dtype)
    return x


def compute_output_spec(
    function: Callable[..., Any], *args: Any, **options: Any
) -> Any:
    """Return the symbolic results of a function, as an Operation would have them."""
    base: Any = getattr(target(), "Operation", None)
    if base is None:
        return function(*symbolized(args), **symbolized(options))

    class Function(base):
        def call(self, *args: Any, **options: Any) -> Any:
            return function(*args, **options)

    return Function().compute_output_spec(*args, **options)


def any_symbolic_tensors(args: Any = None, kwargs: Any = None) -> bool:
    """Return whether arguments hold a symbolic tensor."""
    leaves = space("tree").flatten((args or (), kwargs or {}))
    return any(isinstance(leaf, target().KerasTensor) for leaf in leaves)


def standardize_shape(shape: Any) -> Any:
    """Return a shape as a symbolic tensor has it."""
    return target().KerasTensor(shape).shape


def standardize_data_format(data_format: str | None) -> str:
    """Return the data format, the one of the configuration for None."""
    if data_format is None:
        return space("config").image_data_format()
    return data_format.lower()


def random_seed_dtype() -> str:
    """Return the dtype of the state of a seed generator."""
    state = space("random").SeedGenerator(0).state
    return space("backend").standardize_dtype(state.dtype)


def functional_class() -> type:
    """Return the class of a functional model."""
    x = space("layers").Input((1,))
    return type(space("models").Model(x, x))


@functools.cache
def trainer_class() -> type:
    """Return a class of fit, evaluate and predict, to put before that of a layer.

    It is the public Model; what a layer defines comes from the layer.
    """
    model = target().Model
    names = ("call", "build", "compute_output_shape", "compute_output_spec")
    names += ("compute_mask", "get_config", "build_from_config")
    own = set(model.__mro__) - set(target().Layer.__mro__)

    class Trainer(model):
        def __init_subclass__(cls, **kwargs: Any):
            super().__init_subclass__(**kwargs)
            for name in names:
                owners = [c for c in cls.__mro__ if name in vars(c)]
                layers = [c for c in owners if c not in own]
                if owners and layers and owners[0] in own:
                    setattr(cls, name, vars(layers[0])[name])

    return Trainer


def tracked(kind: type) -> type:
    """Return what a container becomes when a layer holds it.

    A set is no node of a tree, but a class that is registered with optree is.
    """
    layer = target().Layer()
    layer.probe = kind()
    return _set_node() if kind is set else type(layer.probe)


@functools.cache
def _set_node() -> type:
    import optree

    class Node(set):
        """A set whose items are the children of a node, in order."""

    optree.register_pytree_node(
        Node,
        lambda node: (sorted(node), None),
        lambda _, children: Node(children),
        namespace=optree.registry.__GLOBAL_NAMESPACE,  # type: ignore[attr-defined]
    )
    return Node


def to_snake_case(name: str) -> str:
    """Return a name in capitals as words with underscores."""
    words = ""
    for i, letter in enumerate(name):
        before, after = name[max(i - 1, 0)], name[i + 1 : i + 2]
        starts = before.islower() or before.isdigit()
        ends_capitals = before.isupper() and after.islower()
        if letter.isupper() and i and (starts or ends_capitals):
            words += "_"
        words += letter.lower()
    return words

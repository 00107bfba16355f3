"""Objects as data and back, in the format of Keras's configurations.

Reading never imports a module and never runs code that came with the data: a class or
function is one of ours, or one that the program itself made known.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, NotWritten, WrongType
from multinet.objects import exports, registration, sharing
from multinet.registry import current
from multinet.tracebacks import shortening
from multinet.typing import Data, Made

Leaf = Callable[[Any], Any]

_PLAIN = (type(None), bool, int, float, str)
_REFUSED = {
    "__lambda__": "a lambda, which is code. Define the function with def, register it, "
    "and save the object anew",
    "__typespec__": "a TensorFlow TypeSpec, which Multinet does not have",
}


@shortening
def serialize_keras_object(obj: object) -> Data:
    """Return an object as data: numbers, strings, lists, tuples and dicts of them.

    An object is {"module", "class_name", "config", "registered_name"}, as in Keras.
    """
    return to_data(obj)


def to_data(value: object, leaf: Leaf | None = None) -> Data:
    """Return any value as data; `leaf` may give the data of some, else
    NotImplemented.
    """
    if leaf is not None:
        data = leaf(value)
        if data is not NotImplemented:
            return data
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list):
        return [to_data(item, leaf) for item in value]
    if isinstance(value, tuple):
        return tuple([to_data(item, leaf) for item in value])
    if isinstance(value, Mapping) and not hasattr(value, "get_config"):
        return {key: to_data(item, leaf) for key, item in value.items()}
    data = _special(value)
    return _object(value, leaf) if data is NotImplemented else data


def to_shared_data(value: object, leaf: Leaf | None = None) -> Data:
    """Return a value as data in which an object that occurs twice has a number.

    It is one object again if it is read in an `ObjectSharing`.
    """
    with sharing.ObjectSharing():
        return sharing.without_single(to_data(value, leaf))


def _special(value: Any) -> Any:
    """Return the data of what is no object with a configuration, or NotImplemented."""
    if isinstance(value, slice):
        parts = {n: to_data(getattr(value, n)) for n in ("start", "stop", "step")}
        return _named("__slice__", parts)
    if value is Ellipsis:
        return _named("__ellipsis__", {})
    if isinstance(value, bytes):
        return _named("__bytes__", {"value": value.decode("utf-8")})
    if isinstance(value, np.ndarray):
        return _array("__numpy__", value)
    if isinstance(value, np.dtype) or _is_scalar_type(value):
        return dtypes.standardize(value)
    if hasattr(value, "__multinet_tensor__"):  # of a Variable, on its own backend
        return _array("__tensor__", value.numpy())
    if current().is_tensor(value):
        return _array("__tensor__", current().to_numpy(value))
    return NotImplemented


def _is_scalar_type(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, np.generic)


def _named(class_name: str, config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


def _array(class_name: str, array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "c":
        raise ArgumentError(
            f"A configuration cannot hold complex numbers, got an array of shape "
            f"{array.shape}. Keep the real and the imaginary part."
        )
    if not array.ndim:
        return array.item()
    name = dtypes.standardize(array.dtype)
    return _named(class_name, {"value": array.tolist(), "dtype": name})


def _object(value: Any, leaf: Leaf | None) -> dict[str, Any]:
    if isinstance(value, FunctionType):
        return _function(value)
    if inspect.isclass(value) or not hasattr(value, "get_config"):
        raise NotWritten(
            f"{value!r} cannot be written in a configuration. Give it get_config and "
            "from_config, or, where an argument is used but not kept, override "
            "get_config of the object that has it."
        )
    config = value.get_config()
    if not isinstance(config, Mapping):
        raise ArgumentError(
            f"{type(value).__name__}.get_config must return a dictionary, got "
            f"{type(config).__name__}."
        )
    module, class_name, registered = _class_name(value)
    data: dict[str, Any] = {
        "module": module,
        "class_name": class_name,
        "config": to_data(config, leaf),
        "registered_name": registered,
    }
    for part in ("build_config", "compile_config"):
        described = getattr(value, f"get_{part}", lambda: None)()
        if described is not None:
            data[part] = to_data(described, leaf)
    sharing.note_written(value, data)
    return data


def _class_name(value: Any) -> exports.Name:
    cls = type(value)
    name = vars(cls).get("_written_as") or exports.public_name(cls)
    if name is not None:
        return name
    module = None if cls.__module__ == "__main__" else cls.__module__
    return exports.Name(module, cls.__name__, registration.get_registered_name(cls))


def _function(value: FunctionType) -> dict[str, Any]:
    if value.__name__ == "<lambda>":
        raise ArgumentError(
            "A lambda has no name to be saved under. Define it with def, and register "
            "it by saving.register_keras_serializable() to load it again."
        )
    return {
        "module": "builtins",
        "class_name": "function",
        "config": registration.get_registered_name(value),
        "registered_name": "function",
    }


# -- reading ---------------------------------------------------------------------------


@shortening
def deserialize_keras_object(
    config: Data,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
) -> Made:
    """Return what `serialize_keras_object` wrote, here or in Keras.

    `custom_objects` maps more names to classes and functions. A class or function of
    the program must be there or registered: no module is imported. Code in the data is
    refused with `safe_mode=False` too.
    """
    with registration.CustomObjectScope(custom_objects):
        if isinstance(config, str):
            return registration.find(config) or config
        return from_data(config)


def from_data(value: Data, leaf: Leaf | None = None) -> Made:
    """Return what `to_data` wrote; `leaf` may read some of the dicts, else
    NotImplemented.
    """
    if isinstance(value, list | tuple):
        return type(value)([from_data(item, leaf) for item in value])
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value or "config" not in value:
        return {key: from_data(item, leaf) for key, item in value.items()}
    if leaf is not None:
        found = leaf(value)
        if found is not NotImplemented:
            return found
    name = value["class_name"]
    if name in _REFUSED:
        raise WrongType(f"The configuration has {_REFUSED[name]}.")
    if name in _SPECIAL:
        return _SPECIAL[name](value["config"])
    return _read_function(value) if name == "function" else _read_object(value)


def revive(value: Data) -> Made:
    """Return an argument of a constructor from its data.

    An object without a module is left to the constructor, which knows its kind.
    """
    if isinstance(value, list | tuple):
        return type(value)([revive(item) for item in value])
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        if "module" in value or value["class_name"].startswith("__"):
            return from_data(value)
    return value


def _slice(config: Mapping[str, Any]) -> slice:
    return slice(*(from_data(config[name]) for name in ("start", "stop", "step")))


def _numpy(config: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    dtype = dtypes.to_numpy(dtypes.standardize(config["dtype"]))
    return np.array(config["value"], dtype)


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "__slice__": _slice,
    "__ellipsis__": lambda config: Ellipsis,
    "__bytes__": lambda config: config["value"].encode("utf-8"),
    "__numpy__": _numpy,
    "__tensor__": lambda config: current().from_numpy(_numpy(config)),
}


def _read_function(config: Mapping[str, Any]) -> Any:
    name = config["config"]
    if not isinstance(name, str):
        raise WrongType(f"Expected the name of a function, got {name!r}.")
    found = registration.find(name)
    # One of ours that is said to be registered is not what was written.
    if found is None and config.get("registered_name") in (None, "", "function", name):
        found = exports.find_function(name)
    found = found or registration.find_by_own_name(name)
    if found is None:
        raise unknown_object("function", name, exports.function_names())
    return found


def _read_object(config: Mapping[str, Any]) -> Any:
    number = config.get("shared_object_id")
    found = sharing.already_read(number)
    if found is not None:
        return found
    if not isinstance(config.get("config"), Mapping | None):
        raise WrongType(
            f"Expected the config of {config['class_name']} to be a dictionary, got "
            f"{config['config']!r}."
        )
    cls = find_class(config)
    if not inspect.isclass(cls):
        return cls  # a function that custom_objects has in place of a class
    return create(cls, config)


def find_class(config: Mapping[str, Any]) -> Made:
    """Return the class that a configuration names: the program's, or one of ours."""
    name, registered = config["class_name"], config.get("registered_name") or ""
    module = config.get("module")
    found = registration.find(registered, name)
    # One of ours that is said to be registered is not what was written.
    if found is None and registered in ("", name):
        if isinstance(module, str) and exports.is_ours(module):
            found = exports.find_class(module, name)
        found = found or registration.find_by_own_name(name)
    if found is None:
        raise unknown_object("class", registered or name, exports.class_names())
    return found


def create(cls: type[Any], config: Mapping[str, Any]) -> Made:
    """Return a new object of a class: configured, built and compiled as written."""
    inner = config.get("config")
    if not isinstance(inner, Mapping | None):
        raise WrongType(
            f"Expected the config of {cls.__name__} to be a dictionary, got {inner!r}."
        )
    if not hasattr(cls, "from_config"):
        raise WrongType(
            f"{cls.__name__} has no from_config, so it cannot be read. Define it as a "
            "class method that returns an object of a configuration."
        )
    try:
        thing = cls.from_config(dict(inner or {}))
    except Exception as error:
        error.add_note(_note(cls, dict(inner or {})))
        raise
    built = config.get("build_config")
    if built and not thing.built:
        thing.build_from_config(built)
    compiled = config.get("compile_config")
    if compiled:
        thing.compile_from_config(compiled)
    sharing.note_read(config.get("shared_object_id"), thing)
    return thing


def _note(cls: type, config: dict[str, Any]) -> str:
    """Return where an error was: the whole of a model would hide it."""
    told = repr(config)
    told = told if len(told) <= 300 else f"{told[:300]}..."
    return f"In the configuration of a {cls.__name__}: {told}"


def unknown_object(kind: str, name: str, known: list[str]) -> ArgumentError:
    """Return the error for a class or function that a configuration names in vain."""
    names = [*registration.known_names(), *known]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    hint = f" Near names: {', '.join(map(repr, near))}." if near else ""
    return ArgumentError(
        f"Unknown {kind} {name!r}.{hint} One of your own must be known before it is "
        "read, as no module is imported for it: decorate it with "
        "saving.register_keras_serializable(), or pass custom_objects="
        f"{{{name!r}: ...}}."
    )

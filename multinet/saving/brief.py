"""Configurations in `.h5` files of Keras 3: it leaves out where classes are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet.objects import exports, registration
from multinet.ops import operations

_MODELS = {
    "Functional": (f"{exports.ROOT}.src.models.functional", "Functional"),
    "Model": (f"{exports.ROOT}.src.models.functional", "Functional"),
    "Sequential": (exports.ROOT, "Sequential"),
}
_LAYERS = f"{exports.ROOT}.layers"


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a model with the module of each class."""
    data = dict(config)
    inner = data.get("config")
    if isinstance(inner, Mapping) and isinstance(inner.get("layers"), list):
        entries = [completed(entry) for entry in inner["layers"]]
        data["config"] = {**inner, "layers": entries}
    if "module" in data:
        return data
    name = str(data.get("class_name"))
    if registration.find(name) is None and name in _MODELS:
        data["module"], data["class_name"] = _MODELS[name]
        data["registered_name"] = None
    elif registration.find(name) is None and _is_op(data, name):
        data |= {"module": f"{operations.HOME}.numpy", "registered_name": name}
    else:
        data |= {"module": _LAYERS, "registered_name": name}
    return data


def _is_op(entry: Mapping[str, Any], name: str) -> bool:
    """Return whether a call in a graph is one of an op: a layer says more of itself."""
    says = entry.get("config") or {}
    if "inbound_nodes" not in entry or "trainable" in says or "batch_shape" in says:
        return False
    return name in operations.by_class()

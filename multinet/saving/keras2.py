"""Configurations of Keras 2 (tf-keras) in the words of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multinet.errors import ArgumentError
from multinet.ops.classes import class_name
from multinet.typing import Data

#: Arguments that Keras 3 has no longer, with the values that mean nothing there.
_GONE: dict[str, tuple[Any, ...] | None] = {
    "batch_input_shape": None,
    "implementation": None,
    "input_length": None,
    "time_major": (False,),
    "is_legacy_optimizer": None,
    "jit_compile": None,
    "decay": (0.0,),
    "fused": None,
    "renorm": (False,),
    "virtual_batch_size": (None,),
    "query_shape": None,  # what attention was built for, found again at the call
    "key_shape": None,
    "value_shape": None,
    "softmax_robust_masking": (False,),
}
_MODELS = ("Functional", "Model", "Sequential")
#: TensorFlow's functions in graphs, by the op that does the same. Those of tensors come
#: first; the names of other arguments follow where they differ.
_OPS: dict[str, tuple[str, dict[str, str]]] = {
    "nn.relu": ("relu", {}),
    "nn.elu": ("elu", {}),
    "nn.selu": ("selu", {}),
    "nn.gelu": ("gelu", {}),
    "nn.silu": ("silu", {}),
    "nn.softplus": ("softplus", {}),
    "nn.softmax": ("softmax", {}),
    "nn.log_softmax": ("log_softmax", {}),
    "nn.leaky_relu": ("leaky_relu", {"alpha": "negative_slope"}),
    "math.truediv": ("true_divide", {}),
    "math.abs": ("absolute", {}),
    "math.reduce_mean": ("mean", {}),
    "math.reduce_sum": ("sum", {}),
    "math.reduce_max": ("max", {}),
    "math.reduce_min": ("min", {}),
    "math.reduce_prod": ("prod", {}),
    "reshape": ("reshape", {"shape": "newshape"}),
    "expand_dims": ("expand_dims", {}),
    "squeeze": ("squeeze", {}),
    "transpose": ("transpose", {"perm": "axes"}),
    "compat.v1.transpose": ("transpose", {"perm": "axes"}),
    "cast": ("cast", {}),
    "linalg.matmul": ("matmul", {"a": "x1", "b": "x2"}),
    "clip_by_value": (
        "clip",
        {"clip_value_min": "x_min", "clip_value_max": "x_max"},
    ),
} | {
    f"math.{name}": (name, {"x": "x1", "y": "x2"})
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum")
}
for _name in ("exp", "log", "sqrt", "rsqrt", "square", "sigmoid", "tanh", "negative"):
    _OPS[f"math.{_name}"] = (_name, {})
_OPS["math.pow"] = ("power", {"x": "x1", "y": "x2"})


def is_old(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration of a model is one of Keras 2."""
    module = config.get("module")
    if isinstance(module, str) and module.startswith("tf_keras"):
        return True
    layers = (config.get("config") or {}).get("layers") or []
    inputs = [x for x in layers if isinstance(x, Mapping) and "config" in x]
    return "module" not in config or any(
        "batch_input_shape" in (x["config"] or {}) for x in inputs
    )


def upgrade(config: Data) -> Data:
    """Return the data of a model, or of a part of it, as Keras 3 would write them."""
    if isinstance(config, list):
        return [upgrade(item) for item in config]
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config or not isinstance(config.get("config"), Mapping):
        return {key: upgrade(value) for key, value in config.items()}
    name = config["class_name"].rpartition(">")[2]
    if name in _MODELS:
        return _model(config, "Functional" if name == "Model" else name)
    inner = {k: upgrade(v) for k, v in config["config"].items() if not _gone(k, v)}
    if name == "InputLayer":
        shape = config["config"].get("batch_input_shape")
        inner |= {} if shape is None else {"batch_shape": shape}
    if name == "Policy":
        return {**_named("DTypePolicy", "keras"), "config": {"name": inner["name"]}}
    if name == "BatchNormalization" and isinstance(inner.get("axis"), list):
        inner["axis"] = inner["axis"][0]
    kept = {k: v for k, v in config.items() if k not in ("config", "class_name")}
    if (
        str(kept.get("module", "")).startswith("tf_keras")
        or name != config["class_name"]
    ):
        kept |= {"module": "keras.layers", "registered_name": None}
    return {**kept, "class_name": name, "config": inner}


def _named(name: str, module: str) -> dict[str, Any]:
    return {"module": module, "class_name": name, "registered_name": None}


def _gone(name: str, value: Any) -> bool:
    if name not in _GONE:
        return False
    harmless = _GONE[name]
    if harmless is not None and value not in harmless:
        raise ArgumentError(
            f"The file of Keras 2 has {name}={value!r}, which neither Keras 3 nor "
            "Multinet can do."
        )
    return True


def _model(config: Mapping[str, Any], name: str) -> dict[str, Any]:
    inner: Any = config["config"]
    module = "keras.src.models.functional" if name == "Functional" else "keras"
    compiled = upgrade(config.get("compile_config")) or {}
    data = {
        "compile_config": {k: v for k, v in compiled.items() if v is not None},
        "module": module,
        "class_name": name,
        "registered_name": name if name == "Functional" else None,
    }
    if name == "Sequential":
        listed = inner if isinstance(inner, list) else inner["layers"]
        own = {} if isinstance(inner, list) else {"name": inner.get("name")}
        return {**data, "config": {**own, "layers": [_layer(x) for x in listed]}}
    models = {x["config"]["name"] for x in inner["layers"] if _is_model(x)}
    sequential = {
        x["config"]["name"] for x in inner["layers"] if x["class_name"] == "Sequential"
    }
    ends = {
        part: _ends(inner[part], sequential)
        for part in ("input_layers", "output_layers")
    }
    graph = {
        "name": inner.get("name"),
        "trainable": inner.get("trainable", True),
        "layers": [_entry(x, models) for x in inner["layers"]],
        **ends,
    }
    return {**data, "config": graph}


def _is_model(entry: Mapping[str, Any]) -> bool:
    return entry["class_name"] in _MODELS


def _ends(tree: Any, sequential: set[str]) -> Any:
    """Return the places of inputs or outputs; calls of models count from 1 there, but
    those of a Sequential from 0 in Keras 3.
    """
    if isinstance(tree, Mapping):
        return {key: _ends(item, sequential) for key, item in tree.items()}
    if tree and isinstance(tree[0], str):
        return [tree[0], tree[1] - (tree[0] in sequential), tree[2]]
    return [_ends(item, sequential) for item in tree]


def _layer(entry: Mapping[str, Any]) -> dict[str, Any]:
    # It is built by its call: the shapes noted are those of the first input alone.
    own = {k: v for k, v in entry.items() if k != "build_config"}
    return {"registered_name": None, "module": "keras.layers", **upgrade(own)}


def _entry(entry: Mapping[str, Any], models: set[str]) -> dict[str, Any]:
    name = entry.get("name") or entry["config"]["name"]
    nodes = entry["inbound_nodes"]
    if entry["class_name"] in ("TFOpLambda", "SlicingOpLambda"):
        return _op(entry, name, models)
    data = _layer(
        {k: v for k, v in entry.items() if k not in ("inbound_nodes", "name")}
    )
    called = [_node(node, models) for node in nodes]
    return {**data, "name": name, "inbound_nodes": called}


def _node(node: Any, models: set[str]) -> dict[str, Any]:
    """Return a call: a tensor with the other arguments behind, or a list of them."""
    if isinstance(node, Mapping):
        given = {k: _tensor(v, models) for k, v in node.items()}
        return {"args": [given], "kwargs": {}}
    first = node if isinstance(node[0], str) else node[0]
    alone = isinstance(node[0], str) or len(node) == 1
    tensors = [_tensor(x, models) for x in ([first] if alone else node)]
    more = first[3] if len(first) > 3 else {}
    kwargs = {k: _argument(v, models) for k, v in more.items()}
    return {"args": [tensors[0] if alone else tensors], "kwargs": kwargs}


def _tensor(place: Any, models: set[str]) -> dict[str, Any]:
    name, call, index = place[:3]
    history = [name, call - (name in models), index]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def _argument(value: Any, models: set[str]) -> Any:
    """Return an argument of a call; a tensor is [name, number, number]."""
    is_place = isinstance(value, list) and len(value) in (3, 4)
    if is_place and isinstance(value[0], str) and value[0] != "_CONSTANT_VALUE":
        return _tensor(value, models)
    if is_place and value[0] == "_CONSTANT_VALUE":
        return value[2]
    return upgrade(value)


def _op(entry: Mapping[str, Any], name: str, models: set[str]) -> dict[str, Any]:
    function = entry["config"]["function"]
    if entry["class_name"] == "SlicingOpLambda":
        op, names = "get_item", {"slice_spec": "key"}
    elif function in _OPS:
        op, names = _OPS[function]
    else:
        raise ArgumentError(
            f"The file of Keras 2 calls TensorFlow's tf.{function} in its graph, for "
            "which no op is known here. Put it into a layer of your own."
        )
    nodes = []
    for node in entry["inbound_nodes"]:
        call = _node(node, models)
        kwargs = {k: v for k, v in call["kwargs"].items() if k != "name"}
        first = call["args"][0]
        if op == "get_item":
            kwargs = {"slice_spec": _slices(kwargs["slice_spec"])}
        given = {names.get(key, key): value for key, value in kwargs.items()}
        nodes.append({"args": [first], "kwargs": given})
    return {
        "module": "keras.src.ops.numpy",
        "class_name": class_name(op),
        "registered_name": class_name(op),
        "config": {},
        "name": name,
        "inbound_nodes": nodes,
    }


def _slices(spec: Any) -> Any:
    """Return an index in the grammar of Keras 3."""
    if isinstance(spec, Mapping) and "start" in spec:
        return {"class_name": "__slice__", "config": dict(spec)}
    if isinstance(spec, list):
        return tuple([_slices(item) for item in spec])
    return ... if spec == "Ellipsis" else spec

"""FeatureSpace: tables of numbers and texts as vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import optree

from multinet import dtypes, layers
from multinet.configurable import own_arguments
from multinet.drawing import Drawing, is_drawing
from multinet.errors import ArgumentError, unknown_name
from multinet.features import Cross, Feature, Kinds, TFDConcat, TFDIdentity, chosen
from multinet.layers import Layer
from multinet.layers.preprocessing.adapting import Batches
from multinet.layers.preprocessing.feature_normalization import Moments
from multinet.layers.preprocessing.host import on_host
from multinet.layers.preprocessing.hosting import hosted
from multinet.objects.serialization import from_data
from multinet.ops.core import as_tensor
from multinet.saving.model import save_model
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import KerasTensor, is_symbolic
from multinet.typing import Config, Host, Tensors, Tree, Verbose

_KINDS = (
    "float",
    "float_normalized",
    "float_rescaled",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


class FeatureSpace(Kinds, Layer):
    """Turn tables, dicts of columns, into vectors, each column in a way of its own.

    `features` says by name what a column is: "float", "float_normalized",
    "float_rescaled", "float_discretized", "integer_categorical", "string_categorical",
    "integer_hashed", "string_hashed", or what the methods of these names give, with
    options. `crosses` are tuples of names, whose joint values are hashed into
    `crossing_dim` bins. With `output_mode="concat"` all go into one vector, with "dict"
    each has its own.

    `adapt` it on data, then call it on a dict of arrays or of single values; or let a
    model begin with `get_inputs()` and `get_encoded_features()`.

    >>> space = FeatureSpace({"age": "float_normalized", "city": "string_categorical"})
    >>> space.adapt({"age": [31.0, 48.0], "city": ["Oslo", "Rome"]})
    >>> space({"age": [31.0], "city": ["Rome"]}).shape
    (1, 4)
    """

    #: Classes of its files that are no names of the program.
    _in_files = (Cross, Feature, TFDConcat, TFDIdentity)

    def __init__(
        self,
        features: Mapping[str, str | Feature],
        output_mode: str = "concat",
        crosses: Iterable[Sequence[str] | Cross] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ArgumentError("Expected features, a dict of at least one; got none.")
        self.output_mode = chosen(output_mode, ("concat", "dict"))
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {k: self._feature(k, v) for k, v in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.inputs = {
            name: layers.Input(shape=(1,), dtype=feature.dtype, name=name)
            for name, feature in self.features.items()
        }
        self.preprocessors = {k: f.preprocessor for k, f in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name)
            for cross in self.crosses
        }
        self.one_hot_encoders: dict[str, Layer] = {}
        self.concat: Layer | None = None
        self.encoded_features: Tensors | None = None
        self._is_adapted = False
        self.built = False  # until its encoders are made

    _private = frozenset({"inputs", "encoded_features"})
    _unsaved = frozenset({"features", "crosses"})

    def _feature(self, name: str, given: Any) -> Feature:
        if isinstance(given, Mapping):
            given = from_data(given)
        if isinstance(given, Feature):
            return given
        if given not in _KINDS:
            raise unknown_name("kind of feature", given, _KINDS)
        make: Callable[..., Feature] = getattr(self, given)
        if given == "float_discretized":
            return make(num_bins=self.num_discretization_bins, name=name)
        if given.endswith("hashed"):
            return make(self.hashing_dim, name=name)
        return make(name=name)

    def _cross(self, given: Any) -> Cross:
        if isinstance(given, Cross):
            return given
        unknown = [name for name in given if name not in self.features]
        if unknown:
            raise ArgumentError(
                f"crosses name {unknown}, which are not among the features "
                f"{list(self.features)}."
            )
        if not self.crossing_dim:
            raise ArgumentError(
                f"crosses need a crossing_dim above 0, got {self.crossing_dim}."
            )
        return Cross(given, self.crossing_dim)

    # -- adapting ----------------------------------------------------------------------

    def adapt(self, dataset: Tree, verbose: Verbose = "auto") -> None:
        """Adapt the layers that need it on a dict of columns, or on batches of them.

        Batches come from a generator, another iterable or a `Source`; of (x, y) x is
        taken. All layers see each batch in one pass. `verbose` is whether that shows a
        bar.
        """
        names = self._adaptable()
        states = {name: _state(self.preprocessors[name]) for name in names}
        tables = [dataset] if isinstance(dataset, Mapping) else None
        for table in tables or Batches(dataset, None, self.name, verbose):
            if not isinstance(table, Mapping):
                raise ArgumentError(
                    f"{self.name}.adapt expects dicts of columns, got a "
                    f"{type(table).__name__}."
                )
            for name in names:
                states[name].update_state(_column(table[name], name))
        for state in states.values():
            state.finalize_state()
        self._is_adapted = True
        self._build_encoders()

    def _adaptable(self) -> list[str]:
        """Return the names of the features whose layers are to be adapted."""

        def adapts(layer: Any) -> bool:
            preset = getattr(layer, "input_mean", None) is not None
            lookup = getattr(layer, "_lookup_layer", layer)
            known = getattr(lookup, "_has_input_vocabulary", False)
            fixed = isinstance(layer, layers.Discretization) and layer.num_bins is None
            return hasattr(layer, "adapt") and not (preset or known or fixed)

        return [name for name, layer in self.preprocessors.items() if adapts(layer)]

    def _build_encoders(self) -> None:
        """Make the layers behind the preparing ones, and the symbolic features."""
        if self.encoded_features is None:
            self.encoded_features = self._encoded(dict(self.inputs))
            self.built = True

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Return the symbolic inputs of a model, by name, (None, 1) each."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Tensors:
        """Return what a model begins with, given `get_inputs()`."""
        self._check_adapted()
        return self.encoded_features

    def _check_adapted(self) -> None:
        if not self._is_adapted and self._adaptable():
            raise ArgumentError(
                f"{self.name} needs to see data: call adapt before it is used."
            )
        self._is_adapted = True
        self._build_encoders()

    # -- encoding ----------------------------------------------------------------------

    autograph_info__ = None  # see `hosted`

    @hosted
    def __call__(self, data: Tree, **options: Any) -> Tensors:
        """Return the vectors of a dict of columns, or of single values."""
        self._check_adapted()
        if not isinstance(data, Mapping):
            raise ArgumentError(
                f"{self.name} expects a dict of columns, got a {type(data).__name__}."
            )
        found = [data[name] for name in self.features]
        if is_symbolic(found):
            return self._encoded({name: data[name] for name in self.features})
        if any(isinstance(column, SymbolicArray) for column in found):
            return self._on_shapes(dict(data))
        arrays = {name: on_host(data[name], name) for name in self.features}
        single = any(array.ndim == 0 for array in arrays.values())
        columns = {name: _column(array, name) for name, array in arrays.items()}
        with Drawing():
            encoded = self._encoded(columns)

        def given(value: Any) -> Any:
            array = on_host(value, self.name)
            array = array[0] if single and len(array) == 1 else array
            text = dtypes.is_text(array.dtype)
            return array if is_drawing() or text else as_tensor(array)

        return optree.tree_map(given, encoded)

    def _on_shapes(self, data: dict[str, SymbolicArray]) -> Any:
        """Return the shapes and dtypes of the vectors."""
        single = any(data[name].shape == () for name in self.features)

        def column(x: SymbolicArray) -> SymbolicArray:
            shape = x.shape if len(x.shape) > 1 else (*(x.shape or (1,)), 1)
            return SymbolicArray(shape, x.dtype)

        columns = {name: column(data[name]) for name in self.features}
        encoded = self._encoded(columns)
        if not single:
            return encoded
        return optree.tree_map(lambda y: SymbolicArray(y.shape[1:], y.dtype), encoded)

    def _encoded(self, columns: dict[str, Any]) -> Tensors:
        found = {
            name: self.preprocessors[name](columns[name]) for name in self.features
        }
        crossed = {
            cross.name: self.crossers[cross.name](
                [found[n] for n in cross.feature_names]
            )
            for cross in self.crosses
        }
        specs: dict[str, Any] = dict(sorted(self.features.items()))
        specs |= {cross.name: cross for cross in sorted(self.crosses, key=_name)}
        values = {**found, **crossed}
        encoded = {
            name: self._one_hot(name, values[name])
            if spec.output_mode == "one_hot"
            else values[name]
            for name, spec in specs.items()
        }
        return encoded if self.output_mode == "dict" else self._joined(encoded)

    def _one_hot(self, name: str, value: Any) -> Any:
        encoder = self.one_hot_encoders.get(name)
        if encoder is None:
            dtype = dtypes.standardize(value.dtype)
            if not dtypes.is_integer(dtype):
                raise ArgumentError(
                    f"Feature {name!r} has output_mode='one_hot', so its layer must "
                    f"give integers; it gives {dtype}."
                )
            encoder = layers.CategoryEncoding(self._places(name), "multi_hot")
            self.one_hot_encoders[name] = encoder
        return encoder(value)

    def _places(self, name: str) -> int:
        """Return how many integers a feature or a cross has."""
        layer: Any = self.preprocessors.get(name) or self.crossers.get(name)
        if hasattr(layer, "vocabulary_size"):
            return layer.vocabulary_size()
        if isinstance(layer, layers.CategoryEncoding):
            return layer.num_tokens
        if isinstance(layer, layers.Discretization):
            return layer.num_bins or len(layer.bin_boundaries or ()) + 1
        if isinstance(layer, layers.Hashing | layers.HashedCrossing):
            return layer.num_bins
        raise ArgumentError(
            f"Feature {name!r} has output_mode='one_hot', and {type(layer).__name__} "
            "does not tell how many integers it gives. Use output_mode='int'."
        )

    def _joined(self, encoded: dict[str, Any]) -> Any:
        for name, value in encoded.items():
            text = dtypes.is_text(value.dtype)
            if text or dtypes.is_integer(dtypes.standardize(value.dtype)):
                raise ArgumentError(
                    f"Feature {name!r} is not encoded, of dtype {value.dtype}, so it "
                    "cannot be joined with others. Use output_mode='dict'."
                )
        if self.concat is None:
            self.concat = TFDConcat(axis=-1)
        return self.concat(list(encoded.values()))

    # -- configuration and files -------------------------------------------------------

    def get_config(self) -> Config:
        """Return the arguments of the constructor, without the name."""
        config = super().get_config()
        for name in ("name", "trainable", "dtype"):
            config.pop(name)
        return {**config, **_own(self)}

    def get_build_config(self) -> dict[str, Any]:
        """Return what the layers of the features were built for, by name."""
        return {
            name: layer.get_build_config() for name, layer in self.preprocessors.items()
        }

    def build_from_config(self, config: Mapping[str, Any]) -> None:
        """Build the layers of the features; they are adapted by the file."""
        for name, shapes in config.items():
            layer = self.preprocessors.get(name)
            if layer is not None and not layer.built and shapes:
                layer.build_from_config(shapes)
        self._is_adapted = True

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write it, vocabularies and statistics included, to a `.keras` file.

        `saving.load_model` reads it.
        """
        save_model(self, filepath)


class _Normalizing:
    """Statistics for a Normalization, batch by batch."""

    def __init__(self, layer: layers.Normalization) -> None:
        self.layer, self.moments = layer, Moments(layer)

    def update_state(self, batch: Host) -> None:
        """Take those of a batch."""
        self.moments.add(batch)

    def finalize_state(self) -> None:
        """Give them to the layer."""
        self.layer.take(self.moments)


class _Collecting:
    """All batches for a layer that adapts on data at once."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.batches = layer, []

    def update_state(self, batch: Host) -> None:
        """Keep a batch."""
        self.batches.append(batch)

    def finalize_state(self) -> None:
        """Adapt the layer."""
        self.layer.adapt(np.concatenate(self.batches))


def _state(layer: Any) -> Any:
    """Return what takes batches for a layer."""
    if isinstance(layer, layers.Normalization):
        return _Normalizing(layer)
    if not hasattr(layer, "update_state"):
        return _Collecting(layer)
    layer.reset_state()
    return layer


def _column(values: Tree, name: str) -> Host:
    """Return a column as (b, 1), or (b, ...) if it has more axes."""
    array = on_host(values, name)
    return array.reshape(-1, 1) if array.ndim < 2 else array


def _name(cross: Cross) -> str:
    return cross.name


def _own(space: FeatureSpace) -> Config:
    return {k: v for k, v in own_arguments(space).items() if k != "name"}

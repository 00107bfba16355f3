"""JaxLayer: a function of JAX, with its parameters and state, as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Self

import numpy as np
import optree

from multinet import dtypes
from multinet.errors import ArgumentError, BackendError, ShapeError
from multinet.layers import Layer
from multinet.layers.signatures import is_shape
from multinet.objects import custom_object_scope
from multinet.objects.serialization import from_data, to_data
from multinet.ops.core import as_tensor
from multinet.random import SeedGenerator
from multinet.registry import current
from multinet.symbolic.native import shapes_of
from multinet.typing import Config, Numbers, Seed, Shapes, Tensor, Tensors, Tree
from multinet.variables import Variable


class JaxLayer(Layer):
    """Apply a function of JAX: call(inputs) -> call_fn(params, state, ...).

    `call_fn` takes `inputs` and, by these names, in any order, what it needs of
    `params`, `state`, `rng` and `training`; with a `state` it returns (outputs, state).
    `init_fn(rng, inputs, training)` takes what it needs of those, and returns `params`,
    or (params, state); it is called on ones when the layer is built. Without it, or to
    start from them, give the trees `params` and `state`. Their numbers are Variables of
    the layer, floats in the dtype of its policy; other leaves are left as they are.
    `rng` is a key of JAX's from the layer's `seed`, in training only, else None.

    Functions are saved under their names, as registered.

    On TensorFlow the function is converted by jax2tf, for each shape of the inputs and
    for unknown sizes in graphs; `native_serialization_platforms` are those that it is
    compiled for ("cpu", "cuda", "tpu"), by default where it runs.

    >>> JaxLayer(lambda params, inputs: inputs @ params, params=jnp.ones((3, 2)))

    Errors: `BackendError` on another backend than jax and tensorflow, `ArgumentError`
    for a function that takes other arguments.
    """

    _unwritten = frozenset({"call_fn", "init_fn", "params", "state"})
    _private = frozenset({"_conversion"})
    _conversion: Any = None  # the function on TensorFlow

    def __init__(
        self,
        call_fn: Callable[..., Tree],
        init_fn: Callable[..., Tree] | None = None,
        params: Tree | None = None,
        state: Tree | None = None,
        seed: Seed | None = None,
        native_serialization_platforms: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        _check_backend(type(self).__name__)
        super().__init__(**options)
        self.call_fn, self.init_fn, self.seed = call_fn, init_fn, seed
        self.native_serialization_platforms = native_serialization_platforms
        self._call_takes = _names(call_fn, "call_fn", _OF_CALL)
        self._init_takes = _names(init_fn, "init_fn", _OF_INIT) if init_fn else []
        needs = {"params", "state"} & {*self._call_takes}
        if init_fn is None and params is None and state is None and needs:
            raise ArgumentError(
                "init_fn, params and state cannot all be None when call_fn takes "
                f"{' and '.join(sorted(needs))}. Give init_fn, or what it would return."
            )
        takes_keys = "rng" in self._call_takes
        self.seed_generator = SeedGenerator(seed) if takes_keys else None
        self._given = bool(needs) and not (params is None and state is None)
        self.params = self._variables(params, trainable=True)
        self.state = self._variables(state, trainable=False)
        self.built = self._given

    def _variables(self, values: Tree, trainable: bool) -> Tree:
        """Return a tree of JAX's with a Variable for each number."""
        import jax  # not before there is such a layer

        def variable(value: Any) -> Any:
            kinds = (bool, int, float, np.ndarray, np.generic, jax.Array)
            if not isinstance(value, kinds):
                return value
            number = as_tensor(np.asarray(value))
            dtype = current().dtype(number)
            return self.add_weight(
                tuple(current().shape(number)),
                initializer=lambda shape, dtype: as_tensor(number, dtype),
                dtype=None if dtypes.is_float(dtype) else dtype,
                trainable=trainable,
                name="params" if trainable else "state",
            )

        return jax.tree_util.tree_map(variable, values)

    def build(self, input_shape: Shapes) -> None:
        """Call `init_fn` on ones, 1 where a size is not known, if it is needed."""
        if self._given or not {"params", "state"} & {*self._call_takes}:
            return
        import jax  # as above

        def ones(shape: Any) -> Tensor:
            return jax.numpy.ones([n or 1 for n in shape], str(self.compute_dtype))

        with jax.ensure_compile_time_eval():
            inputs = optree.tree_map(ones, input_shape, is_leaf=is_shape)
            rng = jax.tree_util.tree_map(_key, self._get_init_rng())
            known = {"rng": rng, "inputs": inputs, "training": True}
            assert self.init_fn is not None
            made = self.init_fn(*[known[name] for name in self._init_takes])
            params, state = made if "state" in self._call_takes else (made, None)
            self.params = self._variables(params, trainable=True)
            self.state = self._variables(state, trainable=False)

    def _get_init_seed(self) -> Tensor:
        """Return a new key for `init_fn`."""
        return SeedGenerator().next()

    def _get_init_rng(self) -> Tree:
        """Return the `rng` of `init_fn`: a key, or a tree of them in a subclass."""
        return self._get_init_seed()

    def _get_call_seed(self) -> Tensor:
        """Return a new key for `call_fn`."""
        assert self.seed_generator is not None
        return self.seed_generator.next()

    def _get_call_rng(self, training: bool) -> Tree:
        """Return the `rng` of `call_fn`, None for inference."""
        return self._get_call_seed() if training else None

    def call(self, inputs: Tensors, training: bool | None = False) -> Tensors:
        """Return the outputs of `call_fn`, and keep the state that it returns."""
        call, converted = self.call_fn, current().concrete.name != "jax"
        trains = bool(training)
        if not current().symbolic:
            call = self._on_tensorflow() if converted else call
            return self._run_function(call, inputs, trains)
        call = self._on_tensorflow().shapes if converted else call
        return shapes_of(lambda x: self._run_function(call, x, trains), inputs)

    def _on_tensorflow(self) -> Any:
        from multinet_jax_modules.converted import Converted  # it imports TensorFlow

        if self._conversion is None:
            platforms = self.native_serialization_platforms
            options = {"native_serialization_platforms": platforms}
            self._conversion = Converted(self.call_fn, **(options if platforms else {}))
        return self._conversion

    def _run_function(
        self, call: Callable[..., Tree], inputs: Tensors, training: bool
    ) -> Tensors:
        known = {
            "params": lambda: _values(self.params),
            "state": lambda: _values(self.state),
            "rng": lambda: self._get_call_rng(training),
            "inputs": lambda: inputs,
            "training": lambda: training,
        }
        outputs = call(*[known[name]() for name in self._call_takes])
        if "state" not in self._call_takes:
            return outputs
        outputs, new = outputs
        _assign(self.state, new)
        return outputs

    # -- as data -----------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return what `from_config` needs: functions by their names."""
        own = {"call_fn": to_data(self.call_fn), "init_fn": to_data(self.init_fn)}
        return super().get_config() | own

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Return a layer of this configuration, whose functions are registered."""
        given = dict(config)
        with custom_object_scope(custom_objects):
            for name in ("call_fn", "init_fn"):
                if name in given:
                    given[name] = from_data(given[name])
            return super().from_config(given)


_OF_CALL = ("params", "state", "rng", "inputs", "training")
_OF_INIT = ("rng", "inputs", "training")


def _check_backend(layer: str) -> None:
    name = current().concrete.name
    if name not in ("jax", "tensorflow"):
        raise BackendError(
            f"{layer} is a layer for backends jax and tensorflow, and {name!r} is in "
            'use. Make and call it inside `with multinet.use_backend("jax")`.'
        )


def _names(function: Any, label: str, allowed: Collection[str]) -> list[str]:
    """Return the names of the arguments of a function, which must be among some."""
    names = list(inspect.signature(function).parameters)
    if "inputs" not in names:
        raise ArgumentError(
            f"Missing required argument in `{label}`: `inputs`. It takes {names}."
        )
    for name in names:
        if name not in allowed:
            raise ArgumentError(
                f"Unsupported argument in `{label}`: `{name}`, supported arguments are "
                f"{', '.join(allowed)}."
            )
    return names


def _key(words: Tensor) -> Tensor:
    """Return a key of JAX's, made of the tensor of a backend."""
    import jax  # as above

    return jax.numpy.asarray(current().to_numpy(words))


def _values(tree: Tree) -> Tree:
    import jax  # as above

    def value(x: Numbers) -> Numbers:
        return x.__multinet_tensor__() if isinstance(x, Variable) else x

    return jax.tree_util.tree_map(value, tree)


def _assign(state: Tree, new: Tree) -> None:
    """Give the Variables of a state the values of a new one of the same structure."""
    import jax  # as above

    before, after = (jax.tree_util.tree_structure(tree) for tree in (state, new))
    if before != after:
        raise ShapeError(
            f"Expected call_fn to return a state of the structure {before}, as it was "
            f"made, got {after}."
        )
    pairs = zip(jax.tree_util.tree_leaves(state), jax.tree_util.tree_leaves(new))
    for variable, value in pairs:
        if isinstance(variable, Variable):
            variable.assign(value)

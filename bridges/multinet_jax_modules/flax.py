"""FlaxLayer: a module of Flax as a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from multinet.layers.code import described, revived
from multinet.objects import custom_object_scope
from multinet.objects.serialization import from_data, to_data
from multinet.typing import Config, Tensors, Tree
from multinet_jax_modules.layer import JaxLayer

if TYPE_CHECKING:
    from flax import linen


class FlaxLayer(JaxLayer):
    """Apply a `flax.linen.Module`: call(inputs) -> module.apply(variables, inputs).

    `method` is the method to call, `__call__` by default, or a function of the module;
    it takes `inputs`, and `training` if it needs that. `variables` are those to start
    from, else the module's `init` makes them. The collection "params" is trained; the
    others are state, which training changes. `dropout` has keys in training.

    A module is code, which a file does not have: a model with one is loaded with
    `custom_objects={"name of the layer": module}`.

    >>> FlaxLayer(flax.linen.Dense(8))
    """

    _unwritten = frozenset({"module", "method", "variables"})

    def __init__(
        self,
        module: linen.Module,
        method: str | Callable[..., Tensors] | None = None,
        variables: Tree | None = None,
        **options: Any,
    ) -> None:
        self.module, self.method = module, method
        named = getattr(module, method) if isinstance(method, str) else method
        trains = "training" in inspect.signature(named or module.__call__).parameters
        params, state = _parted(variables)
        call_fn, init_fn = self._functions(trains)
        super().__init__(call_fn, init_fn, params, state, **options)

    def _functions(self, trains: bool) -> tuple[Callable[..., Tree], ...]:
        """Return `call_fn` and `init_fn`, which take `training` if the module does."""
        from flax.core.scope import DenyList  # not before there is a module

        module, method = self.module, self.method

        def apply(
            params: Tree, state: Tree, rng: Tree, inputs: Tensors, **options: bool
        ) -> Tree:
            variables = {**params, **state}
            mutable = DenyList(["params"])
            return module.apply(
                variables, inputs, rngs=rng, method=method, mutable=mutable, **options
            )

        def init(rng: Tree, inputs: Tensors, **options: bool) -> Tree:
            return _parted(module.init(rng, inputs, method=method, **options))

        def apply_training(
            params: Tree, state: Tree, rng: Tree, inputs: Tensors, training: bool
        ) -> Tree:
            return apply(params, state, rng, inputs, training=training)

        def init_training(rng: Tree, inputs: Tensors, training: bool) -> Tree:
            return init(rng, inputs, training=training)

        def apply_always(params: Tree, state: Tree, rng: Tree, inputs: Tensors) -> Tree:
            return apply(params, state, rng, inputs)

        def init_always(rng: Tree, inputs: Tensors) -> Tree:
            return init(rng, inputs)

        if trains:
            return apply_training, init_training
        return apply_always, init_always

    def _get_init_rng(self) -> Tree:
        return {"params": self._get_init_seed(), "dropout": self._get_init_seed()}

    def _get_call_rng(self, training: bool) -> Tree:
        return {"dropout": self._get_call_seed()} if training else {}

    # -- as data -----------------------------------------------------------------------

    def get_config(self) -> Config:
        """Return what `from_config` needs; the module itself in this process only."""
        config = super().get_config()
        del config["call_fn"], config["init_fn"]  # they come from the module
        method = self.method
        if getattr(method, "__self__", None) is self.module:
            method = method.__name__  # type: ignore[union-attr]
        module = described(self.module, self.name)
        return config | {"module": module, "method": to_data(method)}

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Return a layer of this configuration, around a copy of the module.

        That of a file is looked up by the name of the layer, among `custom_objects`.
        """
        given = dict(config)
        with custom_object_scope(custom_objects):
            name = config.get("name", "")
            given["module"] = revived(given.get("module"), name, _base)
            given["method"] = from_data(given.get("method"))
            return super().from_config(given)


def _base() -> type:
    from flax import linen  # for a module that the program has made known

    return linen.Module


def _parted(variables: Tree) -> tuple[Tree, Tree]:
    """Return the variables that are trained, and all others."""
    if variables is None:
        return None, None
    trained = {k: v for k, v in variables.items() if k == "params"}
    return trained, {k: v for k, v in variables.items() if k != "params"}

"""TorchModuleWrapper: a module of PyTorch as a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import optree

from multinet import ops
from multinet.calls import Within
from multinet.errors import ArgumentError, BackendError, ShapeError
from multinet.layers import Layer
from multinet.layers.code import described, revived
from multinet.objects import custom_object_scope
from multinet.registry import current
from multinet.symbolic.dims import Dim
from multinet.symbolic.native import shapes_of
from multinet.symbolic.spec import SymbolicArray
from multinet.typing import Config, Host, Shapes, Tensor, Tensors, Tree
from multinet.variables import Variable

if TYPE_CHECKING:
    from torch import nn


class TorchModuleWrapper(Layer):
    """Apply a `torch.nn.Module`: call(*args) -> module(*args), on backend torch.

    The module's parameters and buffers are Variables of the layer, in the dtypes that
    they have, and the same memory: what trains one trains the other. With
    `training=False` the module is in its mode for inference, else in that for training.
    `output_shape` is that of the outputs with the batch, None where a size is not
    known; without it the module is run on zeros. Random numbers are PyTorch's own.

    A module is code, which a file does not have. A model with one is saved, and loaded
    with `custom_objects={"name of the layer": module}`, which then gets the values of
    the file. A class with `get_config` that is registered is written and read.

    >>> TorchModuleWrapper(torch.nn.Linear(4, 8))

    Errors: `BackendError` on another backend, `ArgumentError` for a lazy module that
    has no parameters yet: call it once before.
    """

    _unwritten = frozenset({"module", "output_shape"})
    _private = frozenset({"_in_module"})

    def __init__(
        self,
        module: nn.Module,
        name: str | None = None,
        output_shape: Sequence[int | None] | None = None,
        **options: Any,
    ) -> None:
        if current().concrete.name != "torch":
            raise BackendError(
                "TorchModuleWrapper is a layer for backend torch, and "
                f"{current().concrete.name!r} is in use. Make and call it inside `with "
                'multinet.use_backend("torch")`.'
            )
        super().__init__(name=name, **options)
        _check(module)
        self.module = module.to(ops.zeros(()).device)
        self.output_shape = output_shape
        self.tensors = self._variables()
        self.built = True

    def _variables(self) -> dict[str, Variable]:
        """Return a Variable for each parameter and buffer, by its first name."""
        from multinet_torch_modules import homes  # which imports PyTorch

        made: dict[int, Variable] = {}
        found = {}
        for place in homes.places(self.module):
            tensor = place.tensor
            if id(tensor) in made:
                continue
            with Within(self):
                variable = made[id(tensor)] = found[place.name] = Variable(
                    tensor.detach(),
                    trainable=place.trained and tensor.requires_grad,
                    autocast=place.trained,
                    name=place.name,
                )
            variable.move_in(homes.TensorHome(tensor))
        return found

    def __setstate__(self, state: Tree) -> None:
        """Take what a copy or a pickle has kept: Variables live in the new module."""
        from multinet_torch_modules import homes  # which imports PyTorch

        super().__setstate__(state)
        for place in homes.places(self.module):
            if place.name in self.tensors:
                self.tensors[place.name].move_in(homes.TensorHome(place.tensor))

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Return the parameters of the module."""
        return self.module.parameters(recurse=recurse)

    # -- computing ---------------------------------------------------------------------

    def call(
        self, *args: Tensors, training: bool | None = None, **kwargs: Tensors
    ) -> Tensors:
        """Return module(*args, **kwargs)."""

        def run(*args: Tensors, **kwargs: Tensors) -> Tensors:
            return self._run_module(args, kwargs, training is not False)

        if not current().symbolic:
            return run(*args, **kwargs)
        if self.output_shape is not None:
            first = optree.tree_leaves((args, kwargs))[0]  # type: ignore[arg-type]
            batch, *others = self.output_shape
            sizes = [Dim() if n is None else n for n in others]
            batch = first.shape[0] if batch is None else batch
            return SymbolicArray((batch, *sizes), self.compute_dtype)
        return shapes_of(run, *args, **kwargs)

    def _run_module(
        self, args: Sequence[Tensors], kwargs: Mapping[str, Tensors], training: bool
    ) -> Tensors:
        from multinet_torch_modules import homes  # which imports PyTorch

        where, variables = self._both()
        values = [variable.__multinet_tensor__() for variable in variables]
        if training:  # buffers are changed in place
            memo = {id(v): v.clone() for v, p in zip(values, where) if not p.trained}
            values = [memo.get(id(value), value) for value in values]
        with homes.swapped(where, values):
            self.module.train(training)
            outputs = self.module(*args, **kwargs)
            new = [place.tensor for place in where]
        if training:
            for place, variable, value in zip(where, variables, new):
                if not place.trained:
                    variable.assign(value.detach())
        return outputs

    def _both(self) -> tuple[list[Any], list[Variable]]:
        """Return the places in the module, and the Variable of each."""
        from multinet_torch_modules import homes  # which imports PyTorch

        found = vars(self).get("_in_module")
        if found is None:
            where = homes.places(self.module)
            first: dict[int, Variable] = {}
            for place in where:
                if place.name in self.tensors:
                    first[id(place.tensor)] = self.tensors[place.name]
            found = where, [first[id(place.tensor)] for place in where]
            vars(self)["_in_module"] = found
        return found

    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return `output_shape`, or what the module makes of zeros of this shape."""
        if self.output_shape is None:
            return super().compute_output_shape(input_shape)
        return self.output_shape

    # -- as data -----------------------------------------------------------------------

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put what `state_dict` has into a file, under its names."""
        where, variables = self._both()
        for place, variable in zip(where, variables):
            store[place.name] = variable

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take what `save_own_variables` has written; all names must be there."""
        where, variables = self._both()
        names = [place.name for place in where]
        if sorted(store) != sorted(names):
            raise ShapeError(
                f"{self.name} expects tensors of the names {names}, got "
                f"{sorted(store)}. Is it the same module?"
            )
        for name, variable in zip(names, variables):
            variable.assign(store[name])

    def get_config(self) -> Config:
        """Return what `from_config` needs; the module itself in this process only."""
        own = {"module": described(self.module, self.name)}
        return super().get_config() | own | {"output_shape": self.output_shape}

    @classmethod
    def from_config(
        cls,
        config: Config,
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """Return a layer of this configuration, around a copy of the module.

        That of a file is looked up by the name of the layer, among `custom_objects`:
        a module, or a function that makes one. Code is not run with `safe_mode=False`
        either.
        """
        given = dict(config)
        with custom_object_scope(custom_objects):
            name = config.get("name", "")
            given["module"] = revived(given.get("module"), name, _base)
            return super().from_config(given)


def _base() -> type:
    from torch import nn  # for a module that the program has made known

    return nn.Module


def _check(module: Any) -> None:
    from torch import nn  # now, since there is a module of it
    from torch.nn.modules.lazy import LazyModuleMixin  # with it

    if not isinstance(module, nn.Module):
        raise ArgumentError(
            f"TorchModuleWrapper expects a torch.nn.Module, got {module!r}."
        )
    parts: list[Any] = [m for m in module.modules() if isinstance(m, LazyModuleMixin)]
    if any(part.has_uninitialized_params() for part in parts):
        raise ArgumentError(
            "LazyModules are not supported unless they are already initialized, got "
            f"{module!r}. Call the module once on data, then wrap it."
        )

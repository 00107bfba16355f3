"""Layer: building by shape, calling, losses, and what Keras code expects of it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import optree

from multinet import absent, regularizers
from multinet.calls import CallContext, Within, active
from multinet.checks import shown
from multinet.errors import (
    ArgumentError,
    MultinetError,
    ShapeError,
    Unwritten,
    WrongType,
    near,
)
from multinet.functional import stateless_call
from multinet.layers import families, input_spec, natively
from multinet.layers.configured import Configured
from multinet.layers.context import keep_masks, loose
from multinet.layers.converting import Converting
from multinet.layers.parameters import Parameters
from multinet.layers.passing import (
    asks,
    give_masks,
    keep_symbolic,
    mask_outputs,
    mask_tensor,
    symbolic_masks,
)
from multinet.layers.penalties import Penalized
from multinet.layers.policy import casting
from multinet.layers.signatures import (
    Signature,
    check_build,
    check_given,
    explain,
    is_shape,
    methods_of,
    shapes_of,
    signature_of,
    takes,
)
from multinet.layers.tracking import warn_of_strangers
from multinet.names import is_ours, snake_case, unique_name
from multinet.operation import Operation, writes_spec
from multinet.registry import current, use_backend
from multinet.rematerialization import current_scope
from multinet.scope import active_scope, loose_draws
from multinet.streams import Entry
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import (
    KerasTensor,
    adopted,
    array_of,
    is_symbolic,
    record,
    shadowing,
    symbolic_array,
)
from multinet.tracebacks import shorten, shortening
from multinet.typing import PolicyLike, RegularizerLike, Shapes, Tensor, Tensors, Tree
from multinet.variables import Variable


@absent.watch
class Layer(Configured, Penalized, Parameters, Converting, Operation):
    """A function of tensors with weights.

    Subclasses create weights in `build(input_shape)` with `add_weight` and compute in
    `call(inputs, training=...)` with `multinet.ops`. Variables, layers and metrics are
    found wherever they are attributes, in lists and dicts too.

    Every layer takes `name`, `trainable` and `dtype`, a dtype or a policy, and
    `activity_regularizer`, of its outputs. Those with weights take for each a
    `*_initializer`, a `*_regularizer` and a `*_constraint`, by name or as objects, most
    `use_bias`, and an `activation` by name or as a function.

    >>> class Scale(layers.Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(input_shape[-1:], "ones")
    ...     def call(self, inputs):
    ...         return ops.multiply(inputs, self.factor)
    >>> Scale()(np.array([1.0, 2.0]))
    array([1., 2.], dtype=float32)
    """

    #: Whose options the constructor takes: ("kernel",) for kernel_initializer,
    #: kernel_regularizer and kernel_constraint.
    families: ClassVar[tuple[str, ...]] = ()
    #: Whether there is nothing to build, unless a subclass writes `build`.
    _weightless: ClassVar[bool] = False
    #: Whether `call` was seen to use functions of the framework.
    _is_native = False
    _spec: Signature
    _input_spec: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _marking_built(cls.build)
        elif is_ours(cls) and not cls._is_model:
            cls._weightless = cls._weightless or cls.build is Layer.build
        families.resolve(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Read what the methods take: of a class's first layer, or put there since."""
        if cls._spec.methods != methods_of(cls):
            cls._spec = signature_of(cls, Layer)
        return super().__new__(cls)

    def __init__(
        self,
        *,
        activity_regularizer: RegularizerLike | None = None,
        trainable: bool = True,
        dtype: PolicyLike | None = None,
        autocast: bool = True,
        name: str | None = None,
        **options: Any,
    ) -> None:
        shape = options.pop("input_shape", None)
        if "input_dim" in options:
            shape = (options.pop("input_dim"),)
        self._input_shape_hint = None if shape is None else tuple(shape)
        if options:
            known = takes(type(self), Layer)
            raise ArgumentError(
                f"{type(self).__name__} got unknown arguments {sorted(options)}."
                f"{near(min(options), known)} It takes {', '.join(known)}."
            )
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ArgumentError(
                f"Expected name to be a string without '/', got {name!r}."
            )
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        if not isinstance(trainable, bool):
            raise ArgumentError(f"Expected trainable to be a bool, got {trainable!r}.")
        self.autocast = autocast
        self.dtype_policy = dtype
        self._trainable = trainable
        self.supports_masking = self._spec.masks
        remat = current_scope()
        if remat is not None:
            self._remat = remat
        if self._weightless and type(self).build is Layer.build:
            self.built = True

    # -- building and calling ----------------------------------------------------------

    def build(self, input_shape: Shapes) -> None:
        """Create the weights for inputs of a shape, `None` where a size is unknown."""
        self.built = True

    def add_family(self, family: str, shape: Sequence[int], **options: Any) -> Variable:
        """Create and return the weight of a family, with the constructor's options.

        `options` are those of `add_weight`, and go before the constructor's.
        """
        own = families.weight_options(self, family)
        return self.add_weight(shape, **{"name": family, **own, **options})

    def call(self, *args: Any, **kwargs: Any) -> Tensors:
        """Compute the outputs; subclasses write it."""
        raise Unwritten(f"{type(self).__name__} must define call(self, inputs).")

    def __call__(self, *args: Any, **kwargs: Any) -> Tensors:
        """Build if needed, and compute: on tensors, host arrays, or KerasTensors."""
        try:
            given = args
            # Nearly always there is one tensor, of the dtype of the computation.
            first = args[0] if len(args) == 1 and not kwargs else None
            if current().common_dtype(first, first) != self._compute_dtype:
                for value in (*args, *kwargs.values()):
                    kind = type(value)
                    if kind is KerasTensor or (
                        kind in (list, tuple, dict) and is_symbolic(value)
                    ):
                        return self._call_symbolic(args, kwargs)
                args, kwargs = self._converted(args, kwargs)
            if self._input_spec is not None:
                self._check_inputs(args, kwargs)
            if not self.built:
                self._build(args, kwargs)
            elif self._first_shapes is None:
                self._first_shapes = shapes_of(args, kwargs)
            context = active.get()
            if context is not None:
                return self._run(context, args, kwargs)
            if self._is_model and current().native.records(*given):
                self._record()
            context = CallContext()
            token = active.set(context)  # what `with context` does, in half the time
            try:
                outputs = self._run(context, args, kwargs)
            finally:
                active.reset(token)
            # Past the watch over attributes, which an outermost call would pay for.
            self.__dict__["_added_losses"] = context.losses
            scope = active_scope()
            if scope is not None:  # they may be tensors of a trace, dead when that ends
                scope.at_end(self._forget_losses)
                scope.collect(context.losses)
            if context.masks:
                keep_masks(context, outputs)
            return outputs
        except Exception as error:
            shorten(error)
            raise

    def _run(self, context: CallContext, args: Any, kwargs: dict[str, Any]) -> Any:
        spec, outer = self._spec, context.training
        place = spec.training
        if place is None:
            given = kwargs.pop("training", None) if kwargs else None
        elif len(args) > place:
            given = args[place]
            if given is None:
                args = args[:place] + (outer,) + args[place + 1 :]
        else:
            given = kwargs.get("training")
            if given is None and outer is not None:
                kwargs["training"] = outer
        if given is not None:
            if type(given) is str:
                raise WrongType(
                    f"Expected training to be True, False or None, got {given!r}."
                )
            context.training = bool(given)
        mask = None
        if context.masks or loose or (spec.mask and asks(args, kwargs)):
            args, kwargs, mask = give_masks(self, args, kwargs)
        scope, draws = active_scope(), None
        if scope is not None:
            scope.use(self)
            if scope.stream is not None and current().symbolic:
                draws = Entry(scope.stream)
        context.path.append(self)
        call, before = self.call, (len(context.losses), draws)
        if self._remat is not None:
            call = self.rematerialized_call(call, *args, **kwargs)
        try:
            if self._mixed or context.casts is not None:
                with casting(self):
                    outputs = call(*args, **kwargs)
            else:
                outputs = call(*args, **kwargs)
        except Exception as error:
            if isinstance(error, MultinetError):
                explain(error, self, args)
            outputs = natively.on_numbers(self, error, context, (args, kwargs), before)
        finally:
            context.path.pop()
            context.training = outer
        if mask is not None or (spec.masks and self.supports_masking):
            first = args[0] if args else kwargs.get(spec.call[0])
            mask_outputs(self, first, mask, outputs)
        if self.activity_regularizer is not None:
            self._penalize(context, outputs)
        return outputs

    # -- what the inputs must be -------------------------------------------------------

    @property
    def input_spec(self) -> Tree:
        """What a call expects: an `InputSpec`, a tree of them, or None."""
        return self._input_spec

    @input_spec.setter
    def input_spec(self, value: Tree) -> None:
        self._input_spec = value
        self._mark.edited("input_spec")

    def _check_inputs(self, args: Any, kwargs: dict[str, Any]) -> None:
        given = args[0] if args else next(iter(kwargs.values()), None)
        input_spec.check(self._input_spec, given, f"layer {self.name!r}")

    # -- masks -------------------------------------------------------------------------

    def compute_mask(
        self, inputs: Tensors, previous_mask: Tensors | None
    ) -> Tensors | None:
        """Return the mask of the outputs, a list for several; by default the inputs'.

        Both arguments are of the first that `call` got: of a list of tensors, a list.
        Called if `supports_masking`, which a class that overrides this has from the
        start. A mask is bool, shaped as a tensor's first axes.
        """
        return previous_mask

    def _mask_of_output(self, output: KerasTensor) -> KerasTensor:
        return mask_tensor(self, output)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Tensors:
        """Return the symbolic outputs for symbolic inputs; the graph has the call."""
        return self._call_symbolic(args, kwargs)

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        if writes_spec(type(self)) and self._built_for(args, kwargs):
            with contextlib.suppress(NotImplementedError):  # it does not say, after all
                outputs = self.compute_output_spec(*args, **kwargs)
                return adopted(self, outputs, args, kwargs)
        outermost = active.get() is None
        with symbolic_masks((args, kwargs)) as context:
            outputs = record(self, self.__call__, args, kwargs)
            keep_symbolic(outputs)
        if outermost:
            self.__dict__["_added_losses"] = context.losses
        return outputs

    def _built_for(self, args: Any, kwargs: dict[str, Any]) -> bool:
        """Build the layer; return whether nothing is left for `call` to build."""
        if not self.built:
            arrays: Any = optree.tree_map(array_of, (args, kwargs))  # type: ignore[arg-type]
            with shadowing():
                self._build(*arrays)
        return all(layer.built for layer in self._flatten_layers())

    def _build(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        backend = current()
        named = dict(zip(self._spec.call, args)) | kwargs
        parameters = self._spec.build
        warn_of_strangers(self)
        shapes = self._first_shapes = shapes_of(args, kwargs)
        given: dict[str, Any] = {}
        check_build(self, self._spec)
        if shapes is None and is_ours(type(self)):
            raise ShapeError(
                f"{self.name} expects a tensor of one axis or more, got "
                f"{', '.join(map(shown, args)) or 'none'}."
            )
        if len(parameters) > 1 and all(p.endswith("_shape") for p in parameters):
            trees = {p: named.get(p.removesuffix("_shape")) for p in parameters}
            check_given(self, trees)
            given = {p: shapes_of((tree,), {}) for p, tree in trees.items()}
        concrete = backend.concrete
        with use_backend.scoped(concrete), concrete.native.outside(), loose_draws():
            self.build(**given) if given else self.build(shapes)
        self.built = True

    # -- shapes ------------------------------------------------------------------------

    @shortening
    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Tensors:
        """Return symbolic outputs for symbolic inputs, by a run on shapes."""
        return record(self, self.__call__, args, kwargs, keep=False)

    @shortening
    def compute_output_shape(self, input_shape: Shapes) -> Shapes:
        """Return the output shape for an input shape, or trees of them."""
        return self._output_shape(input_shape)

    def _output_shape(self, *input_shapes: Any) -> Any:
        def spec(shape: Any) -> Any:
            if not isinstance(shape, list | tuple):
                raise WrongType(
                    f"Expected a shape such as (None, 3), got {shown(shape)}."
                )
            return symbolic_array(tuple(shape), self.input_dtype)

        arrays = [optree.tree_map(spec, s, is_leaf=is_shape) for s in input_shapes]
        with shadowing():
            outputs = self(*arrays)
        return optree.tree_map(lambda array: public_shape(array.shape), outputs)

    @shortening
    def stateless_call(
        self,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Return the outputs and new non-trainable values for given values of both.

        A pure function: lists of values in the order of the properties of those names
        take the place of the Variables, which stay as they are. With `return_losses`
        the losses come third.

        >>> y, state = layer.stateless_call(trainable, non_trainable, x)
        """
        return stateless_call(
            self,
            trainable_variables,
            non_trainable_variables,
            *args,
            return_losses=return_losses,
            **kwargs,
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


Layer._spec = signature_of(Layer, Layer)


def _marking_built(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `build` that also marks the layer built, when called directly too."""

    @functools.wraps(build)
    def marking(self: Layer, *args: Any, **kwargs: Any) -> None:
        own = vars(self)
        outermost = not own.get("_is_building")
        own["_is_building"] = True
        try:
            with Within(self):
                self._find_policy()
                build(self, *args, **kwargs)
        except Exception as error:
            shorten(error)
            raise
        finally:
            if outermost:
                del own["_is_building"]
        self.built = True
        names = self._spec.build  # of the outermost build, which ends last
        shapes = dict(zip(names, args)) | kwargs
        given = {name: shape for name, shape in shapes.items() if shape is not None}
        own["_build_shapes"] = given

    return marking

"""The checks of a layer: built, symbolic, eager, trained, in half precision."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .devices import uses_gpu
from .parts import backend_name, space
from .places import target
from .shapes import create_eager_tensors, create_keras_tensors, is_shape, map_shapes

_COUNTS = ("trainable_weights", "non_trainable_weights", "non_trainable_variables")


@dataclass
class LayerCheck:
    """A layer, its inputs, and what is expected of it; the fields are arguments."""

    case: Any
    layer_cls: Any
    init_kwargs: dict[str, Any]
    input_shape: Any = None
    input_dtype: Any = None
    input_sparse: bool = False
    input_ragged: bool = False
    input_data: Any = None
    call_kwargs: Any = None
    expected_output_shape: Any = None
    expected_output_dtype: Any = None
    expected_output_sparse: bool = False
    expected_output_ragged: bool = False
    expected_output: Any = None
    expected_num_trainable_weights: int | None = None
    expected_num_non_trainable_weights: int | None = None
    expected_num_non_trainable_variables: int | None = None
    expected_num_seed_generators: int | None = None
    expected_num_losses: int | None = None
    supports_masking: bool | None = None
    expected_mask_shape: Any = None
    custom_objects: Any = None
    run_training_check: bool = True
    run_mixed_precision_check: bool = True
    assert_built_after_instantiation: bool = False
    tpu_atol: float | None = None
    tpu_rtol: float | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Check everything."""
        self.call_kwargs = dict(self.call_kwargs or {})
        has_input = self.input_data is not None or self.input_shape is not None
        if has_input:
            self._prepare()
        layer = self._make()
        self.case.run_class_serialization_test(layer, self.custom_objects)
        if self.supports_masking is not None:
            self.case.assertEqual(layer.supports_masking, self.supports_masking)
        if not has_input:
            return
        self._check_build()
        symbolic = self._symbolic()
        self._check_symbolic(symbolic)
        if self.assert_built_after_instantiation:
            self._check_built_from_the_start()
        layer = self._make()
        out = self._apply(layer, self.input_data, **self.call_kwargs)
        self._check_output(layer, out, eager=True)
        if self.run_training_check and backend_name() != "numpy":
            self._train_once(layer, out)
        on_cpu_torch = backend_name() == "torch" and not uses_gpu()
        if self.run_mixed_precision_check and not on_cpu_torch:
            self._check_half_precision(symbolic)

    def _make(self, **extra: Any) -> Any:
        return self.layer_cls(**{**self.init_kwargs, **extra})

    def _apply(self, function: Callable[..., Any], inputs: Any, **extra: Any) -> Any:
        if isinstance(inputs, dict):
            return function(**inputs, **extra)
        return function(inputs, **extra)

    def _prepare(self) -> None:
        """Make the inputs; what a called layer holds, a built one must hold too."""
        if self.input_shape is not None and self.input_dtype is None:
            self.input_dtype = map_shapes(lambda shape: "float32", self.input_shape)
        if self.input_data is None:
            self.input_data = create_eager_tensors(
                self.input_shape, self.input_dtype, self.input_sparse, self.input_ragged
            )
        probe = self._make()
        self._apply(probe, self.input_data, **self.call_kwargs)
        for name in _COUNTS:
            expected = getattr(self, f"expected_num_{name}")
            found = len(getattr(probe, name))
            self.counts[name] = found if expected is None else expected

    def _symbolic(self) -> Any:
        flags = self.input_sparse, self.input_ragged
        if self.input_shape is not None:
            return create_keras_tensors(self.input_shape, self.input_dtype, *flags)

        def one(x: Any) -> Any:
            dtype = space("backend").standardize_dtype(x.dtype)
            return create_keras_tensors(tuple(space("ops").shape(x)), dtype, *flags)

        return space("tree").map_structure(one, self.input_data)

    def _check_build(self) -> None:
        shape = self.input_shape
        if shape is None:
            shape_of = space("ops").shape
            shape = space("tree").map_structure(
                lambda x: tuple(shape_of(x)), self.input_data
            )
        layer = self._make()
        self._apply(layer.build, shape)
        self._check_built(layer)

    def _check_built(self, layer: Any) -> None:
        self.case.assertTrue(layer.built)
        for name, expected in self.counts.items():
            held = getattr(layer, name)
            self.case.assertLen(held, expected, msg=f"number of {name}")
        if self.expected_num_seed_generators is not None:
            # States of seeds are the variables that are no weights, in these tests.
            seeds = len(layer.non_trainable_variables) - len(
                layer.non_trainable_weights
            )
            expected = self.expected_num_seed_generators
            self.case.assertEqual(seeds, expected, msg="number of seed generators")

    def _check_symbolic(self, symbolic: Any) -> None:
        layer = self._make()
        out = self._apply(layer, symbolic, **self.call_kwargs)
        self._check_built(layer)
        self._check_output(layer, out, eager=False)
        if self.expected_mask_shape is not None:
            mask = layer.compute_mask(symbolic)
            self.case.assertEqual(tuple(self.expected_mask_shape), tuple(mask.shape))

    def _check_built_from_the_start(self) -> None:
        self.case.assertTrue(self._make().built)

        class WithBuild(self.layer_cls):
            def build(self, *args: Any, **kwargs: Any) -> None:
                pass

        self.case.assertFalse(WithBuild(**self.init_kwargs).built)

    def _check_output(self, layer: Any, output: Any, eager: bool) -> None:
        flatten = space("tree").flatten
        standard = space("backend").standardize_dtype
        if self.expected_output_shape is not None:
            self._check_shape(self.expected_output_shape, output)
        if self.expected_output_dtype is not None:
            want = flatten(self.expected_output_dtype)
            got = [standard(x.dtype) for x in flatten(output)]
            self.case.assertEqual(list(want), got, "output dtype")
        for x in flatten(output):
            if self.expected_output_sparse:
                self.case.assertSparse(x)
            if self.expected_output_ragged:
                self.case.assertRagged(x)
        if eager and self.expected_output is not None:
            want, got = flatten(self.expected_output), flatten(output)
            self.case.assertEqual(len(want), len(got))
            for w, g in zip(want, got):
                self.case.assertAllClose(g, w, msg="output value")
        if eager and self.expected_num_losses is not None:
            self.case.assertLen(layer.losses, self.expected_num_losses)

    def _check_shape(self, shape: Any, out: Any) -> None:
        if isinstance(shape, dict):
            for key in shape:
                self._check_shape(shape[key], out[key])
        elif not is_shape(shape):
            self.case.assertEqual(len(shape), len(out))
            for inner, x in zip(shape, out):
                self._check_shape(inner, x)
        else:
            fits = len(shape) == len(out.shape) and all(
                size is None or size == got for size, got in zip(shape, out.shape)
            )
            said = f"output shape {tuple(out.shape)}, expected {shape}"
            self.case.assertTrue(fits, said)

    def _check_half_precision(self, symbolic: Any) -> None:
        tree, backend = space("tree"), space("backend")
        layer = self._make(dtype="mixed_float16")
        out = self._apply(layer, self.input_data, **self.call_kwargs)

        def cast(x: Any) -> Any:
            dtype = backend.standardize_dtype(x.dtype)
            if layer.autocast and backend.is_float_dtype(dtype):
                dtype = layer.compute_dtype
            return target().KerasTensor(x.shape, dtype=dtype)

        inputs = tree.map_structure(cast, symbolic)
        said = self._apply(layer.compute_output_spec, inputs)
        for x, spec in zip(tree.flatten(out), tree.flatten(said)):
            dtypes = backend.standardize_dtype(x.dtype), spec.dtype
            self.case.assertEqual(dtypes[0], backend.standardize_dtype(dtypes[1]))
        for weight in layer.weights:
            dtype = backend.standardize_dtype(weight.dtype)
            if backend.is_float_dtype(dtype):
                self.case.assertEqual(dtype, "float32")

    def _train_once(self, layer: Any, outputs: Any) -> None:
        ops = space("ops")

        class OneLayer(target().Model):
            def __init__(self, inner: Any):
                super().__init__()
                self.inner = inner

            def call(self, x: Any, training: bool = False) -> Any:
                return self.inner(x, training=training)

        class SumLoss(target().Loss):
            def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None):
                return ops.sum(y_pred)

        data = (self.input_data, outputs)
        if backend_name() == "torch":
            data = space("tree").map_structure(ops.convert_to_numpy, data)
        plain = backend_name() == "tensorflow" and self.input_sparse
        model = OneLayer(layer)
        compiled = False if plain else "auto"
        model.compile(optimizer="sgd", loss=SumLoss(), jit_compile=compiled)
        model.fit(_endlessly(data), steps_per_epoch=1, verbose=0)


def _endlessly(data: Any) -> Iterator[Any]:
    while True:
        yield data

"""The base class of the tests: assertions on public API alone."""

import contextlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
from absl.testing import parameterized

from .. import settings
from .layer_check import LayerCheck
from .parts import backend_name, space
from .places import namespace, target
from .texts import dumps, loads

# Errors of the running test whose words are not Keras's: words are not public API.
OTHER_WORDS: list[str] = []


class _Raised:
    """What `with assertRaisesRegex(...) as raised` gives."""

    exception: BaseException | None = None


class TestCase(parameterized.TestCase):
    """A test of Keras's, on the package under test."""

    maxDiff = None

    def setUp(self):
        """Forget the names of the test before."""
        super().setUp()
        clear = getattr(namespace("utils"), "clear_session", None)
        clear = clear or getattr(namespace("backend"), "clear_session", None)
        if clear is not None:
            clear(free_memory=False)
        whole = getattr(namespace("config"), "disable_traceback_filtering", None)
        if whole is not None:
            whole()

    @contextlib.contextmanager
    def _raises_type(self, kind: Any, pattern: str) -> Iterator[_Raised]:
        raised = _Raised()
        with super().assertRaises(kind) as context:
            yield raised
        raised.exception = context.exception
        if not re.search(pattern, str(context.exception)):
            OTHER_WORDS.append(str(context.exception)[:200])

    def assertRaisesRegex(
        self, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Check the class of an error, and its words where a run is strict."""
        if settings.strict():
            check = super().assertRaisesRegex
            return check(expected_exception, expected_regex, *args, **kwargs)
        kwargs.pop("msg", None)
        context = self._raises_type(expected_exception, expected_regex)
        if not args:
            return context
        with context:
            args[0](*args[1:], **kwargs)

    def assertRaisesWithLiteralMatch(
        self, kind: Any, text: str, *args: Any, **kwargs: Any
    ) -> Any:
        """Check an error and its words, letter for letter."""
        return self.assertRaisesRegex(kind, re.escape(text), *args, **kwargs)

    def get_temp_dir(self) -> str:
        """Return a folder that goes with the test."""
        path = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def convert_to_numpy(self, x: Any) -> Any:
        """Return the values of a tensor, a Variable or anything."""
        known = isinstance(x, target().Variable) or space("ops").is_tensor(x)
        if known and not isinstance(x, np.ndarray):
            return space("ops").convert_to_numpy(x)
        return x if isinstance(x, np.ndarray) else np.array(x)

    def assertAllClose(
        self,
        actual: Any,
        desired: Any,
        atol: float = 1e-6,
        rtol: float = 1e-6,
        tpu_atol: float | None = None,
        tpu_rtol: float | None = None,
        msg: str | None = None,
    ) -> None:
        """Check values to a tolerance."""
        pair = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_allclose(*pair, atol=atol, rtol=rtol, err_msg=msg or "")

    def assertNotAllClose(
        self,
        x1: Any,
        x2: Any,
        atol: float = 1e-6,
        rtol: float = 1e-6,
        msg: str | None = None,
    ) -> None:
        """Check that some value differs."""
        try:
            self.assertAllClose(x1, x2, atol=atol, rtol=rtol)
        except AssertionError:
            return
        self.fail(msg or "values are close everywhere")

    def assertAlmostEqual(  # type: ignore[override]
        self,
        actual: Any,
        desired: Any,
        decimal: int = 3,
        tpu_decimal: int | None = None,
        msg: str | None = None,
    ) -> None:
        """Check values to a number of decimals."""
        pair = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_almost_equal(*pair, decimal=decimal, err_msg=msg or "")

    def assertAllEqual(self, actual: Any, desired: Any, msg: str | None = None) -> None:
        """Check that all values are equal."""
        pair = self.convert_to_numpy(actual), self.convert_to_numpy(desired)
        np.testing.assert_array_equal(*pair, err_msg=msg or "")

    def assertLen(
        self, container: Any, expected_len: int, msg: str | None = None
    ) -> None:
        """Check a length."""
        self.assertEqual(len(container), expected_len, msg=msg)

    def assertDType(self, x: Any, dtype: Any, msg: str | None = None) -> None:
        """Check the dtype of a tensor, or the class of a number."""
        standard = space("backend").standardize_dtype
        got = standard(x.dtype) if hasattr(x, "dtype") else standard(type(x))
        self.assertEqual(got, standard(dtype), msg=msg)

    def _assert_kind(self, x: Any, flag: str, expected: bool) -> None:
        if isinstance(x, target().KerasTensor):
            return self.assertEqual(bool(getattr(x, flag, False)), expected)
        if backend_name() == "tensorflow":
            import tensorflow as tf

            kind = {"sparse": tf.SparseTensor, "ragged": tf.RaggedTensor}[flag]
            return self.assertEqual(isinstance(x, kind), expected)
        if backend_name() == "jax" and flag == "sparse":
            from jax.experimental.sparse import JAXSparse

            return self.assertEqual(isinstance(x, JAXSparse), expected)
        self.assertFalse(expected)

    def assertSparse(self, x: Any, sparse: bool = True) -> None:
        """Check whether a tensor is sparse."""
        self._assert_kind(x, "sparse", sparse)

    def assertRagged(self, x: Any, ragged: bool = True) -> None:
        """Check whether a tensor is ragged."""
        self._assert_kind(x, "ragged", ragged)

    def assertFileExists(self, path: str) -> None:
        """Check that there is a file."""
        self.assertTrue(os.path.isfile(path), f"no file {path}")

    def run_class_serialization_test(
        self, instance: Any, custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """Check that an object comes back from its configuration; return it."""
        saving, cls = space("saving"), type(instance)
        # Classes of test files are custom here; to Keras they are its own.
        here = vars(sys.modules[type(self).__module__]).values()
        classes = [c for c in [cls, *here] if isinstance(c, type)]
        custom = {c.__name__: c for c in classes if c.__module__.endswith("_test")}
        custom.update(custom_objects or {})
        config = instance.get_config()
        before = dumps(config)  # from_config may take it apart
        with saving.custom_object_scope(custom):
            revived = cls.from_config(config)
        self.assertEqual(before, dumps(revived.get_config()))
        text = dumps(saving.serialize_keras_object(instance))
        with saving.custom_object_scope(custom):
            revived = saving.deserialize_keras_object(loads(text))
        self.assertIsInstance(revived, cls)
        self.assertEqual(before, dumps(revived.get_config()))
        return revived

    def run_layer_test(
        self, layer_cls: Any, init_kwargs: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Check a layer in every way that `LayerCheck` knows."""
        LayerCheck(self, layer_cls, dict(init_kwargs or {}), *args, **kwargs).run()

"""The table of facts: one row a method, true of every backend, and no other list."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

from multinet import dtypes
from multinet.conformance.plan import to_native
from multinet.conformance.row import USUAL
from multinet.conformance.rows import FUSED, PRIMITIVES
from multinet.conformance.strict import StrictBackend
from multinet.errors import BackendError, DTypeError
from multinet.interface import Backend, fused, primitives
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic import SymbolicBackend

ROOT = Path(__file__).parents[2]
ROWS = {name: row for name, row in {**PRIMITIVES, **FUSED}.items() if row.cases}
FIXED = (*dtypes.ALL, "words", "given", "host", "asked", "same", "real", "complex")


def parameters(name):
    """The parameters of a method and what they are annotated with."""
    found = inspect.signature(getattr(Backend, name)).parameters
    return {key: str(p.annotation) for key, p in found.items() if key != "self"}


def first_case(row, dtype):
    """The first case of a row in a dtype, or None."""
    return next((c for c in row.cases if row.covers(c, dtype, dtypes.ALL)), None)


# -- the table itself ------------------------------------------------------------------


def test_every_method_has_a_row_and_every_row_is_of_a_method():
    assert sorted(SIGNATURES) == sorted((*primitives(), *fused()))


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_row_speaks_of_the_arguments_of_its_method(name):
    facts, known = SIGNATURES[name], parameters(name)
    assert set(facts.operands) <= set(known)
    assert facts.domain == tuple(d for d in dtypes.ALL if d in facts.domain)
    results = facts.result if isinstance(facts.result, tuple) else (facts.result,)
    assert set(results) <= set(FIXED)
    assert ("dtype" in known) == ("asked" in results)


_OTHERS = (
    "decay_update",
    "sgd_update",
    "adam_update",
)  # tensors of one dtype in each row of the lists


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_row_says_how_each_tensor_goes_with_the_main_one(name):
    facts = SIGNATURES[name]
    if facts.result in ("given", "host") or name in _OTHERS:
        return
    kinds = ("T", "T | Scalar", "T | None", "Sequence[T]")
    tensors = [k for k, kind in parameters(name).items() if kind in kinds]
    main = facts.alike[:1] or tuple(tensors[:1])
    assert set(tensors) == {*main, *facts.operands}


_FORMS = {
    "one": ["x"],
    "two": ["x", "y"],
    "over": ["x", "axes", "keepdims"],
    "along": ["x", "axis"],
    "last": ["x"],
}


@pytest.mark.parametrize("name", [n for n, f in SIGNATURES.items() if f.form])
def test_methods_of_a_form_take_the_same_arguments(name):
    assert list(parameters(name)) == _FORMS[SIGNATURES[name].form]


# -- what backends do ------------------------------------------------------------------


def call(backend, row, case, dtype):
    """Run a case; return the dtypes of its outputs."""
    operands = [to_native(backend, x) for x in case.draw(row.name, dtype)]
    return [backend.dtype(y) for y in row.apply(backend, operands, case)]


@pytest.mark.parametrize("name", ROWS)
def test_results_are_of_the_kind_that_the_table_says(name, backends):
    row = ROWS[name]
    shapes = SymbolicBackend(backends["numpy"])
    for dtype in (d for d in USUAL if d in row.dtypes):
        case = first_case(row, dtype)
        for backend in (*backends.values(), shapes):
            got = call(backend, row, case, dtype)
            wanted = [row.result_dtype(case, i, dtype) for i in range(len(got))]
            assert got == wanted, (backend.name, dtype)


def slope(backend, row, case):
    """The largest gradient of the outputs, weighted unevenly, for any float operand."""
    drawn = case.draw(row.name, "float32")
    places = [i for i, x in enumerate(drawn) if getattr(x, "dtype", None) == np.float32]

    def function(*tensors):
        values = [to_native(backend, x) for x in drawn]
        for i, x in zip(places, tensors, strict=True):
            values[i] = x
        return row.apply(backend, values, case)

    primals = [backend.from_numpy(drawn[i]) for i in places]
    outputs, pullback = backend.vjp(function, primals)
    seeds = []
    for y in outputs:
        shape, dtype = backend.shape(y), dtypes.to_numpy(backend.dtype(y))
        weights = np.arange(1, np.prod(shape) + 1).reshape(shape) ** 2
        seeds.append(backend.from_numpy(weights.astype(dtype)))
    return max(np.abs(backend.to_numpy(g)).max() for g in pullback(tuple(seeds)))


@pytest.mark.parametrize(
    "name", [n for n, r in ROWS.items() if "float32" in r.dtypes and r.differentiable]
)
def test_gradients_are_zero_just_where_the_table_says(name, backends):
    row = ROWS[name]
    case = next(c for c in row.cases if row.covers(c, "float32", dtypes.ALL))
    for backend in backends.values():
        zero = slope(backend, row, case) == 0
        assert zero == (row.facts.gradient == "zero"), backend.name


# -- what strict and the shape rules refuse --------------------------------------------


@pytest.fixture(scope="module")
def strict():
    return StrictBackend()


def narrow(name):
    """The rows whose main operand is a tensor and not of all dtypes."""
    facts = SIGNATURES[name]
    return facts.domain and facts.domain != dtypes.ALL


@pytest.mark.parametrize("name", [n for n in ROWS if narrow(n)])
def test_dtypes_outside_of_the_domain_are_refused(name, strict, backends):
    row, shapes = ROWS[name], SymbolicBackend(backends["numpy"])
    numbers = (bool, int, float)  # as operands, they are refused beside a bool tensor
    case = next(c for c in row.cases if not any(type(x) in numbers for x in c.operands))
    for dtype in (d for d in USUAL if d not in row.dtypes):
        with pytest.raises(BackendError, match="one of the dtypes"):
            call(strict, row, case, dtype)
        if name in primitives() and row.call is None:
            with pytest.raises(DTypeError, match=f"^{name} takes "):
                call(shapes, row, case, dtype)


def swapped(strict, name, operand, dtype):
    """Call a method with one operand cast to another dtype."""
    row, place = ROWS[name], list(parameters(name)).index(operand)
    main = next(d for d in ("float32", "bool", "int32") if d in row.dtypes)
    for case in (c for c in row.cases if row.covers(c, main, dtypes.ALL)):
        drawn = case.draw(name, main)
        if place < len(drawn) and isinstance(drawn[place], np.ndarray):
            drawn[place] = drawn[place].astype(dtype)
            tensors = [to_native(strict, x) for x in drawn]
            return getattr(strict, name)(*tensors, *case.arguments)
    return pytest.fail(f"no case of {name} has {operand}")


PLAIN = {n: f for n, f in SIGNATURES.items() if n in ROWS and ROWS[n].call is None}
ALIKE = [(n, o) for n, f in PLAIN.items() for o in f.alike[1:]]
INDICES = [(n, f.indices) for n, f in PLAIN.items() if f.indices]
MASKS = [(n, f.mask) for n, f in PLAIN.items() if f.mask]


@pytest.mark.parametrize(("name", "operand"), ALIKE)
def test_operands_that_share_a_dtype_are_refused_with_another(name, operand, strict):
    with pytest.raises(BackendError, match=f"^{name} was promised .* of one dtype"):
        swapped(strict, name, operand, "int16")


@pytest.mark.parametrize(("name", "operand"), INDICES)
def test_indices_of_another_dtype_are_refused(name, operand, strict):
    with pytest.raises(BackendError, match=f"^{name} was promised indices"):
        swapped(strict, name, operand, "uint8")


@pytest.mark.parametrize(("name", "operand"), MASKS)
def test_masks_of_another_dtype_are_refused(name, operand, strict):
    with pytest.raises(BackendError, match=f"^{name} was promised a bool tensor"):
        swapped(strict, name, operand, "int32")


# -- no other list ---------------------------------------------------------------------

#: Lists of methods that say something which only their own file must know.
OWN = {
    "backends/multinet_numpy/primitives.py": "where NumPy warns; what records itself",
    "backends/multinet_numpy/native.py": "ufuncs, which keep the class of an array",
    "multinet/saving/keras2.py": "functions of TensorFlow in graphs of Keras 2",
    "multinet/compare/kinks.py": "what consists of straight pieces, with kinks",
    "multinet/conformance/extremes.py": "where frameworks differ in the sign of zero",
    "multinet/explain/differences.py": "what is linear in each of its operands",
    "multinet/explain/relevances.py": "what passes relevance on, and how",
    "multinet/graph/measuring.py": "whose errors are those of a sum without signs",
    "multinet/graph/operations.py": "what computes nothing, or what is not counted",
    "multinet/onnx/elementwise.py": "what ONNX has one operator for",
}


def lists(tree, names):
    """The longest run of names of methods in one literal of a file."""
    longest = []
    for node in ast.walk(tree):
        words = []
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            words = [getattr(item, "value", None) for item in node.elts]
        elif isinstance(node, ast.Dict):  # of facts; functions by name are none
            plain = all(isinstance(value, ast.Constant) for value in node.values)
            words = [getattr(key, "value", None) for key in node.keys if plain]
        methods = [w for w in words if isinstance(w, str) and w in names]
        if len(methods) > len(words) * 0.8 and len(methods) > len(longest):
            longest = methods
    return longest


def test_lists_are_found_in_each_kind_of_literal():
    names = ("exp", "log", "sin")
    for text in ("'exp log sin'.split()", "{'exp', 'log', 'sin'}", str(list(names))):
        assert sorted(lists(ast.parse(text), set(SIGNATURES))) == list(names)
    assert len(lists(ast.parse("{'exp': 1, 'log': 2}"), set(SIGNATURES))) == 2
    functions = ast.parse("{'exp': probe, 'log': probe}")
    assert len(lists(functions, set(SIGNATURES))) == 1


def test_no_other_list_of_methods_exists():
    found = {}
    for folder in ("multinet", "backends", "examples/plugin_backend/multinet_pytensor"):
        for path in (ROOT / folder).rglob("*.py"):
            methods = lists(ast.parse(path.read_text()), set(SIGNATURES))
            if len(methods) >= 6:
                found[str(path.relative_to(ROOT))] = methods
    assert set(found) == set(OWN), found

"""Arithmetic on unknown sizes agrees with arithmetic on the numbers they become."""

from __future__ import annotations

import copy
import math
import operator
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from multinet.errors import ShapeError
from multinet.symbolic import Dim, public_shape, same, same_shape, substitute
from multinet.symbolic.dims import differ

_A, _B = Dim("a"), Dim("b")
_OPERATORS = [operator.add, operator.sub, operator.mul, operator.floordiv, operator.mod]


@st.composite
def expressions(draw: Any) -> list[Any]:
    """Return a program on a stack: numbers, unknowns and operators in postfix order."""
    program: list[Any] = [draw(st.sampled_from(["a", "b"]))]
    for _ in range(draw(st.integers(1, 6))):
        other = draw(st.one_of(st.integers(-6, 6), st.sampled_from(["a", "b"])))
        program += [other, draw(st.sampled_from(_OPERATORS)), draw(st.booleans())]
    return program


def _evaluate(program: list[Any], a: Any, b: Any) -> Any:
    names = {"a": a, "b": b}
    value = names[program[0]]
    for other, function, swap in zip(program[1::3], program[2::3], program[3::3]):
        x, y = value, names.get(other, other)
        value = function(y, x) if swap else function(x, y)
    return value


@given(expressions(), st.integers(1, 30), st.integers(1, 30))
def test_expressions_evaluate_to_what_numbers_give(
    program: list[Any], a: int, b: int
) -> None:
    try:
        expected = _evaluate(program, a, b)
        symbolic = _evaluate(program, _A, _B)
    except (ZeroDivisionError, ShapeError):
        assume(False)
    assert substitute(symbolic, {_A: a, _B: b}) == expected


@given(expressions(), expressions(), st.integers(1, 9), st.integers(1, 9))
def test_same_and_differ_never_lie(p: list[Any], q: list[Any], a: int, b: int) -> None:
    try:
        x, y = _evaluate(p, _A, _B), _evaluate(q, _A, _B)
        m, n = _evaluate(p, a, b), _evaluate(q, a, b)
    except (ZeroDivisionError, ShapeError):
        assume(False)
    assert m == n if same(x, y) else True
    assert m != n if differ(x, y) else True


@given(st.integers(1, 7), st.integers(1, 7))
def test_ceiling_has_one_form(stride: int, factor: int) -> None:
    size = _A * factor
    assert same(-(-size // stride), (size + stride - 1) // stride)
    assert same(-(-size // stride), (size - 1) // stride + 1)


@pytest.mark.parametrize(
    ("expression", "plain"),
    [
        (_A * 2 // 2, _A),
        (_A + 0, _A),
        (1 * _A, _A),
        (_A - _A, 0),
        (_A * 6 % 3, 0),
        (_A // _A, 1),
        (_A * _B // _B, _A),
        (_A // 2 * 2 + _A % 2, _A),
        (_A // 2 // 2, _A // 4),
        ((_A * 4 + 3) // 2, _A * 2 + 1),
        (-(_A - 3), 3 - _A),
        (math.prod((2, _A, 3)) // 6, _A),
        (np.int64(2) * _A, _A + _A),
    ],
)
def test_equal_expressions_have_one_form(expression: Any, plain: Any) -> None:
    assert same(expression, plain)


def test_dims_are_keys() -> None:
    assert {(_A + 1, 3): "yes"}[(1 + _A, 3)] == "yes"
    assert _A != _B and _A == Dim.__add__(_A, 0)
    assert Dim("a") != _A
    assert copy.deepcopy(_A) is _A
    assert pickle.loads(pickle.dumps((_A + 1) // 2)) == (_A + 1) // 2


def test_users_see_none() -> None:
    assert public_shape((_A, 3, _A * 2)) == (None, 3, None)
    assert repr(_A) == "a" and repr((_A + 1) // 2) == "(a + 1) // 2"
    assert repr(_A // 3 * 2 - 4) == "2 * (a // 3) - 4"


def test_shapes_compare_without_raising() -> None:
    assert same_shape((_A, 3), (_A, 3)) and not same_shape((_A, 3), (2, 3))
    assert not same_shape((_A,), (_A, 1))


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (2, 3, True),
        (2, 2, False),
        (_A, 3, False),
        (_A, _B, False),
        (_A, _A + 1, True),
        (_A * 6, _A * 7, True),
        (_A * 4, 6, True),
        (_A // 2, 0, False),
    ],
)
def test_differ_is_what_no_number_can_make_equal(
    x: Any, y: Any, expected: bool
) -> None:
    assert differ(x, y) is expected


@pytest.mark.parametrize(
    "use",
    [
        bool,
        int,
        float,
        range,
        np.zeros,
        lambda d: d / 2,
        lambda d: 1 / d,
    ],
)
def test_what_needs_a_value_is_refused(use: Any) -> None:
    with pytest.raises(ShapeError, match="unknown until data arrives.*Input"):
        use(_A)


@pytest.mark.parametrize(
    "use",
    [lambda d: d < 2, lambda d: 2 <= d, lambda d: d > _B, lambda d: max(d, 3)],
)
def test_an_unknown_size_has_no_order_as_none_has_not(use: Any) -> None:
    with pytest.raises(TypeError, match="unknown until data arrives.*Input") as caught:
        use(_A)
    assert isinstance(caught.value, ShapeError)


@pytest.mark.parametrize(
    "other", [0, 1, 2.0, True, np.int64(2), np.float32(1), "2", None, (2,), _B]
)
def test_an_unknown_size_equals_none_and_no_number(other: Any) -> None:
    assert (_A == other) is (other is None) is (other == _A)
    assert (_A != other) is (other is not None) is (other != _A)


def test_shapes_with_unknown_sizes_compare_as_those_that_users_see() -> None:
    assert (_A, 3) == (None, 3) and (None, 3) == (_A, 3)
    assert (_A, 3) != (2, 3) and (_A, 3) != (None, 4) and (_A, 3) != (_B, 3)
    assert 2 not in (_A, 3) and 3 in (_A, 3) and None in [_A, 3]
    assert [_B, _A, 3].index(_A) == 1 and (3, _A).count(3) == 1


def test_division_by_zero_is_refused() -> None:
    with pytest.raises(ShapeError, match="divided by 0"):
        _A // 0

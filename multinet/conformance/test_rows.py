"""One test a method: every check of its row."""

from multinet.conformance.runner import problems


def test_every_method_is_there(backend):
    assert list(problems(backend)) == []


def test_row_holds(row, plans, verify):
    verify(plans.get(row, []))

"""Keras's own tests: those of the sample that passed go on to pass."""

import pytest

from . import sampling, settings


@pytest.fixture(scope="module")
def fallen(tmp_path_factory):
    """The tests of the sample that do not pass, by backend."""
    return sampling.fallen(sampling.run(tmp_path_factory.mktemp("results"), 1))


@pytest.mark.parametrize("backend", settings.BACKENDS)
def test_tests_that_passed_go_on_to_pass(fallen, backend):
    assert fallen[backend] == []


def test_the_sample_has_each_area():
    assert len(sampling.stored()["numpy"]) > 20
    assert all(
        sum(map(len, files.values())) > 400 for files in sampling.stored().values()
    )

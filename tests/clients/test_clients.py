"""The own tests of libraries on top of Keras pass on Multinet, on each backend."""

import pytest
from clients import BACKENDS, CLIENTS, download, run


@pytest.fixture(scope="module", params=CLIENTS)
def client(request, tmp_path_factory):
    """Return a client and the folder of its source distribution."""
    return request.param, download(request.param, tmp_path_factory.mktemp("client"))


@pytest.mark.parametrize("name", BACKENDS)
def test_the_tests_of_a_client_pass(client, name):
    assert run(*client, name) == 0

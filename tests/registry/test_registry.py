"""Choosing backends: names, scopes, threads, and plug-ins that are broken or behind."""

import contextlib
import gc
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest

import multinet
from multinet import registry
from multinet.errors import ArgumentError, BackendError
from multinet.interface import INTERFACE, Plugin
from multinet.registry import current, get, set_backend, use_backend


@pytest.fixture
def plugin(request):
    """Register a plug-in for a test, and forget it afterwards."""
    names = []

    def make(name, load, requires=("numpy",), install="pip install something"):
        registry.register(Plugin(name, requires, "numpy", install, load))
        names.append(name)

    yield make
    for name in names:
        registry._registered.pop(name, None)
        registry._loaded.pop(name, None)


def test_an_unknown_backend_names_the_known_and_the_near_ones():
    with pytest.raises(ArgumentError, match="'torhc'.*Did you mean 'torch'.*numpy"):
        get("torhc")


def test_a_missing_framework_is_named_with_its_install_command(plugin):
    plugin("absent", lambda: None, requires=("no_such_framework",), install="pip x")
    with pytest.raises(BackendError, match="no_such_framework.*pip x.*numpy"):
        get("absent")
    info = next(i for i in registry.backends() if i.name == "absent")
    assert not info.installed and info.install == "pip x"


def test_an_import_error_inside_a_plugin_is_not_a_missing_framework(plugin):
    def load():
        import no_such_module_of_the_plugin  # noqa: F401

    plugin("broken", load)
    with pytest.raises(BackendError, match="fault of the plug-in") as raised:
        get("broken")
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)
    assert "not installed" not in str(raised.value)


def test_a_plugin_behind_by_a_minor_version_loads_and_names_what_it_lacks(
    plugin, monkeypatch
):
    cls = type(get("numpy"))
    old = type("Old", (cls,), {"interface": INTERFACE, "name": "old"})
    old.__abstractmethods__ = frozenset({"erfinv"})
    monkeypatch.setattr(registry, "INTERFACE", (INTERFACE[0], INTERFACE[1] + 1))
    plugin("old", lambda: old)
    backend = get("old")
    assert backend.to_numpy(backend.exp(backend.from_numpy(np.zeros(1)))) == 1
    with pytest.raises(BackendError, match="'old' has no primitive 'erfinv'"):
        backend.erfinv(backend.from_numpy(np.zeros(1)))


def test_a_plugin_of_another_major_version_is_refused(plugin):
    cls = type("Other", (type(get("numpy")),), {"interface": (INTERFACE[0] + 1, 0)})
    plugin("other", lambda: cls)
    with pytest.raises(BackendError, match="matching versions"):
        get("other")


def test_a_plugin_that_lacks_primitives_of_its_own_version_is_refused(plugin):
    cls = type("Poor", (type(get("numpy")),), {"interface": INTERFACE})
    cls.__abstractmethods__ = frozenset({"erfinv"})
    plugin("poor", lambda: cls)
    with pytest.raises(BackendError, match="lacks 1 primitives: erfinv"):
        get("poor")


def test_with_holds_for_the_block_and_nests():
    before = current().name
    with use_backend("torch"):
        assert current().name == "torch"
        with use_backend("jax"):
            assert current().name == "jax"
        assert current().name == "torch"
    assert current().name == before


def test_with_leaves_other_threads_alone():
    seen = []
    with use_backend("torch"):
        thread = threading.Thread(target=lambda: seen.append(current().name))
        thread.start()
        thread.join()
    assert seen == ["numpy"]


@pytest.mark.parametrize("choose", [set_backend, multinet.config.set_backend])
def test_set_backend_sets_the_default_of_every_thread(monkeypatch, choose):
    monkeypatch.setattr(registry, "_default", None)
    seen = []
    choose("torch")
    thread = threading.Thread(target=lambda: seen.append(current().name))
    thread.start()
    thread.join()
    assert seen == ["torch"] and current().name == "torch"
    choose(get("jax"))
    assert current() is get("jax")


def test_set_backend_knows_the_names():
    before = current()
    with pytest.raises(ArgumentError, match="'jaxx'.*Did you mean 'jax'"):
        set_backend("jaxx")
    assert current() is before


def test_no_other_thread_sees_a_scope_not_for_a_moment():
    entering, seen = threading.Event(), set()
    entering.set()

    def enter():
        for _ in range(100_000):
            with use_backend("strict"):
                pass
        entering.clear()

    assert current().name == "numpy"
    thread = threading.Thread(target=enter)
    thread.start()
    while entering.is_set():
        seen.add(current().name)
    thread.join()
    assert seen == {"numpy"}


def test_a_scope_that_is_never_entered_warns_at_its_line_and_chooses_nothing():
    before = current()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use_backend("jax")
        line = sys._getframe().f_lineno - 1
        gc.collect()
    assert current() is before
    (found,) = caught
    assert (found.filename, found.lineno) == (__file__, line)
    assert "without being entered" in str(found.message)
    assert "with use_backend('jax'):" in str(found.message)
    assert "multinet.set_backend('jax')" in str(found.message)


def test_a_scope_that_was_entered_or_never_made_does_not_warn():
    with warnings.catch_warnings(), pytest.raises(ArgumentError):
        warnings.simplefilter("error")
        with use_backend("torch"):
            pass
        with contextlib.ExitStack() as stack:
            stack.enter_context(use_backend("torch"))
        use_backend.scoped(get("torch"))
        use_backend("unknown")


def test_concurrent_scopes_do_not_disturb_each_other_or_the_default():
    wrong = []

    def work(name):
        for _ in range(200):
            with use_backend(name):
                if current().name != name:
                    wrong.append(current().name)

    threads = [threading.Thread(target=work, args=(n,)) for n in ("torch", "jax")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and current().name == "numpy"


def test_every_backend_is_listed_with_its_version():
    infos = {info.name: info for info in registry.backends()}
    for name in ("numpy", "jax", "torch", "tensorflow"):
        assert infos[name].installed and infos[name].version
        assert infos[name].devices()
    assert infos["numpy"].version == np.__version__


def test_a_tensor_of_a_framework_in_use_elsewhere_is_refused():
    code = """
import torch
import multinet
try:
    multinet.ops.add(torch.ones(2), 1)
except multinet.MultinetError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert "Got a tensor of backend 'torch'" in result.stdout
    assert "convert_to_numpy" in result.stdout


def test_plug_ins_are_looked_up_once_for_arrays_of_others(monkeypatch):
    """Batches of another framework ask for their owner one by one."""
    import importlib.metadata

    import torch

    assert registry.owner(torch.ones(1)).name == "torch"

    def refuse(**kwargs):
        raise AssertionError("looked up again")

    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)
    assert registry.owner(torch.ones(1)).name == "torch"
    assert registry.owner(object()) is None

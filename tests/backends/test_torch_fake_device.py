"""The torch backend on a device that is not there; `fake_device.py` tells what it sees.

Each group of cases runs in a process of its own, since the device stays in the process.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from multinet import philox
from multinet.errors import BackendError
from multinet.registry import get

SCRIPT = Path(__file__).parent / "fake_device_cases.py"
GROUPS = ("faults", "ops", "layers", "fits", "draws", "optimizers", "workloads")

#: What fails for a reason that stays; one that passes must leave this table.
LOOP = "its loop asks the device whether to go on: torch has no other"
CHOICE = "outside of a program a number of the device says which layer runs"
FAIL = {"gcd(i, j)": LOOP, "lcm(i, j)": LOOP, "AugMix": CHOICE, "RandAugment": CHOICE}


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_of_the_host_meets_what_is_on_a_device(group):
    run = subprocess.run(
        [sys.executable, SCRIPT, group], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0 and run.stdout, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    failed = {name: why for name, why in found.items() if why}
    new = {name: why for name, why in failed.items() if name not in FAIL}
    assert len(found) > 6 and not new, new
    assert not [name for name in FAIL if found.get(name) == ""]


# -- what only devices do, on the CPU, where it has values -----------------------------


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
@pytest.mark.parametrize("size", [0, 1, 5, 300])
def test_integer_products_by_digits_wrap_like_integers(dtype, size):
    from multinet_torch.contraction import by_digits

    rng, limits = np.random.default_rng(1), np.iinfo(dtype)
    draw = {"low": limits.min, "high": limits.max, "endpoint": True, "dtype": dtype}
    x, y = rng.integers(size=(2, 3, size), **draw), rng.integers(size=(size, 4), **draw)
    with np.errstate(over="ignore"):
        want = (x[..., None] * y).sum(-2, dtype=dtype)
    given = torch.from_numpy(x), torch.from_numpy(y)
    np.testing.assert_array_equal(by_digits(torch.matmul, size, *given), want)


def test_integer_einsums_by_digits_take_any_number_of_operands():
    from multinet_torch.contraction import by_digits

    rng = np.random.default_rng(2)
    xs = [rng.integers(-(2**31), 2**31, s, "int64") for s in ((3, 4), (4, 5), (5, 3))]
    want = np.einsum("ij,jk,ki->i", *xs)

    def function(*xs):
        return torch.einsum("ij,jk,ki->i", *xs)

    found = by_digits(function, 20, *map(torch.from_numpy, xs))
    np.testing.assert_array_equal(found, want)


def test_words_made_on_a_device_are_the_reference():
    from multinet_torch import random

    key, device = (0x12345678, 0x9ABCDEF0), torch.device("cpu")
    for count in (0, 1, 7, 40_000):
        found = random._device_words(key, count, device)
        np.testing.assert_array_equal(found, philox.words(key, count))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_weights_in_one_piece_are_equal_and_in_the_order_of_cudnn(kind):
    from multinet_torch.fast.sequence import check_contiguous, in_one_piece

    rng = np.random.default_rng(3)
    parts = {"lstm": 4, "gru": 3}[kind]
    shapes = [(5, 2 * parts), (2, 2 * parts), (2 * parts,), (2 * parts,)]
    given = [torch.from_numpy(rng.normal(size=s).astype("float32")).t() for s in shapes]
    flat, weights = in_one_piece(given)
    check_contiguous(*weights)
    place = 0
    for w, g in zip(weights, given, strict=True):
        assert torch.equal(w, g)
        assert w.data_ptr() == flat.data_ptr() + 4 * place
        place += w.numel()
    assert flat.untyped_storage().nbytes() == 4 * place
    with pytest.raises(
        BackendError, match=r"contiguous.*strides \(1, 8|strides \(1, 6"
    ):
        check_contiguous(*given)


def test_sums_of_windows_padded_by_hand_are_those_of_torch():
    from multinet_torch import windows

    x = torch.from_numpy(np.random.default_rng(4).normal(size=(2, 5, 6, 3)))
    first = windows._channels_first(x)
    padding, window = [(1, 1), (1, 1)], (3, 2)
    fits = windows._padded(first, padding, windows._halves(window), 0.0)
    by_hand = windows._padded(first, padding, (0, 0), 0.0)
    assert fits[1] == [1, 1] and by_hand[1] == [0, 0]
    pool = torch.nn.functional.avg_pool2d
    wanted, found = (
        pool(y, window, (1, 2), even, divisor_override=1) for y, even in (fits, by_hand)
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_a_constant_of_a_step_goes_to_its_device_once():
    from multinet_torch.fast.tape import Tape

    device, given = torch.device("meta"), torch.ones(3, device="meta")
    tape = Tape(device, False)
    tape.names[given] = "b0"
    with tape:
        y = given + torch.tensor([1.0, 2.0, 3.0]).to(device)
        step = tape.function(["b0"], [], {}, [tape.name(y)])
    assert step.calls == 1
    assert step([], given)[0].device == device


def test_the_backend_places_what_it_makes():
    backend = get("torch")
    with backend.device("cpu:0"):
        assert backend.full((2,), 1, "float32").device.type == "cpu"


def test_the_script_for_a_real_device_runs_on_the_host():
    script = SCRIPT.with_name("on_device.py")
    options = ["--device", "cpu:0", "--method", "tanh", "--layer", "LSTM-units=4-2"]
    run = subprocess.run(
        [sys.executable, script, "torch", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    kit, fit, total = map(json.loads, run.stdout.splitlines())
    assert kit["part"] == "kit" and kit["ok"] and kit["passed"] > 10
    assert fit["part"] == "fit" and fit["ok"] and fit["difference"] == 0
    assert total["results"] == 2 and total["failed"] == []

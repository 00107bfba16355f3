"""The code on the pages runs, and raises the errors that stand below it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from multinet import dtype_policies

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path for path in sorted((ROOT / "docs").glob("*.md"))}
PAGES["README.md"] = ROOT / "README.md"
# A block of code, and the error below it, if one is said to come.
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(\w+: .*?)\n```)?", re.S)
ELSEWHERE = {"backends.md"}  # a plug-in, file by file: test_docs.py
ALONE = {"as-keras.md", "devices.md"}  # change the whole process


def run(path: Path) -> dict:
    """Run the blocks of a page in their order, and return what they have named."""
    space: dict = {"__name__": "page"}
    for code, error in BLOCK.findall(path.read_text(encoding="utf-8")):
        if not error:
            exec(compile(code, path.name, "exec"), space)
            continue
        with pytest.raises(Exception) as raised:
            exec(compile(code, path.name, "exec"), space)
        said = f"{raised.type.__name__}: {raised.value}"
        start = error.removesuffix("...")
        assert said == error or start != error and said.startswith(start)
    return space


@pytest.fixture
def cleared(tmp_path, monkeypatch):
    """A folder of its own, and the process as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield
    dtype_policies._global = None


def checked(name: str, space: dict, said: str) -> None:
    """Check what a page says of its results, beyond the asserts on it."""
    if name == "mixed-precision.md":
        model, optimizer = space["model"], space["optimizer"]
        assert [x.compute_dtype for x in model.layers] == ["float16", "float32"]
        assert {weight.dtype for weight in model.weights} == {"float32"}
        assert type(model.optimizer) is type(optimizer)
        assert int(optimizer.iterations) == 1
    elif name == "native.md":
        assert int(space["layer"].state.numpy()) == 2
        pairs = space["model"].get_weights(), space["again"].get_weights()
        assert len(pairs[0]) == len(pairs[1]) == 9
        assert all((a == b).all() for a, b in zip(*pairs))
    elif name == "debugging.md":
        found, behind = space["found"], space["behind"]
        assert (found.op, found.layer, found.step) == ("log", "net/scale", 1)
        assert (behind.op, behind.backward) == ("sqrt", True)
        assert "log made a NaN of finite numbers, in the layer 'net/scale'" in said
        for text in (str(space["failed"]), str(space["asked"])):
            assert text == "shares must not be negative"


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::UserWarning")
@pytest.mark.parametrize("name", sorted(PAGES.keys() - ELSEWHERE - ALONE))
def test_the_code_of_a_page_runs(name, cleared, registry, capsys):
    checked(name, run(PAGES[name]), capsys.readouterr().out)


@pytest.mark.parametrize("name", sorted(ALONE))
def test_the_code_of_a_page_runs_in_a_process_of_its_own(name, tmp_path):
    code = f"from test_pages import *; run(PAGES[{name!r}])"
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = sys.argv[1:]; {code}"]
    paths = [str(Path(__file__).parent), *filter(None, sys.path)]
    ended = subprocess.run([*command, *paths], cwd=tmp_path, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]

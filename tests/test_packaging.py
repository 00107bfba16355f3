"""The wheel holds what a user needs, and CI runs what the README says."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_ci_runs_the_commands_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    script = (ROOT / ".ci/run").read_text()
    (command,) = re.findall("^pip install -c constraints.txt .* && .*$", readme, re.M)
    for part in command.split(" && "):
        assert part in script.splitlines()


def test_the_wheel_has_the_frontend_the_backends_and_the_data(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    (wheel,) = tmp_path.glob("multinet_nn-*.whl")
    assert wheel.stat().st_size < 2_000_000
    with zipfile.ZipFile(wheel) as archive:
        assert max(each.compress_size for each in archive.infolist()) < 50_000
        names = set(archive.namelist())
        entry_points = next(n for n in names if n.endswith("entry_points.txt"))
        text = archive.read(entry_points).decode()
    for name in ("numpy", "jax", "torch", "tensorflow"):
        assert f"multinet_{name}/__init__.py" in names
        assert f"{name} = multinet_{name}:plugin" in text
    # What processes of their own run, and what is beside Multinet in benchmarks.
    assert "multinet/compare/worker.py" in names
    assert "multinet_benchmarks/native_torch.py" in names
    data = {"multinet/py.typed", "multinet/absent.json", "multinet/datasets/digits.npz"}
    assert data <= names
    assert not any(n.startswith(("tests/", "examples/")) for n in names)

"""Runs the own tests of libraries on top of Keras, on Multinet by `multinet.as_keras`.

    python tests/clients/clients.py --backend numpy jax

The tests are of the source distributions, which pip downloads; nothing of them is kept.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BACKENDS = ("numpy", "jax", "torch", "tensorflow")
CLIENTS = {
    "keras-mdn-layer==1.0.0": ["--ignore-glob=*/test_tflite.py"],
    "keras-hexagdly==0.7.0": [],
}
#: What is not there yet: TensorFlow's own tape on Variables.
_TAPE = "tests/test_share_neighbors.py::test_share_neighbors_gradient_tied"
NOT_YET = {"tensorflow": [f"--deselect={_TAPE}"]}


def download(client: str, folder: Path) -> Path:
    """Return the folder of a source distribution, unpacked."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-binary=:all:", client, "-d", folder], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    archive.unlink()
    (found,) = folder.iterdir()
    return found


def run(client: str, folder: Path, backend: str) -> int:
    """Run the tests of a client on a backend; return pytest's exit code."""
    options = ["-q", "-p", "multinet.as_keras.pytest_plugin", "-p", "no:cacheprovider"]
    path = os.pathsep.join(map(str, (ROOT, ROOT / "backends", folder)))
    print(f"== {client} on {backend}", flush=True)
    options += [*CLIENTS[client], *NOT_YET.get(backend, [])]
    command = [sys.executable, "-m", "pytest", *options, folder]
    environment = {**os.environ, "MULTINET_BACKEND": backend, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment).returncode


def main() -> int:
    """Run the tests of the clients; return 0 if all pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", nargs="*", default=BACKENDS)
    parser.add_argument("--client", nargs="*", default=list(CLIENTS))
    options = parser.parse_args()
    failed = 0
    for client in options.client:
        with tempfile.TemporaryDirectory(prefix="client-") as place:
            folder = download(client, Path(place))
            for backend in options.backend:
                failed += bool(run(client, folder, backend))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Keras in a process of its own, on one of its backends, which writes and reads files.

python tests/saving/keras_process.py  # lines of "write" or "read", a path, a model
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


class KerasProcess:
    """Starts Keras when it is first asked; nothing is compiled there on torch."""

    def __init__(self, backend):
        self.backend, self._process = backend, None

    def ask(self, verb, path, name):
        """Have a file written or read; return what Keras reports of its model."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                env=os.environ | {"KERAS_BACKEND": self.backend},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self._process.stdin.write(f"{verb}\t{path}\t{name}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().rstrip()
        assert answer == "done", f"Keras on {self.backend}: {answer or 'ended'}"
        with np.load(f"{path}.npz") as arrays:
            return dict(arrays)

    def close(self):
        """End the process."""
        if self._process is not None:
            self._process.kill()  # left to itself it takes seconds to end
            self._process.communicate()


def serve():
    """Do what the lines of the standard input say, and answer each with one."""
    answers, sys.stdout = sys.stdout, sys.stderr
    sys.path += [str(HERE), str(HERE.parent / "programs")]
    import keras
    from larger_models import register

    if keras.backend.backend() == "torch":
        from harness import prepare_torch

        prepare_torch(keras)
    register(keras)
    for line in sys.stdin:
        try:
            _answer(keras, *line.rstrip("\n").split("\t"))
            print("done", file=answers, flush=True)
        except Exception as error:
            print(repr(error), file=answers, flush=True)


def _answer(keras, verb, path, name):
    from file_models import report, trained

    if verb == "write":
        model = trained(keras, name)
        model.save(path)
    else:
        keras.utils.clear_session()
        model = keras.saving.load_model(path)
        model.save(f"{path}.again.keras")
    np.savez(f"{path}.npz", **report(keras, model, name))


if __name__ == "__main__":
    serve()

"""Programs that `import keras` run on Multinet, unchanged.

    python -m multinet.as_keras script.py        a script, or -m module
    pytest -p multinet.as_keras.pytest_plugin    tests
    multinet.as_keras()                          before the first import of keras

`keras` and each public namespace of it is then Multinet's; `keras.__version__` is that
of the names; of `keras.src`, which is internal, there is a closed list.
"""

from __future__ import annotations

import sys

from multinet import registry
from multinet.errors import MultinetError
from multinet.tracebacks import shortening

__all__ = ["as_keras"]


@shortening
def as_keras() -> None:
    """Let `import keras` in this process find Multinet; a second call does nothing.

    Without `MULTINET_BACKEND` the variable `KERAS_BACKEND` names the backend. Raises
    `MultinetError` if Keras has been imported: objects of both would be mixed.
    """
    # Here, as few programs need it, and importlib.abc brings much.
    from multinet.as_keras.finder import Finder

    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    if any(name.partition(".")[0] == "keras" for name in sys.modules):
        raise MultinetError(
            "Expected that Keras has not been imported yet, but it has been. "
            "Call multinet.as_keras() first in the program, or start it with "
            "python -m multinet.as_keras. TensorFlow imports Keras too."
        )
    registry.follow("KERAS_BACKEND")
    sys.meta_path.insert(0, Finder())

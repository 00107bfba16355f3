"""What a process of a run is told through its environment."""

import os
from pathlib import Path

BACKENDS = ("numpy", "jax", "torch", "tensorflow")
HERE = Path(__file__).parent


def environment(target: str, strict: bool, seconds: int) -> dict[str, str]:
    """Return the environment of the processes that run tests against `target`."""
    root = HERE.parent.parent
    own = [str(root / part) for part in ("tests", "", "backends", "bridges")]
    before = os.environ.get("PYTHONPATH")
    # The ceilings were measured without it.
    given = {k: v for k, v in os.environ.items() if k != "JAX_ENABLE_X64"}
    return {
        **given,
        "COMPATIBILITY_TARGET": target,
        "COMPATIBILITY_STRICT": "1" if strict else "",
        "COMPATIBILITY_SECONDS": str(seconds),
        "PYTHONPATH": os.pathsep.join([*own, before] if before else own),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_PLATFORMS": os.environ.get("JAX_PLATFORMS", "cpu"),
    }


def target() -> str:
    """Return the name of the package under test."""
    return os.environ.get("COMPATIBILITY_TARGET", "keras")


def strict() -> bool:
    """Return whether the wording of error messages must be Keras's."""
    return bool(os.environ.get("COMPATIBILITY_STRICT"))


def seconds() -> int:
    """Return how long one test may take."""
    return int(os.environ.get("COMPATIBILITY_SECONDS", "120"))


def use(backend: str) -> None:
    """Choose the backend of this process, before the package under test is asked."""
    os.environ["COMPATIBILITY_BACKEND"] = backend
    os.environ["KERAS_BACKEND"] = backend
    os.environ[target().upper() + "_BACKEND"] = backend

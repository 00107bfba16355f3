"""Questions about accelerators that tests ask."""

from collections.abc import Callable

from .parts import backend_name


def _has(kind: str) -> bool:
    backend = backend_name()
    if backend == "jax":
        import jax

        return jax.default_backend() == kind
    if backend == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices(kind.upper()))
    if backend == "torch" and kind == "gpu":
        import torch

        return torch.cuda.is_available()
    return False


def uses_gpu() -> bool:
    """Return whether the backend in use has a GPU."""
    return _has("gpu")


def uses_tpu() -> bool:
    """Return whether the backend in use has a TPU."""
    return _has("tpu")


def _on(backend: str, question: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: backend_name() == backend and question()


QUESTIONS = {
    "uses_gpu": uses_gpu,
    "uses_tpu": uses_tpu,
    "jax_uses_gpu": _on("jax", uses_gpu),
    "jax_uses_tpu": _on("jax", uses_tpu),
    "tensorflow_uses_gpu": _on("tensorflow", uses_gpu),
    "tensorflow_uses_tpu": _on("tensorflow", uses_tpu),
    "torch_uses_gpu": _on("torch", uses_gpu),
}

"""Settings of the whole process, with the names of `keras.config`.

>>> config.set_floatx("float64")
>>> config.image_data_format()
'channels_last'
"""

from __future__ import annotations

import os

from multinet import surface, tracebacks
from multinet.dtype_policies import dtype_policy, set_dtype_policy
from multinet.dtypes import enable_x64, floatx, set_floatx
from multinet.errors import ArgumentError, unknown_name
from multinet.interface import determinism
from multinet.registry import backend, set_backend
from multinet.tracebacks import shortening

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_determinism",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "enable_x64",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_determinism_enabled",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]

surface.show(__name__)

_FORMATS = ("channels_last", "channels_first")

_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive = True
_flash_attention: bool | None = None
_limits: dict[str, int | None] = {
    name: int(os.environ[f"MULTINET_{name}"])
    if f"MULTINET_{name}" in os.environ
    else None
    for name in ("MAX_EPOCHS", "MAX_STEPS_PER_EPOCH")
}


def epsilon() -> float:
    """Return the small number that keeps quotients and logarithms finite: 1e-7."""
    return _epsilon


@shortening
def set_epsilon(value: float) -> None:
    """Set the small number that `epsilon` returns."""
    global _epsilon
    if not isinstance(value, int | float) or not 0 < value < 1:
        raise ArgumentError(f"Expected epsilon between 0 and 1, got {value!r}.")
    _epsilon = float(value)


def image_data_format() -> str:
    """Return the order of axes where `data_format` is None: channels_last or
    channels_first.
    """
    return _image_data_format


@shortening
def set_image_data_format(data_format: str) -> None:
    """Set the order of axes where `data_format` is None."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Return channels_last or channels_first in lower case; None is the one set."""
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in _FORMATS:
        raise unknown_name("data_format", data_format, _FORMATS)
    return name


# -- kernels ---------------------------------------------------------------------------


def enable_flash_attention() -> None:
    """Ask for attention without a matrix of scores in memory.

    The backend takes such a kernel wherever it has one that fits, asked or not, so that
    this only changes what `is_flash_attention_enabled` says.
    """
    global _flash_attention
    _flash_attention = True


def disable_flash_attention() -> None:
    """Take `enable_flash_attention` back; the backend goes on choosing its kernels."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """Return what was asked for last, None if nothing was."""
    return _flash_attention


def is_nnx_enabled() -> bool:
    """Return whether layers are modules of Flax NNX: never."""
    return False


def enable_determinism() -> None:
    """Have each framework take only kernels that give the same bits in every run.

    Those of NumPy do, and on CPUs nearly all; on GPUs some operations add in the order
    in which threads arrive. An operation that a framework has in no other way raises
    when it runs. Call it at the start of a program: JAX on a GPU reads it as it starts,
    and `BackendError` tells if that is over. It is not taken back.

    >>> config.enable_determinism()
    >>> utils.set_random_seed(0)
    """
    determinism.ask()


def is_determinism_enabled() -> bool:
    """Return whether `enable_determinism` was called."""
    return determinism.is_asked()


# -- training --------------------------------------------------------------------------


def enable_interactive_logging() -> None:
    """Show progress on the terminal; the default."""
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Send the lines of progress to the logger `multinet` instead of the terminal."""
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Return whether progress is shown on the terminal."""
    return _interactive


def max_epochs() -> int | None:
    """Return the most epochs that any `fit` runs, or None.

    It begins as the environment variable `MULTINET_MAX_EPOCHS`.
    """
    return _limits["MAX_EPOCHS"]


@shortening
def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit`, to try a program quickly; None is no limit."""
    _limits["MAX_EPOCHS"] = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the most steps of an epoch of fit, evaluate and predict, or None.

    It begins as the environment variable `MULTINET_MAX_STEPS_PER_EPOCH`.
    """
    return _limits["MAX_STEPS_PER_EPOCH"]


@shortening
def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every epoch, to try a program quickly; None is no limit."""
    _limits["MAX_STEPS_PER_EPOCH"] = _limit("max_steps_per_epoch", max_steps_per_epoch)


def at_most(count: int, limit: int | None) -> int:
    """Return a count, or the limit where it is lower; None is no limit."""
    return count if limit is None else min(count, limit)


def _limit(name: str, value: int | None) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value is not None and not (whole and value >= 1):
        raise ArgumentError(
            f"Expected {name} as a positive int or None, got {value!r}."
        )
    return value


# -- tracebacks ------------------------------------------------------------------------


def enable_traceback_filtering() -> None:
    """Leave frames of Multinet, and of frameworks that it called, out of errors.

    The default. It holds for the errors themselves, so in notebooks and logs too.
    """
    tracebacks.set_filtering(True)


def disable_traceback_filtering() -> None:
    """Keep all frames of errors, to find a fault in Multinet itself."""
    tracebacks.set_filtering(False)


def is_traceback_filtering_enabled() -> bool:
    """Return whether Multinet's own frames are left out of errors."""
    return tracebacks.filtering()


def enable_unsafe_deserialization() -> None:
    """Raise `ArgumentError`: there is no unsafe way to read a file."""
    raise ArgumentError(
        "There is no unsafe way to read a file: no code comes out of one. Pass the "
        "classes and functions that it needs as custom_objects={'name': ...}, or "
        "register them."
    )

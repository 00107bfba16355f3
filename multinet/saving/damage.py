"""What goes wrong while a damaged file is read, said as an error of the file."""

from __future__ import annotations

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Iterator

from multinet.errors import FileError, MultinetError

#: What libraries, constructors and plain Python raise at data that make no sense.
_SENSELESS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError),
    *(MemoryError, OSError, RuntimeError, TypeError, ValueError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)


@contextlib.contextmanager
def told(problem: str) -> Iterator[None]:
    """Raise `FileError` with the problem and its cause for whatever data may cause.

    Errors of ours pass as they are, since they say more.
    """
    try:
        yield
    except MultinetError:
        raise
    except _SENSELESS as error:
        kind = type(error).__name__
        raise FileError(f"{problem}: {kind}: {error}") from error

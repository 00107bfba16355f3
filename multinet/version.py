"""The version of the distribution."""

__version__ = "0.1.0"


def version() -> str:
    """Return the version of Multinet."""
    return __version__

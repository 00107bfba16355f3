"""Tests of what uses Keras, on Multinet: pytest -p multinet.as_keras.pytest_plugin."""

from __future__ import annotations

from multinet.as_keras import as_keras


def pytest_load_initial_conftests() -> None:
    """Lead imports to Multinet before the first conftest.py, which may import Keras."""
    as_keras()

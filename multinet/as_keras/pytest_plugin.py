"""Tests of what uses Keras, on Multinet: pytest -p multinet.as_keras.pytest_plugin."""

from __future__ import annotations

from multinet.as_keras import as_keras

as_keras()  # before pytest imports the first conftest.py, which may import keras

"""Keras's own unit tests, run against Multinet. See README.md."""

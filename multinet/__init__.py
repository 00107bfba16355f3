"""Multinet: one neural-net frontend on NumPy, JAX, PyTorch and TensorFlow."""

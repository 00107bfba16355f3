"""The public functions on tensors, with the names and results of `keras.ops`.

Each is written once on the backend in use; each works on tensors, Variables, NumPy
arrays, Python numbers, and on symbolic tensors, where it records a node.
"""

from multinet import surface
from multinet.ops import catalogue, image, linalg, nn, numpy
from multinet.ops.catalogue import *  # noqa: F403

# The functions, and namespaces of selections of them.
__all__ = ["image", "linalg", "nn", "numpy"]
__all__ += catalogue.__all__

surface.show(__name__)

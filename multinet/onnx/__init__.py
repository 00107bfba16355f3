"""Models and graphs as ONNX files, and files as models.

A file is written of a graph of the interface, so it is the same from every backend, and
checked in ONNX Runtime where that is installed. One that is read is a functional model
of a layer a node. Both need the package onnx.
"""

from __future__ import annotations

from multinet import surface
from multinet.onnx.exporting import export
from multinet.onnx.loading import load
from multinet.onnx.operator import Operator

__all__ = ["Operator", "export", "load"]

surface.show(__name__)

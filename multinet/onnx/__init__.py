"""Models and graphs as ONNX files.

A file is written of a graph of the interface, so it is the same from every backend. It
needs the package onnx, and is checked in ONNX Runtime where that is installed.
"""

from __future__ import annotations

from multinet import surface
from multinet.onnx.exporting import export

__all__ = ["export"]

surface.show(__name__)

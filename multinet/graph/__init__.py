"""The graph of a program: every call of the interface that it makes.

`capture` takes a model, a layer or a function, `capture_step` a step of training; the
`Graph` runs on any backend, tells what it costs, and shows what it does.
"""

from __future__ import annotations

from multinet import surface
from multinet.graph.agreement import Agreement, Difference, first_difference
from multinet.graph.capturing import capture, capture_step
from multinet.graph.counting import Cost, Costs
from multinet.graph.graph import Graph, Result
from multinet.graph.specs import Spec
from multinet.graph.values import Body, Node, Value
from multinet.graph.waste import Waste

__all__ = [
    "Agreement",
    "Body",
    "Cost",
    "Costs",
    "Difference",
    "Graph",
    "Node",
    "Result",
    "Spec",
    "Value",
    "Waste",
    "capture",
    "capture_step",
    "first_difference",
]

surface.show(__name__)

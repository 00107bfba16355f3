"""The run on shapes that notes every call of the interface."""

from __future__ import annotations

from collections.abc import Callable, Collection

from multinet.graph.functions import recorder
from multinet.graph.graph import Graph
from multinet.graph.pruning import prune
from multinet.graph.recording import Recorder
from multinet.graph.specs import Arguments
from multinet.layers import Layer
from multinet.ops.carrying import tensors_of
from multinet.ops.core import as_tensor
from multinet.registry import current, use_backend
from multinet.scope import Capture
from multinet.typing import Tensors


def record(
    program: Callable[..., Tensors],
    arguments: Arguments,
    whole: Collection[str],
    name: str,
    owner: object = None,
) -> Graph:
    """Return the graph of a program; Variables have the paths that `owner` knows."""
    noting = recorder(current().concrete, whole)
    root = noting.root
    root.inputs = arguments.values(noting)
    with use_backend.scoped(noting), Capture(step=0) as scope:
        results = program(*arguments.filled(root.inputs))
        outputs, structure = tensors_of(results)
        root.outputs = [noting.lift(as_tensor(x)) for x in outputs]
        writes = scope.writes.items()
        written = [(v, noting.lift(scope.values[key])) for key, v in writes]
        for variable, _ in written:  # one that is only set has a place all the same
            noting.placeholder(variable)
    names = _names(noting, _paths_of(owner))
    graph = Graph(
        inputs=root.inputs,
        nodes=root.nodes,
        outputs=root.outputs,
        name=name,
        places=arguments.places,
        structure=arguments.structure,
        output_structure=structure,
        variables={names[k]: pair for k, pair in noting.variables.items()},
        updates={names[id(v)]: value for v, value in written},
        constants=list(noting.constants.values()),
        whole=frozenset(whole),
    )
    prune(graph, graph.updates.values())
    return graph


def _paths_of(owner: object) -> dict[int, str]:
    """Return the paths of the Variables that a layer holds, by identity."""
    if not isinstance(owner, Layer):
        return {}
    return {id(variable): path for path, variable in owner.paths().items()}


def _names(noting: Recorder, paths: dict[int, str]) -> dict[int, str]:
    """Return a name for each Variable, and give it to its value."""
    found: dict[int, str] = {}
    taken: set[str] = set()
    for key, (value, variable) in noting.variables.items():
        layer = noting.layers[key]
        name = paths.get(key) or (
            f"{layer}/{variable.name}" if layer else variable.path
        )
        base, count = name, 1
        while name in taken:
            name, count = f"{base}_{count}", count + 1
        taken.add(name)
        value.name = found[key] = name
    return found

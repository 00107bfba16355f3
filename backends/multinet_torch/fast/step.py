"""The step on torch: recorded once for each shape of batch, then replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multinet import dtypes
from multinet.interface import Program, Running
from multinet.interface.kernels import noting
from multinet_torch import transforms
from multinet_torch.array import NAMES, placed, placement
from multinet_torch.fast.tape import Tape
from multinet_torch.windows import laid_out

Array = np.ndarray[Any, Any]
Tensors = tuple[Tensor, ...]
_below_autograd: Any = torch._C._AutoDispatchBelowAutograd  # type: ignore[attr-defined]
_KEPT = 16  # shapes of batch


def _kind(x: Array | Tensor) -> np.dtype[Any]:
    return dtypes.to_numpy(NAMES[x.dtype]) if isinstance(x, Tensor) else x.dtype


class TorchProgram(Program[Tensor]):
    """Replays what a step asks of torch; runs it as it is where it looks at values."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._paths: dict[Any, Any] = {}  # by signature: a function, or why not
        self._compiles = self.jit_compile is True
        self._kernels: set[str] = set()

    def put(self, index: int, value: Tensor) -> None:
        """Replace one entry of the state by a value, which is never changed."""
        super().put(index, laid_out(value))

    def capacity(self, batch: Sequence[Array | Tensor], wanted: int) -> int:
        """Return `wanted`: each step is a call, which any number can follow."""
        return wanted

    def run(
        self, batch: Sequence[Array | Tensor], scalars: Sequence[Array], count: int
    ) -> Tensors:
        """Run `count` steps; return the outputs of the last one."""
        if self.lent:
            self._own()
        key = tuple([(x.shape[1:], _kind(x)) for x in batch])
        path = self._paths.get(key)
        if path is None:
            outputs = self._record(key, batch, scalars)
            batch, scalars = [x[1:] for x in batch], [x[1:] for x in scalars]
            return self.run(batch, scalars, count - 1) if count > 1 else outputs
        if isinstance(path, str):
            return super().run(batch, scalars, count)
        columns = [placed(x[:count], self.device).unbind(0) for x in batch]
        columns += [x[:count].tolist() for x in scalars]
        columns += [self._tensors(i, scalars[i][:count]) for i in path.needs]
        held, outputs = self.held, ()
        with torch.no_grad() if self._compiles else _below_autograd():
            for row in zip(*columns):
                outputs = path(held, *row)
        return outputs

    def one(
        self, row: Sequence[Array], scalars: Callable[[], Sequence[Array]]
    ) -> Tensors:
        """Run one step on the arrays of one batch; return the outputs."""
        path = self._paths.get(tuple([(x.shape, x.dtype) for x in row]))
        if path is None or isinstance(path, str) or self.lent:
            return super().one(row, scalars)
        numbers = scalars()
        columns: list[Any] = [placed(x, self.device) for x in row]
        columns += [x.item() for x in numbers]
        columns += [self._tensors(i, numbers[i])[0] for i in path.needs]
        with torch.no_grad() if self._compiles else _below_autograd():
            return path(self.held, *columns)

    def wait(self) -> None:
        """Return when all steps have been computed."""
        if self.held:
            self.backend.synchronize(self.held[0])

    def explain(self) -> dict[str, str]:
        """Return how the steps of the last batch run."""
        path = next(reversed(self._paths.values()), "no step yet")
        own = ", ".join(["torch's own, oneDNN and BLAS", *sorted(self._kernels)])
        if isinstance(path, str):
            why, steps = f"eager, since {path}", "one after another"
            return {"path": why, "kernels": own, "steps": steps}
        compiled = "torch.compile, as jit_compile=True asks; the others lie around it"
        return {
            "path": f"replay of {path.calls} torch operations, those of autograd too",
            "kernels": compiled if self._compiles else own,
            "rejected": ""
            if self._compiles
            else "torch.compile: opt-in, slow to start",
            "memory": "channels last, kernels of convolutions by their last axis",
            "steps": "one after another, any number a call",
        }

    @cached_property
    def compiled(self) -> Callable[..., Tensors]:
        """The function as it is, with results that alias nothing."""
        return self.backend.jit(self.function, self.consumed)

    def _own(self) -> None:
        self.held = [laid_out(x) for x in self.held]
        for i in self.consumed:
            self.held[i] = self.held[i].clone()
        self.lent = False

    def _tensors(self, index: int, values: Array) -> Tensors:
        values = values.astype(self.scalars[index])
        return torch.from_numpy(values).to(self.device).unbind(0)

    def _record(
        self, key: Any, batch: Sequence[Array | Tensor], scalars: Sequence[Array]
    ) -> Tensors:
        """Run one step and keep what replays it."""
        self.device = placement.get()
        rows = [placed(x[0], self.device) for x in batch]
        numbers = [self._tensors(i, x[:1])[0] for i, x in enumerate(scalars)]
        # Aliases, so that each entry of the state is an object that no other is.
        state = [x.detach() for x in self.held]
        tape = Tape(self.device, self._compiles)
        for form, xs in (("S[{}]", state), ("b{}", rows), ("s{}", numbers)):
            for i, x in enumerate(xs):
                tape.names[x] = form.format(i)
        for i, x in enumerate(numbers):
            tape.hosted[x] = f"n{i}", scalars[i][0].item()
        self._kernels.clear()
        with tape, noting(self._kernels), Running():
            results = self.function(*state, *rows, *numbers)
            results = self._apart(results, tape, [*state, *rows, *numbers])
            new = {i: x for i, x in enumerate(results[: len(state)]) if x is not None}
            outputs = results[len(state) :]
            written = {i: tape.name(x) for i, x in new.items()}
            names = [tape.name(x) for x in outputs]
        for i, x in new.items():
            self.held[i] = x
        if len(self._paths) == _KEPT:
            del self._paths[next(iter(self._paths))]
        arguments = [f"b{i}" for i in range(len(rows))]
        arguments += [f"n{i}" for i in range(len(numbers))]
        tensors = [f"s{i}" for i in range(len(numbers))]
        self._paths[key] = tape.refused or tape.function(
            arguments, tensors, written, names
        )
        return tuple(outputs)

    def _apart(
        self, results: Sequence[Tensor], tape: Tape, arguments: list[Tensor]
    ) -> list[Any]:
        """Return results in memory of their own; None for state as it came in."""
        unknown = [x for x in results if x not in tape.names]
        taken = transforms.storages([*arguments, *unknown, *tape.constants.values()])
        found: list[Any] = []
        for i, x in enumerate(results):
            if i < len(self.held) and x is arguments[i]:
                found.append(None)
            else:
                x = laid_out(x) if i < len(self.held) else x
                found.append(transforms.owned(x, taken))
        return found

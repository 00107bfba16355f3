"""The step on torch: recorded once for each shape of batch, then replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multinet.interface import Program
from multinet_torch import transforms
from multinet_torch.array import placement, share
from multinet_torch.tape import Tape

Array = np.ndarray[Any, Any]
Tensors = tuple[Tensor, ...]
_below_autograd: Any = torch._C._AutoDispatchBelowAutograd  # type: ignore[attr-defined]
_KEPT = 16  # shapes of batch


class TorchProgram(Program[Tensor]):
    """Replays what a step asks of torch; runs it as it is where it looks at values."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._paths: dict[
            Any, Any
        ] = {}  # by signature: a function, or why there is none

    def put(self, index: int, value: Tensor) -> None:
        """Replace one entry of the state by a value, which is never changed."""
        super().put(index, value.contiguous())

    def capacity(self, batch: Sequence[Array], wanted: int) -> int:
        """Return `wanted`: each step is a call, which any number can follow."""
        return wanted

    def run(
        self, batch: Sequence[Array], scalars: Sequence[Array], count: int
    ) -> Tensors:
        """Run `count` steps; return the outputs of the last one."""
        if self.lent:
            self._own()
        key = tuple([(x.shape[1:], x.dtype) for x in batch])
        path = self._paths.get(key)
        if path is None:
            outputs = self._record(key, batch, scalars)
            batch, scalars = [x[1:] for x in batch], [x[1:] for x in scalars]
            return self.run(batch, scalars, count - 1) if count > 1 else outputs
        if isinstance(path, str):
            return super().run(batch, scalars, count)
        columns = [share(x[:count]).to(self.device).unbind(0) for x in batch]
        columns += [x[:count].tolist() for x in scalars]
        columns += [self._tensors(i, scalars[i][:count]) for i in path.needs]
        held, outputs = self.held, ()
        with _below_autograd():
            for row in zip(*columns):
                outputs = path(held, *row)
        return outputs

    def wait(self) -> None:
        """Return when all steps have been computed."""
        if self.held:
            self.backend.synchronize(self.held[0])

    def explain(self) -> dict[str, str]:
        """Return how the steps of the last batch run."""
        path = next(reversed(self._paths.values()), "not yet")
        if isinstance(path, str):
            return {"path": f"eager: {path}", "steps": "one after another"}
        return {
            "path": f"replay: {path.calls} torch operations recorded, no autograd",
            "steps": "one after another, any number a call",
        }

    @cached_property
    def compiled(self) -> Callable[..., Tensors]:
        """The function as it is, with results that alias nothing."""
        return self.backend.jit(self.function, self.consumed)

    def _own(self) -> None:
        self.held = [
            x.clone(memory_format=torch.contiguous_format)
            if i in self.consumed
            else x.contiguous()
            for i, x in enumerate(self.held)
        ]
        self.lent = False

    def _tensors(self, index: int, values: Array) -> Tensors:
        return torch.from_numpy(values.astype(self.scalars[index])).unbind(0)

    def _record(
        self, key: Any, batch: Sequence[Array], scalars: Sequence[Array]
    ) -> Tensors:
        """Run one step and keep what replays it."""
        self.device = placement.get()
        tape, rows = Tape(), [share(x[0]).to(self.device) for x in batch]
        # Aliases, so that each entry is an object that no other is.
        state = [x.detach() for x in self.held]
        numbers = [self._tensors(i, x[:1])[0] for i, x in enumerate(scalars)]
        for letter, tensors in (("b", rows), ("s", numbers)):
            for i, x in enumerate(tensors):
                tape.names[x] = f"{letter}{i}"
        for i, x in enumerate(state):
            tape.names[x] = f"S[{i}]"
        for i, (x, values) in enumerate(zip(numbers, scalars)):
            tape.hosted[x] = f"n{i}", values[0].item()
        with tape:
            results = self.function(*state, *rows, *numbers)
            taken = {
                x.untyped_storage().data_ptr()
                for x in (*state, *rows, *numbers, *tape.constants.values())
                if isinstance(x, Tensor)
            }
            new = {
                i: transforms.owned(x.contiguous(), taken)
                for i, (x, old) in enumerate(zip(results, state))
                if x is not old
            }
            outputs = [transforms.owned(x, taken) for x in results[len(state) :]]
            written = {i: tape.name(x) for i, x in new.items()}
            names = [tape.name(x) for x in outputs]
        for i, x in new.items():
            self.held[i] = x
        if len(self._paths) == _KEPT:
            del self._paths[next(iter(self._paths))]
        count = range(len(numbers))
        arguments = [f"b{i}" for i in range(len(rows))] + [f"n{i}" for i in count]
        self._paths[key] = tape.refused or tape.function(
            arguments, [f"s{i}" for i in count], written, names
        )
        return tuple(outputs)

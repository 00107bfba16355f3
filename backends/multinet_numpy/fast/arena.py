"""From a plan to code: lifetimes, places in one arena, and the source of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet_numpy.fast.plan import Buffer, Operation, Plan, Planned, planned_in

_ALIGN = 64


class Arena:
    """Memory that the plans of a program share: no value in it outlives a step."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.uint8)

    def reserve(self, size: int) -> Any:
        """Return aligned memory of at least `size` bytes."""
        if self.memory.size < size:
            raw = np.empty(size + _ALIGN, np.uint8)
            start = -raw.ctypes.data % _ALIGN
            self.memory = raw[start : start + size]
        return self.memory


def aligned(x: Planned, out: Planned) -> bool:
    """Return whether `out` may be written element by element over x, all its memory."""
    a, b, root = x.value, out.value, x.root.example
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and a.strides == b.strides
        and a.size == root.size
        and a.ctypes.data == root.ctypes.data
    )


class Layout:
    """Where each buffer of a plan lies."""

    def __init__(self, plan: Plan, results: Any) -> None:
        self.plan, self.code, self.size = plan, plan.code, 0
        for i, op in enumerate(self.code):
            for x in op.outs:
                x.root.first = x.root.last = i
            for x in planned_in(op.args):
                _touch(x.root, i)
        for x in planned_in(results):
            _touch(x.root, len(self.code))

    def pin(self, before: Planned, after: Planned) -> bool:
        """Let a state's new value be computed in its own memory, if none reads the old
        one later.
        """
        root = after.root
        if root.home is not None or before.root.last > root.first:
            return False
        op = self.code[root.first]
        if before.root.last == root.first and not _over(op, before.root, before):
            return False
        root.home = before.root.home.reshape(root.example.shape)
        return True

    def merge(self) -> None:
        """Let elementwise results take over the memory of operands that die there."""
        for i, op in enumerate(self.code):
            if op.kind not in ("each", "copy") or op.outs[0].root.home is not None:
                continue
            out = op.outs[0]
            for x in planned_in(op.args):
                chief = x.root.chief
                if chief.home is not None or chief.last != i or not aligned(x, out):
                    continue
                if chief.group is not None and out.root.group is not None:
                    continue
                if not _over(op, chief, out):
                    continue
                out.root.merged = chief
                chief.last = out.root.last
                chief.group = chief.group or out.root.group
                break

    def place(self) -> dict[int, int]:
        """Return the offset in the arena of each buffer, by id."""
        for group in self.plan.groups:
            for x in group:
                if x.home is None and x.group is None:
                    x.group = group
        self.merge()
        blocks = _blocks(self.plan, self.code)
        blocks.sort(key=lambda block: -block[0])
        offsets: dict[int, int] = {}
        spans = np.zeros((len(blocks), 4), np.int64)  # start, end, first, last
        for n, (size, first, last, members) in enumerate(blocks):
            taken = spans[:n]
            taken = taken[(taken[:, 2] <= last) & (taken[:, 3] >= first)]
            start = 0
            for low, high in sorted(map(tuple, taken[:, :2].tolist())):
                if start + size <= low:
                    break
                start = max(start, high)
            spans[n] = start, start + size, first, last
            for buffer, offset in members:
                offsets[id(buffer)] = start + offset
        self.size = int(spans[:, 1].max(initial=0))
        return offsets


def _touch(root: Buffer, i: int) -> None:
    root.last = max(root.last, i)
    for kept in root.keeps:
        _touch(kept, i)


def _over(op: Operation, root: Buffer, like: Planned) -> bool:
    """Return whether all that `op` reads of `root` is read element by element."""
    if op.kind not in ("each", "copy"):
        return False
    reads = [x for x in planned_in(op.args) if x.root.chief is root]
    return all(aligned(x, like) for x in reads)


def _blocks(plan: Plan, code: Sequence[Operation]) -> list[Any]:
    """Return (bytes, first, last, [(buffer, offset)]) of what needs a place."""
    blocks, seen = [], set()
    for op in code:
        for x in op.outs:
            root = x.root.chief
            if root.home is not None or id(root) in seen:
                continue
            members, size = [], 0
            for buffer in root.group or [root]:
                chief = buffer.chief
                if chief.home is None and id(chief) not in seen:
                    seen.add(id(chief))
                    members.append((chief, size))
                    size += chief.example.nbytes
            if id(root) not in seen:
                seen.add(id(root))
                members.append((root, size))
                size += root.example.nbytes
            first = min(b.first for b, _ in members)
            last = max(b.last for b, _ in members)
            blocks.append((-(-size // _ALIGN) * _ALIGN, first, last, members))
    return blocks

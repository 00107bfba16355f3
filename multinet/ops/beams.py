"""The beam search of connectionist temporal classification, in fixed shapes."""

from __future__ import annotations

import math
from typing import Any

from multinet.ops.core import shape_of
from multinet.registry import current
from multinet.typing import Tensor

_NEVER = -1e30  # the log of an impossible event
_UNUSED = -1  # in a sequence: no label yet


def search(
    logits: Tensor, lengths: Tensor, width: int, paths: int, blank: int
) -> tuple[Tensor, Tensor]:
    """Return the best sequences (paths, b, t), and their log-probabilities (b, paths).

    A beam is a sequence with the log-probabilities of all alignments that end in a
    blank, and of those that do not. Letters: b batch, w beams, k classes, t time.
    """
    backend, dtype = current(), current().dtype(logits)
    b, t, _ = shape_of(logits)
    steps = backend.transpose(backend.log_softmax(logits, 2), (1, 0, 2))
    time = backend.reshape(backend.arange(0, t, 1, "int32"), (t, 1))
    running = backend.less(time, lengths)  # t b
    number = backend.broadcast_to(backend.arange(0, width, 1, "int32"), (b, width))
    first = backend.equal(number, 0)
    never = backend.full((b, width), _NEVER, dtype)
    labels = _mark(backend.full((b, width, t), _UNUSED, "int32"), first)
    size = backend.full((b, width), 0, "int32")
    start = (labels, size, backend.where(first, 0.0, never), never)

    def step(carry: Any, row: Any) -> Any:
        scores, valid = row
        new = _step(carry, scores, blank)
        kept = [
            backend.where(
                backend.reshape(valid, (b, *(1,) * (len(shape_of(n)) - 1))), n, o
            )
            for n, o in zip(new, carry)
        ]
        return tuple(kept), ()

    (labels, _, ended, open_), _ = backend.scan(step, start, (steps, running), t, False)
    total, best = backend.top_k(backend.logaddexp(ended, open_), paths)
    index = backend.broadcast_to(backend.expand_dims(best, 2), (b, paths, t))
    found = backend.maximum(backend.take_along_axis(labels, index, 1), _UNUSED)
    lost = backend.less(total, _NEVER / 2)
    return backend.transpose(found, (1, 0, 2)), backend.where(lost, -math.inf, total)


def _mark(labels: Any, alive: Any) -> Any:
    """Return labels (b, w, t), those of dead beams replaced by numbers of their own."""
    backend, (b, w, t) = current(), shape_of(labels)
    own = backend.subtract(_UNUSED - 1, backend.arange(0, w, 1, "int32"))
    own = backend.broadcast_to(backend.reshape(own, (1, w, 1)), (b, w, t))
    return backend.where(backend.expand_dims(alive, 2), labels, own)


def _step(beams: Any, scores: Any, blank: int) -> tuple[Any, ...]:
    """Return the best beams after one more step with scores (b, k)."""
    backend, (labels, size, ended, open_) = current(), beams
    b, w = shape_of(size)
    k = shape_of(scores)[1]
    total = backend.logaddexp(ended, open_)
    last = _last(labels, size)
    places = backend.arange(0, k, 1, backend.dtype(last))
    ends = backend.equal(backend.expand_dims(last, 2), places)  # b w k; -1 has none
    ends = backend.cast(ends, backend.dtype(scores))
    own = backend.squeeze(backend.matmul(ends, backend.expand_dims(scores, 2)), (2,))
    child = _children(labels, size)  # b w w: whether beam j is beam i and one label
    # A beam goes on by a blank, by its last label again, or comes from its parent.
    from_blank = backend.add(
        total, backend.slice(scores, (0, blank), (b, blank + 1), (1, 1))
    )
    same = backend.equal(backend.expand_dims(last, 2), backend.expand_dims(last, 1))
    parent = backend.where(
        same, backend.expand_dims(ended, 1), backend.expand_dims(total, 1)
    )
    parent = backend.max(backend.where(child, parent, _NEVER), (2,), False)
    repeated = backend.add(backend.logaddexp(open_, parent), own)
    repeated = backend.where(backend.less(0, size), repeated, _NEVER)
    # Or it gets a label; not where that gives a beam which is there already.
    plain = backend.expand_dims(total, 2)
    longer = backend.where(
        backend.less(0.5, ends), backend.expand_dims(ended, 2), plain
    )
    longer = backend.add(longer, backend.expand_dims(scores, 1))
    taken = backend.matmul(
        backend.transpose(backend.cast(child, backend.dtype(ends)), (0, 2, 1)), ends
    )
    barred = backend.logical_or(
        backend.less(0.5, taken), backend.equal(backend.arange(0, k, 1, "int32"), blank)
    )
    longer = backend.reshape(backend.where(barred, _NEVER, longer), (b, w * k))
    never = backend.full((b, w * k), _NEVER, backend.dtype(scores))
    ended = backend.concatenate([from_blank, never], 1)
    open_ = backend.concatenate([repeated, longer], 1)
    return _best((labels, size), ended, open_, k)


def _last(labels: Any, size: Any) -> Any:
    """Return the last label of each beam (b, w), -1 of an empty one."""
    backend = current()
    index = backend.expand_dims(backend.maximum(backend.subtract(size, 1), 0), 2)
    found = backend.squeeze(backend.take_along_axis(labels, index, 2), (2,))
    return backend.where(backend.less(0, size), found, -1)


def _children(labels: Any, size: Any) -> Any:
    backend, t = current(), shape_of(labels)[2]
    time = backend.arange(0, t, 1, "int32")
    end = backend.equal(time, backend.expand_dims(backend.subtract(size, 1), 2))
    without = backend.where(end, _UNUSED, labels)
    equal = backend.equal(
        backend.expand_dims(without, 2), backend.expand_dims(labels, 1)
    )
    equal = backend.all(equal, (3,), False)
    return backend.logical_and(equal, backend.expand_dims(backend.less(0, size), 2))


def _best(beams: Any, ended: Any, open_: Any, k: int) -> tuple[Any, ...]:
    """Return the w best of the candidates: w beams as they were, then w * k longer."""
    backend, (labels, size) = current(), beams
    b, w, t = shape_of(labels)
    total, chosen = backend.top_k(backend.logaddexp(ended, open_), w)
    ended, open_ = (backend.take_along_axis(p, chosen, 1) for p in (ended, open_))
    longer = backend.less_equal(w, chosen)
    place = backend.subtract(chosen, w)
    source = backend.where(longer, backend.floor_divide(place, k), chosen)
    label = backend.mod(place, k)
    index = backend.broadcast_to(backend.expand_dims(source, 2), (b, w, t))
    labels = backend.take_along_axis(labels, index, 1)
    size = backend.take_along_axis(size, source, 1)
    here = backend.equal(backend.arange(0, t, 1, "int32"), backend.expand_dims(size, 2))
    here = backend.logical_and(here, backend.expand_dims(longer, 2))
    labels = backend.where(here, backend.expand_dims(label, 2), labels)
    size = backend.add(size, backend.cast(longer, "int32"))
    alive = backend.less(_NEVER / 2, total)
    size = backend.where(alive, size, 0)
    ended, open_ = (backend.maximum(p, _NEVER) for p in (ended, open_))
    return _mark(labels, alive), size, ended, open_

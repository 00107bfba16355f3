"""Connectionist temporal classification: sequences of labels without an alignment."""

from __future__ import annotations

import math
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.ops.axes import axis_of
from multinet.ops.beams import search
from multinet.ops.checks import in_range, real_numbers
from multinet.ops.core import cast_tensor, op, shape_of
from multinet.ops.indexing import as_index
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Tensor

# The log of an impossible event: sums of a few stay finite, so gradients are no NaN.
_NEVER = -1e30


def _scores(x: Any, what: str) -> Any:
    """Return scores (b, t, k) in float32 or wider."""
    x = real_numbers(f"ops.{what}", x)
    if len(shape_of(x)) != 3:
        raise ShapeError(
            f"ops.{what} expects scores of shape (batch, time, classes), got "
            f"{public_shape(shape_of(x))}."
        )
    return cast_tensor(x, dtypes.promote(current().dtype(x), "float32"))


def _vector(x: Any, batch: Any, what: str) -> Any:
    x = cast_tensor(as_index(x), "int32")
    if len(shape_of(x)) != 1 or differ(shape_of(x)[0], batch):
        raise ShapeError(
            f"Expected {what} as one length for each sequence, ({batch},), got shape "
            f"{public_shape(shape_of(x))}."
        )
    return x


@op
def ctc_loss(
    target: Tensor,
    output: Tensor,
    target_length: Tensor,
    output_length: Tensor,
    mask_index: int = 0,
) -> Tensor:
    """Return -log of the probability of each target over all its alignments, (b,).

    `target` (b, n) holds labels, `output` (b, t, k) logits of labels and of the blank,
    which is class `mask_index`; the lengths (b,) say how much of them counts. Infinite,
    with gradient zero, where the output is too short for the target.

    Source: Graves et al., "Connectionist temporal classification", 2006.
    """
    backend, logits = current(), _scores(output, "ctc_loss")
    labels = cast_tensor(as_index(target), "int32")
    b, t, k = shape_of(logits)
    if len(shape_of(labels)) != 2 or differ(shape_of(labels)[0], b):
        raise ShapeError(
            f"ops.ctc_loss expects a target of shape ({b}, labels), got "
            f"{public_shape(shape_of(labels))}."
        )
    n = shape_of(labels)[1]
    lengths = _vector(target_length, b, "target_length")
    steps = _vector(output_length, b, "output_length")
    blank = _blank(mask_index, k)
    # The states are the blanks and labels in turn: 2 n + 1 of them.
    used = backend.less(
        backend.arange(0, n, 1, "int32"), backend.expand_dims(lengths, 1)
    )
    labels = backend.where(used, labels, 0)  # what pads them may be any number
    in_range(labels, k, f"labels of {k} classes")
    blanks = backend.full((b, n), blank, "int32")
    path = backend.reshape(backend.stack([blanks, labels], 2), (b, 2 * n))
    path = backend.pad(path, [(0, 0), (0, 1)], blank)
    index = backend.broadcast_to(backend.expand_dims(path, 1), (b, t, 2 * n + 1))
    emitted = backend.take_along_axis(backend.log_softmax(logits, 2), index, 2)
    alpha = _forward(emitted, _skips(path), steps)
    return _total(alpha, lengths)


def _skips(path: Any) -> Any:
    """Return where the state two before may come first: labels that differ from it.

    Labels have the odd places, also one that is the class of the blank.
    """
    backend = current()
    place = backend.arange(0, shape_of(path)[1], 1, "int32")
    differs = backend.not_equal(path, _shifted(path, 2, -1))
    return backend.logical_and(backend.equal(backend.mod(place, 2), 1), differs)


def _shifted(x: Any, count: int, value: Any) -> Any:
    """Return x (b, s) with its columns moved to the right; `value` fills the left."""
    backend, (b, s) = current(), shape_of(x)
    wide = backend.pad(x, [(0, 0), (count, 0)], value)
    return backend.slice(wide, (0, 0), (b, s), (1, 1))


def _forward(emitted: Any, skips: Any, steps: Any) -> Any:
    """Return the log-probability of ending in each state (b, s), after all steps."""
    backend, dtype = current(), current().dtype(emitted)
    b, t, s = shape_of(emitted)
    first = backend.equal(backend.arange(0, s, 1, "int32"), 0)
    start = backend.where(first, 0.0, backend.full((b, s), _NEVER, dtype))
    time = backend.reshape(backend.arange(0, t, 1, "int32"), (t, 1))
    running = backend.less(time, steps)  # t b

    def step(carry: Any, row: Any) -> Any:
        (alpha,), (emission, valid) = carry, row
        one, two = _shifted(alpha, 1, _NEVER), _shifted(alpha, 2, _NEVER)
        two = backend.where(skips, two, _NEVER)
        arrived = backend.logaddexp(backend.logaddexp(alpha, one), two)
        moved = backend.maximum(backend.add(arrived, emission), _NEVER)
        return (backend.where(backend.expand_dims(valid, 1), moved, alpha),), ()

    rows = (backend.transpose(emitted, (1, 0, 2)), running)
    (alpha,), _ = backend.scan(step, (start,), rows, t, False)
    return alpha


def _total(alpha: Any, lengths: Any) -> Any:
    """Return the loss: the last label or the blank behind it ends the sequence."""
    backend = current()
    last = backend.expand_dims(backend.multiply(lengths, 2), 1)
    blank = backend.take_along_axis(alpha, last, 1)
    index = backend.maximum(backend.subtract(last, 1), 0)
    label = backend.take_along_axis(alpha, index, 1)
    label = backend.where(backend.less(0, last), label, _NEVER)
    loss = backend.negative(backend.squeeze(backend.logaddexp(blank, label), (1,)))
    return backend.where(backend.less(loss, -_NEVER / 2), loss, math.inf)


@op
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """Return likely sequences (paths, b, t), int32 filled up with -1, and scores (b,
    paths).

    `inputs` (b, t, k) are logits with the blank at `mask_index`. `greedy` takes the
    best class of each step; the score is minus the sum of their logits.
    `beam_search` keeps `beam_width` sequences and returns `top_paths` of them with
    their log-probabilities.

    Source: Graves et al., "Connectionist temporal classification", 2006; Hannun et al.,
    "First-pass large vocabulary continuous speech recognition", 2014.
    """
    x = _scores(inputs, "ctc_decode")
    lengths = _vector(sequence_lengths, shape_of(x)[0], "sequence_lengths")
    classes = shape_of(x)[2]
    blank = _blank(mask_index, classes)
    if strategy == "greedy":
        return _greedy(x, lengths, merge_repeated, blank)
    if strategy != "beam_search":
        raise unknown_name("strategy", strategy, ("greedy", "beam_search"))
    if isinstance(classes, Dim) or isinstance(shape_of(x)[1], Dim):
        raise ShapeError("The beam search needs time and classes of known sizes.")
    if not 0 < top_paths <= beam_width:
        raise ArgumentError(
            f"Expected 0 < top_paths <= beam_width, got {top_paths}, {beam_width}."
        )
    return search(x, lengths, beam_width, top_paths, blank)


def _blank(index: int, classes: Any) -> Any:
    """Return the class of the blank, counted from the front."""
    if isinstance(classes, Dim):
        return index + classes if index < 0 else index
    return axis_of(index, classes, "mask_index")


def _greedy(x: Any, lengths: Any, merge: bool, blank: int) -> tuple[Any, Any]:
    backend, t = current(), shape_of(x)[1]
    time = backend.arange(0, t, 1, "int32")
    past = backend.less_equal(backend.expand_dims(lengths, 1), time)  # b t
    best = backend.where(past, blank, backend.argmax(x, 2))
    score = backend.where(past, 0.0, backend.max(x, (2,), False))
    empty = backend.equal(best, blank)
    if merge:
        before = _shifted(best, 1, blank)
        empty = backend.logical_or(empty, backend.equal(best, before))
    # A stable sort by emptiness moves what is kept to the front.
    order = backend.argsort(backend.cast(empty, "int32"))
    kept = backend.take_along_axis(backend.where(empty, -1, best), order, 1)
    total = backend.negative(backend.sum(score, (1,), True))
    return backend.expand_dims(kept, 0), total

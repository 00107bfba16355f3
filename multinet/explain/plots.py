"""Heat maps of explanations, by matplotlib: pictures, series, tables and texts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet.checks import one_of
from multinet.config import image_data_format
from multinet.errors import ArgumentError, ShapeError
from multinet.typing import Host
from multinet.visualization.plotting import pyplot_for

_ROWS = 4  # that are drawn where nobody says which
_COLUMNS = 20  # of a table, those with the largest parts
_COLORS = "RdBu_r"  # red speaks for the score, blue against it
_WIDTH = 60  # letters of a line of a text

Labels = Sequence[str] | Sequence[Sequence[str]] | None


def channels(array: Host) -> int | None:
    """Return the axis of channels: of series the last, of pictures as configured."""
    if array.ndim < 3:
        return None
    first = array.ndim > 3 and image_data_format() == "channels_first"
    return 1 if first else array.ndim - 1


def plot_heatmap(
    attributions: Host,
    x: Host,
    path: str | os.PathLike[str],
    kind: str | None = None,
    labels: Labels = None,
    rows: Sequence[int] | None = None,
) -> None:
    """Draw what parts inputs have in scores into a file, one below the other.

    Both arrays have the batch first. `kind` is "image", "series", "table" or "text";
    left out, it is that of the axes of x: four, three, or two. `labels` are the names
    of columns or channels, or the words of each row. `BackendError` without matplotlib.
    """
    kinds: dict[str, Callable[..., None]] = {
        "image": _image,
        "series": _series,
        "table": _table,
        "text": _text,
    }
    kind = _kind(x) if kind is None else one_of(kind, "kind", list(kinds))
    rows = list(range(min(len(x), _ROWS))) if rows is None else list(rows)
    if not rows or min(rows) < 0 or max(rows) >= len(x):
        raise ArgumentError(f"Expected rows within {len(x)}, got {rows}.")
    pyplot = pyplot_for("Heat maps are")
    columns = 2 if kind == "image" else 1
    width, height = {"image": (5.4, 2.6), "table": (5.4, 3.4)}.get(kind, (6.4, 2.0))
    figure, axes = pyplot.subplots(
        len(rows), columns, figsize=(width, height * len(rows)), squeeze=False
    )
    for row, places in zip(rows, axes):
        names = _labels(labels, row, kind)
        kinds[kind](places, np.asarray(attributions[row], "float64"), x[row], names)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _kind(x: Host) -> str:
    found = {2: "table", 3: "series", 4: "image"}.get(x.ndim)
    if found is None:
        raise ShapeError(
            f"Expected inputs of 2 to 4 axes to draw, got the shape {x.shape}. Say "
            "what it is by `kind`."
        )
    return found


def _labels(labels: Labels, row: int, kind: str) -> Sequence[str] | None:
    if kind == "text":
        if labels is None:
            raise ArgumentError("A text needs `labels`: the words of each row.")
        words: Any = labels[row]
        return words.split() if isinstance(words, str) else words
    return labels  # type: ignore[return-value]


def _image(axes: Any, parts: Host, x: Host, labels: Any) -> None:
    """Draw a picture, and the parts of its pixels over a pale copy."""
    if x.ndim == 3 and image_data_format() == "channels_first":
        x = np.moveaxis(x, 0, -1)
        parts = np.moveaxis(parts, 0, -1) if parts.ndim == 3 else parts
    parts = parts.sum(axis=-1) if parts.ndim == 3 else parts
    x = np.asarray(x, "float64")
    low, high = x.min(), x.max()
    x = (x - low) / (high - low or 1)
    pale = x.mean(axis=-1) if x.ndim == 3 else x
    height, width = pale.shape
    x = x[..., 0] if x.ndim == 3 and x.shape[-1] not in (3, 4) else x
    most = _most(parts)
    axes[0].imshow(x, cmap="gray")
    axes[1].imshow(pale, cmap="gray", alpha=0.6)
    image = axes[1].imshow(
        parts,
        cmap=_COLORS,
        vmin=-most,
        vmax=most,
        alpha=0.75,
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    axes[1].figure.colorbar(image, ax=axes[1], fraction=0.046)
    for each in axes:
        each.set(xticks=[], yticks=[])


def _series(axes: Any, parts: Host, x: Host, labels: Any) -> None:
    """Draw the lines of a series over the colors of its times."""
    place, most = axes[0], _most(parts.sum(axis=-1) if parts.ndim == 2 else parts)
    line = parts.sum(axis=-1) if parts.ndim == 2 else parts
    x = x[:, None] if x.ndim == 1 else x
    low, high = float(x.min()), float(x.max())
    room = 0.05 * (high - low or 1)
    image = place.imshow(
        line[None],
        cmap=_COLORS,
        vmin=-most,
        vmax=most,
        alpha=0.75,
        aspect="auto",
        extent=(-0.5, len(x) - 0.5, low - room, high + room),
    )
    drawn = place.plot(x, linewidth=1.2)
    if labels is not None:
        place.legend(drawn, labels, fontsize=7, frameon=False, loc="upper right")
    else:
        for each in drawn if x.shape[-1] == 1 else ():
            each.set_color("black")
    place.figure.colorbar(image, ax=place, fraction=0.046, pad=0.02)


def _table(axes: Any, parts: Host, x: Host, labels: Any) -> None:
    """Draw a bar for each column, the largest part on top."""
    parts, x, place = parts.ravel(), x.ravel(), axes[0]
    names = [str(i) for i in range(len(parts))] if labels is None else labels
    if len(names) != len(parts):
        raise ArgumentError(f"Expected {len(parts)} labels, got {len(names)}.")
    order = np.argsort(-np.abs(parts), kind="stable")[:_COLUMNS][::-1]
    colors = ["#b2182b" if parts[i] > 0 else "#2166ac" for i in order]
    place.barh([f"{names[i]} = {x[i]:.3g}" for i in order], parts[order], color=colors)
    place.axvline(0, color="gray", linewidth=0.8)
    place.tick_params(labelsize=7)


def _text(axes: Any, parts: Host, x: Host, labels: Any) -> None:
    """Draw words on the colors of their parts, in lines."""
    parts, place = parts.sum(axis=-1) if parts.ndim == 2 else parts, axes[0]
    if len(labels) > len(parts):
        raise ArgumentError(f"{len(labels)} words have {len(parts)} parts.")
    most, colors = _most(parts[: len(labels)]), _colors()
    column, line = 0, 0
    for word, part in zip(labels, parts):
        if column and column + len(word) > _WIDTH:
            column, line = 0, line + 1
        place.text(
            column,
            -line,
            word,
            family="monospace",
            fontsize=9,
            va="center",
            color="white" if abs(part) > 0.6 * most else "black",
            bbox={
                "facecolor": colors(0.5 + part / (2 * most)),
                "edgecolor": "none",
                "boxstyle": "square,pad=0.25",
            },
        )
        column += len(word) + 2
    place.set(xlim=(-1, _WIDTH + 1), ylim=(-line - 0.7, 0.7))
    place.axis("off")


def _colors() -> Any:
    return pyplot_for("Heat maps are").get_cmap(_COLORS)


def _most(parts: Host) -> float:
    """Return the largest number without sign, 1 where all are 0."""
    return float(np.abs(parts).max(initial=0)) or 1.0

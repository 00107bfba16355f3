"""Grids of images, plotted by matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet.ops.core import host
from multinet.tracebacks import shortening
from multinet.typing import Host, Tensor, Tensors
from multinet.visualization.drawing import (
    Color,
    batch_of,
    draw_bounding_boxes,
    draw_segmentation_masks,
)
from multinet.visualization.plotting import pyplot_for


@shortening
def plot_image_gallery(
    images: Tensor,
    y_true: Tensor | None = None,
    y_pred: Tensor | None = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: tuple[float, float] = (0, 255),
    scale: float = 2,
    path: str | Path | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: int = 60,
    legend_handles: Sequence[object] | None = None,
    data_format: str | None = None,
) -> None:
    """Show images in a grid, or save that to `path`.

    `label_map` has the names of labels, which are titles then. The grid is about as
    high as wide; `scale` is the size of an image in inches.
    """
    if path is not None and show:
        raise ArgumentError("A gallery is shown or saved: pass path, or show=True.")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ArgumentError("Labels are shown by their names: pass label_map, too.")
    pyplot, pictures = pyplot_for("Galleries are"), batch_of(images, data_format)
    rows = rows or math.ceil(math.sqrt(len(pictures)))
    cols = cols or math.ceil(len(pictures) / rows)
    low, high = value_range
    pictures = np.clip((pictures - float(low)) / (high - low) * 255, 0, 255)
    figure, axes = pyplot.subplots(
        rows,
        cols,
        figsize=(cols * scale, rows * scale),
        frameon=False,
        layout="tight",
        squeeze=False,
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    titles = _titles(y_true, y_pred, label_map or {}, len(pictures))
    for axis in axes.flat:
        axis.margins(x=0, y=0)
        axis.axis("off")
    for axis, picture, title in zip(axes.flat, pictures.astype(np.uint8), titles):
        axis.imshow(picture if picture.shape[-1] != 1 else picture[..., 0], cmap="gray")
        axis.set_title(title, fontsize=8)
    _finish(pyplot, figure, path, show, transparent, dpi)


def _titles(
    y_true: Tensor | None, y_pred: Tensor | None, names: Mapping[int, str], count: int
) -> list[str]:
    """Return what stands above each image."""
    found: list[list[str]] = [[] for _ in range(count)]
    for word, labels in (("Label", y_true), ("Pred", y_pred)):
        given = [] if labels is None else np.ravel(host(labels)).tolist()
        for title, label in zip(found, given):
            title.append(f"{word}: {names.get(label, 'Unknown')}")
    return ["  ".join(parts) for parts in found]


def _finish(
    pyplot: Any,
    figure: Any,
    path: str | Path | None,
    show: bool | None,
    transparent: bool,
    dpi: int,
) -> None:
    """Save a figure, or show it unless the program does that later."""
    if path is not None:
        options = {"pad_inches": 0, "bbox_inches": "tight", "dpi": dpi}
        figure.savefig(path, transparent=transparent, **options)
        pyplot.close(figure)
    elif show is None or show:
        pyplot.show()
        pyplot.close(figure)


@shortening
def plot_bounding_box_gallery(
    images: Tensor,
    bounding_box_format: str,
    y_true: Tensors | None = None,
    y_pred: Tensors | None = None,
    value_range: tuple[float, float] = (0, 255),
    true_color: Color = (0, 188, 212),
    pred_color: Color = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[object] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: object,
) -> None:
    """Show images in a grid with their true boxes and those that were predicted.

    Boxes are dicts, see `draw_bounding_boxes`; the rest is of `plot_image_gallery`.
    """
    pyplot = pyplot_for("Galleries are")
    if legend and legend_handles:
        raise ArgumentError("A gallery has one legend: pass legend or legend_handles.")
    low, high = value_range
    pictures = batch_of(images, data_format)
    pictures = (pictures - float(low)) / (high - low) * 255
    sides = (
        ("Ground Truth", y_true, true_color, ground_truth_mapping),
        ("Prediction", y_pred, pred_color, prediction_mapping),
    )
    for _, boxes, color, names in sides:
        if boxes is not None:
            pictures = draw_bounding_boxes(
                pictures.astype(np.uint8),
                boxes,
                bounding_box_format,
                class_mapping=names or class_mapping,
                color=color,
                line_thickness=line_thickness,
                text_thickness=text_thickness or line_thickness,
                font_scale=font_scale,
                data_format="channels_last",
            )
    if legend:
        legend_handles = [
            pyplot.Rectangle((0, 0), 1, 1, color=np.asarray(color) / 255, label=name)
            for name, _, color, _ in sides
        ]
    options: Any = {"rows": rows, "cols": cols, "legend_handles": legend_handles}
    _gallery(pictures, options, kwargs)


def _gallery(pictures: Host, options: dict[str, Any], more: dict[str, Any]) -> None:
    form = {"value_range": (0, 255), "data_format": "channels_last"}
    plot_image_gallery(pictures, **{**form, **options, **more})


@shortening
def plot_segmentation_mask_gallery(
    images: Tensor,
    num_classes: int,
    value_range: tuple[float, float] = (0, 255),
    y_true: Tensor | None = None,
    y_pred: Tensor | None = None,
    color_mapping: Mapping[int, Color] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: object,
) -> None:
    """Show a row for each image: alone, with its true mask, with the predicted one.

    Masks are integers, see `draw_segmentation_masks`; the rest is of
    `plot_image_gallery`.
    """
    low, high = value_range
    pictures = batch_of(images, data_format)
    pictures = (pictures - float(low)) / (high - low) * 255
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            drawn = draw_segmentation_masks(
                pictures,
                batch_of(masks, data_format).astype(np.int32),
                num_classes=num_classes,
                color_mapping=color_mapping,
                alpha=alpha,
                blend=blend,
                ignore_index=ignore_index,
                data_format="channels_last",
            )
            columns.append(drawn)
    mixed = np.stack(columns, axis=1).reshape(-1, *pictures.shape[1:])
    _gallery(mixed, {"rows": len(pictures), "cols": len(columns)}, dict(kwargs))

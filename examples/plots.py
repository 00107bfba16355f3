"""One look for the plots of the examples: matplotlib, with a style."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure

COLORS = ("#5c6bc0", "#ef6c00", "#26a69a", "#d81b60", "#8d6e63", "#78909c")
STYLE = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": matplotlib.cycler(color=COLORS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.titlesize": 12,
    "figure.titleweight": "bold",
    "grid.color": "#e8e8ec",
    "legend.frameon": False,
}


def figure(rows=1, columns=1, width=4.2, height=3.4, **options):
    """Return a figure and its axes, as `plt.subplots` does; a size is of one axes."""
    matplotlib.rcParams.update(STYLE)
    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return made, made.subplots(rows, columns, **options)


def tab(index):
    """Return one of ten colours, for as many classes."""
    return matplotlib.colormaps["tab10"](index)


def tiles(images, columns):
    """Return images (n, height, width) as one, in rows with gaps; no row is cut."""
    gap = images.shape[1] // 4
    images = np.pad(images, ((0, 0), (gap, 0), (gap, 0)))
    n, height, width = images.shape
    grid = np.reshape(images, (n // columns, columns, height, width))
    whole = grid.swapaxes(1, 2).reshape(n // columns * height, columns * width)
    return np.pad(whole, (0, gap))


def picture(axes, image, **options):
    """Show an image without ticks, dark on light."""
    axes.imshow(image, cmap="gray_r", interpolation="bicubic", **options)
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def matrix(axes, counts, names):
    """Show how often each class (a row) was taken for each (a column)."""
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Purples", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = {"ha": "center", "va": "center", "fontsize": 9 if len(names) > 5 else 12}
        axes.text(column, row, count or "", color=color, **text)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False)
    axes.spines[:].set_visible(False)


def save(figure, path):
    """Write a figure to a file, and say where it is."""
    figure.savefig(path, dpi=150)
    print(f"Plot: {path}")

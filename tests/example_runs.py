"""Examples run in this process: what they print, and the plot that they write."""

import contextlib
import io
import runpy
import sys
import tempfile
from pathlib import Path
from unittest import mock

import matplotlib
import numpy as np
from matplotlib.image import imread

from multinet.registry import use_backend

EXAMPLES = Path(__file__).parent.parent / "examples"


def run_example(name, backend, *options):
    """Run an example on a backend, and return what it prints and its plot, if any.

    It runs as a program, with `options` as its arguments, in an empty folder. The
    plot is an array (height, width, 4) of 0 to 1.
    """
    arguments, printed = [name, *map(str, options)], io.StringIO()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(contextlib.chdir(folder))
        stack.enter_context(mock.patch.object(sys, "argv", arguments))
        stack.enter_context(mock.patch.object(sys, "path", [str(EXAMPLES), *sys.path]))
        stack.enter_context(contextlib.redirect_stdout(printed))
        stack.enter_context(matplotlib.rc_context())
        stack.enter_context(use_backend(backend))
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        plots = [imread(path) for path in folder.glob("*.png")]
    assert len(plots) <= 1
    return printed.getvalue(), plots[0] if plots else None


def check_plot(plot):
    """Check that a plot is large, has colours, and has something in each half."""
    assert plot.shape[0] > 300 and plot.shape[1] > 400
    pixels = (plot[..., :3] * 255).astype(np.uint8)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50
    high, wide = plot.shape[0] // 2, plot.shape[1] // 2
    for part in (pixels[:high], pixels[high:], pixels[:, :wide], pixels[:, wide:]):
        assert (part.min(-1) < 200).mean() > 0.005

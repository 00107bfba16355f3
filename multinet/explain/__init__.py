"""Why a model says what it says: which inputs speak for a score, and how well it fits.

Each function takes a model and inputs, on any backend, and returns an `Attribution`.
"""

from __future__ import annotations

from multinet import surface
from multinet.explain.attribution import Attribution
from multinet.explain.by_gradients import (
    gradients,
    integrated_gradients,
    smooth_gradients,
)
from multinet.explain.differences import deep_lift
from multinet.explain.maps import grad_cam, grad_cam_plus_plus
from multinet.explain.perturbing import occlusion, shapley_values
from multinet.explain.plots import plot_heatmap
from multinet.explain.relevances import relevance

__all__ = [
    "Attribution",
    "deep_lift",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradients",
    "integrated_gradients",
    "occlusion",
    "plot_heatmap",
    "relevance",
    "shapley_values",
    "smooth_gradients",
]

surface.show(__name__)

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
from multinet.explain.measures import (
    Curve,
    deletion_curve,
    infidelity,
    insertion_curve,
    randomization_check,
)
from multinet.explain.perturbing import occlusion, shapley_values
from multinet.explain.plots import plot_heatmap
from multinet.explain.relevances import relevance

__all__ = [
    "Attribution",
    "Curve",
    "deep_lift",
    "deletion_curve",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradients",
    "infidelity",
    "insertion_curve",
    "integrated_gradients",
    "occlusion",
    "plot_heatmap",
    "randomization_check",
    "relevance",
    "shapley_values",
    "smooth_gradients",
]

surface.show(__name__)

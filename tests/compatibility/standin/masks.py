"""The mask of a tensor, read and set through a public layer."""

from typing import Any

from .places import target


def _probe(mask: Any = None) -> tuple[Any, list[Any]]:
    """Return a layer that passes its input, and the list of masks that it sees."""
    seen: list[Any] = []

    class Probe(target().Layer):
        def __init__(self):
            super().__init__(autocast=False)
            self.supports_masking = True
            self.built = True

        def call(self, x: Any, mask: Any = None) -> Any:
            seen.append(mask)
            return x

        def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
            return mask

        def compute_output_spec(self, x: Any, mask: Any = None) -> Any:
            seen.append(mask)
            return x

    return Probe(), seen


def get_keras_mask(x: Any) -> Any:
    """Return the mask of a tensor, None if it has none."""
    mask = getattr(x, "_keras_mask", None)
    if mask is not None:
        return mask
    layer, seen = _probe()
    try:
        layer(x)
    except Exception:  # what no layer takes has no mask
        return None
    return seen[-1] if seen else None


def set_keras_mask(x: Any, mask: Any) -> None:
    """Give a tensor a mask: by a layer, else where Keras has it."""
    if mask is not None and _set_by_layer(x, mask):
        return
    x._keras_mask = mask


def _set_by_layer(x: Any, mask: Any) -> bool:
    layer, _ = _probe(mask)
    try:
        return layer(x) is x and get_keras_mask(x) is not None
    except Exception:  # what no layer takes
        return False

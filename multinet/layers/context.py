"""Masks: which positions of a tensor count.

A mask says which positions of a tensor count. Tensors are the backend's own and carry
no attributes, so masks are kept beside them, by identity, and end with the call. What
a call outside of any other returned keeps its mask for as long as the tensor lives.
"""

from __future__ import annotations

import weakref
from typing import Any

import optree

from multinet.calls import CallContext, active, loose, mask_of
from multinet.registry import current
from multinet.typing import Tensor, Tensors


def masks_in(tree: Tensors) -> Tensors | None:
    """Return the masks of a tensor or of a tree of them; None if there is none."""
    context = active.get()
    if not loose and (context is None or not context.masks):
        return None
    if current().is_tensor(tree):
        return mask_of(tree)
    masks = optree.tree_map(mask_of, tree)
    return masks if optree.tree_leaves(masks) else None


def set_mask(tensor: Tensor, mask: Tensor | None) -> None:
    """Give a tensor a mask, for the rest of the call in progress if there is one."""
    context = active.get()
    if mask is None:
        return
    if context is not None:
        context.masks[id(tensor)] = (tensor, mask)
    else:
        _loosen(tensor, mask)


def keep_masks(context: CallContext, outputs: Tensors) -> None:
    """Keep the masks of what an outermost call returned."""
    if current().symbolic:
        return
    for tensor in optree.tree_leaves(outputs):
        if id(tensor) in context.masks:
            _loosen(tensor, context.masks[id(tensor)][1])


def _loosen(tensor: Any, mask: Any) -> None:
    key = id(tensor)
    loose[key] = (weakref.ref(tensor, lambda _: loose.pop(key, None)), mask)

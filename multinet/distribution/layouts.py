"""LayoutMap: layouts by the paths of weights."""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, MutableMapping, Sequence

from multinet.distribution.meshes import DeviceMesh, TensorLayout
from multinet.errors import ArgumentError


class LayoutMap(MutableMapping[str, TensorLayout | None]):
    """Layouts of weights by regular expressions, which a whole path has to match.

    A path is that of Keras, `variable.path`, or the address in the model, as
    `model.paths()` gives it. A value is a tuple with an axis of the mesh, or None, for
    each axis of the weight, or a `TensorLayout`. What no rule matches is whole on each
    device.

    A rule that matches no weight of a model warns once, with paths that are near; with
    `strict` it is an `ArgumentError`.

    >>> layouts = distribution.LayoutMap(mesh)
    >>> layouts[".*dense.*kernel"] = (None, "model")
    """

    def __init__(self, device_mesh: DeviceMesh, strict: bool = False) -> None:
        self._device_mesh, self.strict = device_mesh, strict
        self._rules: dict[str, TensorLayout] = {}
        self._used: set[str] = set()  # the rules that matched something
        self._told = False  # whether the rest have been told

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh of the layouts."""
        return self._device_mesh

    def __getitem__(self, key: str) -> TensorLayout | None:
        """Return the layout for a path, None where no rule matches.

        `ArgumentError` where several do, unless one is the path itself.
        """
        found = [key] if key in self._rules else self._matching(key)
        if len(found) > 1:
            raise ArgumentError(
                f"Expected one rule at most for {key!r}, got {found}. Make the "
                "patterns of the LayoutMap narrower."
            )
        self._used.update(found)
        return self._rules[found[0]] if found else None

    def _matching(self, path: str) -> list[str]:
        return [rule for rule in self._rules if re.fullmatch(rule, path)]

    def __setitem__(
        self, key: str, layout: TensorLayout | Sequence[str | None] | None
    ) -> None:
        if key in self._rules:
            raise ArgumentError(
                f"{key!r} has {self._rules[key]} already. Delete it first."
            )
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ArgumentError(
                f"Expected a TensorLayout for {key!r}, or a tuple of names of axes and "
                f"None, got {layout!r}."
            )
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._rules[key], self._told = layout, False

    def __delitem__(self, key: str) -> None:
        del self._rules[key]

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def tell_unused(self, paths: Sequence[str]) -> None:
        """Warn of rules that matched nothing, once; with `strict` raise."""
        unused = [rule for rule in self._rules if rule not in self._used]
        if not unused or (self._told and not self.strict):
            return
        self._told = True
        lines = [f"{rule!r} ({_near(rule, paths)})" for rule in unused]
        text = (
            "Expected each rule of the LayoutMap to match the whole path of a weight, "
            f"got no match for: {'; '.join(lines)}."
        )
        if self.strict:
            raise ArgumentError(f"{text} Mend them, or use LayoutMap(strict=False).")
        warnings.warn(f"{text} What it does not match is not split.", stacklevel=2)


def _near(rule: str, paths: Sequence[str]) -> str:
    plain = rule.replace(".*", "").replace("\\", "")
    found = difflib.get_close_matches(plain, paths, n=2, cutoff=0.3) or paths[:2]
    return f"near: {', '.join(found)}" if found else "there are no weights"

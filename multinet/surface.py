"""What users see of a public module: the names in its `__all__`, and nothing else.

The modules import what they need under plain names, so that they read well; `dir`,
completion and `help` do not show those. What few programs need is not imported before
somebody asks for it: `__all__` lists it, and type checkers find it by an import under
`if TYPE_CHECKING`.
"""

from __future__ import annotations

import importlib.util
import sys

from multinet import absent


def show(name: str, *rest: str) -> None:
    """Let `dir` of a module list its `__all__`, and the module find all that is listed.

    A listed name that the module lacks is imported when it is asked for: as a module
    of that name inside of this one, or from the first of the modules `rest` that has
    it. The answer to a name that is not listed is that of `absent`.
    """
    module = sys.modules[name]

    def __dir__() -> list[str]:
        return list(vars(module)["__all__"])

    def __getattr__(attribute: str) -> object:
        if attribute not in vars(module).get("__all__", ()):
            try:
                raise absent.refused(module, attribute, sys._getframe(1))
            except (AttributeError, ImportError) as error:
                error.__traceback__ = None  # this line would be in it
                raise
        found = _find(attribute, name, rest)
        setattr(module, attribute, found)
        return found

    vars(module).update(__dir__=__dir__, __getattr__=__getattr__)


def _find(attribute: str, name: str, rest: tuple[str, ...]) -> object:
    """Import what a module lists and does not have yet."""
    inside = f"{name}.{attribute}"
    if hasattr(sys.modules[name], "__path__") and importlib.util.find_spec(inside):
        return importlib.import_module(inside)
    for place in rest:
        space = importlib.import_module(place)
        if hasattr(space, attribute):
            return getattr(space, attribute)
    raise AttributeError(f"{name} lists {attribute}, which none of {rest} has.")

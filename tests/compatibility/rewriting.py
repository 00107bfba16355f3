"""The text of a test file with its imports of Keras led to the stand-in."""

import re

from . import settings

# An optional library imported outright costs the tests that use it, not the file.
_OPTIONAL = "grain|pandas|PIL|requests|onnx|onnxruntime|flax"
_RULES = [
    (r"^(\s*)from keras(?=[\s.])", r"\1from kerastests"),
    (r"^(\s*)import keras[ \t]*$", r"\1import kerastests as keras"),
    (r"^(\s*)import keras(\.[\w.]+ as )", r"\1import kerastests\2"),
    (r"""(["'])keras\.src(?=[."'])""", r"\1kerastests.src"),
    (
        rf"^import ({_OPTIONAL})[ \t]*$",
        r"from compatibility.standin.places import library; \1 = library('\1')",
    ),
]
_NAMESPACE = r"""(["'])keras((?:\.[a-z_]+)+)\1"""


def rewrite(text: str) -> str:
    """Return the text for the target: its imports, and strings like "keras.layers"."""
    for pattern, new in _RULES:
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    if settings.target() != "keras":
        text = re.sub(_NAMESPACE, rf"\g<1>{settings.target()}\g<2>\g<1>", text)
    return text

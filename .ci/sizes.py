"""Print the size of each part of the code, without blank lines and docstrings."""

import ast
import sys
from pathlib import Path

# What a backend must write; what makes it fast, which is `fused.py` and the folder
# `fast`; and `native.py`, by which its framework's own operators and functions take
# objects of the library, with `sparse.py`, which takes its sparse tensors apart. What
# is for speed has a default body in the interface, is named by `explain_step` and earns
# its place in a benchmark: it has no limit.
PARTS = ("required", "speed", "native")
LIMITS = {
    "backends/multinet_numpy": (2500, None, 250),
    "backends/multinet_jax": (1000, None, 250),
    "backends/multinet_torch": (1000, None, 250),
    "backends/multinet_tensorflow": (1000, None, 250),
    "examples/plugin_backend/multinet_pytensor": (1000, None, 250),
}


def code_lines(path: Path) -> int:
    """Return the lines of a Python file that are neither blank nor docstring."""
    text = path.read_text()
    skipped = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                first = node.body[0]
                skipped.update(range(first.lineno, first.end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if line.strip() and number not in skipped)


def size(folder: str) -> int:
    """Return the code lines under a folder."""
    return sum(code_lines(path) for path in Path(folder).rglob("*.py"))


def parts(folder: Path) -> tuple[int, int, int]:
    """Return the code lines of a backend that are required, for speed, and native."""
    files = list(folder.rglob("*.py"))
    fast = [p for p in files if "fast" in p.parts or p.name == "fused.py"]
    native = [p for p in files if p.name in ("native.py", "sparse.py")]
    speed, by = (sum(map(code_lines, chosen)) for chosen in (fast, native))
    return size(str(folder)) - speed - by, speed, by


def main() -> int:
    """Print the table; return 1 if a backend is over a limit."""
    folders = sorted(str(path) for path in Path("multinet").iterdir() if path.is_dir())
    for folder in ["multinet", *folders, "tests", "examples"]:
        if not folder.endswith("__pycache__"):
            print(f"{folder:36} {size(folder):6}")
    over = 0
    for folder, limits in LIMITS.items():
        for what, lines, limit in zip(PARTS, parts(Path(folder)), limits, strict=True):
            over += limit is not None and lines > limit
            told = "" if limit is None else f" of at most {limit}"
            print(f"{folder + ' ' + what:36} {lines:6}{told}")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())

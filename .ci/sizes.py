"""Print the size of each part of the code, without blank lines and docstrings."""

import ast
import sys
from pathlib import Path

LIMITS = {
    "backends/multinet_numpy": 2500,
    "backends/multinet_jax": 1000,
    "backends/multinet_torch": 1000,
    "backends/multinet_tensorflow": 1000,
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


def main() -> int:
    """Print the table; return 1 if a backend is over its limit."""
    parts = sorted(str(path) for path in Path("backends").iterdir() if path.is_dir())
    folders = [str(path) for path in Path("multinet").iterdir() if path.is_dir()]
    over = 0
    for folder in ["multinet", *sorted(folders), *parts, "tests", "examples"]:
        if folder.endswith("__pycache__"):
            continue
        lines, limit = size(folder), LIMITS.get(folder)
        note = f"of at most {limit}" if limit else ""
        over += bool(limit and lines > limit)
        print(f"{folder:36} {lines:6} {note}")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())

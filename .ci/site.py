"""What the documentation site has beside the pages under docs.

`mkdocs build --strict` calls these hooks. They add the reference of every public name,
the examples with their code, and the pages that stand elsewhere in the repository, and
lead the links of pages there.
"""

import re
import sys
from pathlib import Path
from posixpath import dirname, join, normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))

import reference  # noqa: E402 (a neighbour of this file)

ELSEWHERE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "examples/benchmarks/README.md": "benchmarks.md",
    "examples/plugin_backend/README.md": "plugin-backend.md",
    "tests/compatibility/README.md": "compatibility-tool.md",
}
EXAMPLES = sorted(path for path in ROOT.glob("examples/*.py"))
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made or stand elsewhere."""
    for source, target in ELSEWHERE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, target, content=text))
    for path in EXAMPLES:
        page = File.generated(config, f"examples/{path.stem}.md", content=_code(path))
        files.append(page)
    for name, text in reference.pages():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Lead links to files of the repository to the pages that show them."""
    place = page.file.src_uri
    at = {target: source for source, target in ELSEWHERE.items()}.get(place)
    folder = dirname(at if at is not None else f"docs/{place}")

    def led(link: re.Match[str]) -> str:
        words, path, anchor = link[1], link[2], link[3] or ""
        target = _page(normpath(join(folder, path))) if path else place
        if target is None:
            return words  # a file that the site does not show
        return f"[{words}]({relpath(target, dirname(place) or '.')}{anchor})"

    return LINK.sub(led, markdown) if at or "../" in markdown else markdown


def _page(path: str) -> str | None:
    """Return the page that shows a file of the repository."""
    if path in ELSEWHERE:
        return ELSEWHERE[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if Path(path).parent.name == "examples" and path.endswith(".py"):
        return path.removesuffix(".py") + ".md"
    if f"{path}/README.md" in ELSEWHERE:
        return ELSEWHERE[f"{path}/README.md"]
    return None


def _code(path: Path) -> str:
    """Return the page of an example: what its docstring says, and its code."""
    code = path.read_text(encoding="utf-8")
    title = path.stem.replace("_", " ").capitalize()
    return f'# {title}\n\n```python title="{path.name}"\n{code}```\n'

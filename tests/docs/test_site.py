"""The documentation site is built strictly, offline, and asks nobody for anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import multinet

ROOT = Path(__file__).parents[2]
# Where a page would load something from; a plain link loads nothing.
LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]+src=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link(?![^>]*canonical)[^>]+href=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|@import[^;]*?((?:https?:)?//[^\"')\s;]+)"
    r"|url\([\"']?((?:https?:)?//[^\"')\s]+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, whose links have been looked at."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(folder)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return folder


def test_no_page_loads_from_elsewhere(site):
    pages = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert len(pages) > 80
    found = {}
    for path in pages:
        loaded = LOADED.findall(path.read_text(encoding="utf-8"))
        if loaded:
            found[path.name] = loaded
    assert not found


@pytest.mark.parametrize(
    "line",
    [
        "<script src=https://a.b/c.js>",
        '<link rel="stylesheet" href="//a.b/c.css">',
        "@import 'https://a.b/c.css';",
        "src: url(https://a.b/c.woff2)",
    ],
)
def test_what_loads_from_elsewhere_would_be_seen(line):
    assert LOADED.search(line)


def test_the_reference_has_each_public_name(site):
    for module in (multinet, multinet.layers, multinet.ops, multinet.optimizers):
        path = site / "reference" / f"{module.__name__}.html"
        text = path.read_text(encoding="utf-8")
        names = set(dir(module)) - {"__version__"}
        modules = {n for n in names if f'href="multinet.{n}.html"' in text}
        missing = [n for n in names - modules if f'id="{n}"' not in text]
        nested = [n for n in missing if type(getattr(module, n)) is type(multinet)]
        assert missing == nested

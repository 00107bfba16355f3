"""The documentation site is built strictly, offline, and asks nobody for anything."""

import re
import subprocess
import sys
import tomllib
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


IMPORTED = {"pillow": "PIL", "scikit-learn": "sklearn", "tensorflow-cpu": "tensorflow"}
ALONE = """
import sys
class Refused:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1:]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refused())
sys.path.insert(0, ".ci")
import reference
print(len(list(reference.pages())))
"""


def needed(extra, extras):
    """Return the distributions of an extra, with those of extras that it names."""
    names = [re.match(r"[\w-]+(\[.*\])?", each)[0] for each in extras[extra]]
    own = [name for name in names if "[" not in name]
    inner = [n for name in names if "[" in name for n in name[12:-1].split(",")]
    return {*own, *(each for name in inner for each in needed(name, extras))}


def test_the_reference_needs_what_the_extra_brings():
    """`pip install ".[docs]" && mkdocs serve`, as README has it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    others = set().union(*(needed(extra, extras) for extra in extras))
    refused = [IMPORTED.get(n, n) for n in others - needed("docs", extras)]
    assert {"torch", "keras", "PIL"} <= set(refused) and "scipy" not in refused
    done = subprocess.run(
        [sys.executable, "-c", ALONE, *refused],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert int(done.stdout) > 60


def test_examples_of_docstrings_are_code(site):
    text = (site / "reference" / "multinet.layers.html").read_text(encoding="utf-8")
    assert text.count("&gt;&gt;&gt;") > 20
    for path in (site / "reference").glob("*.html"):
        text = path.read_text(encoding="utf-8")
        code = r"<pre.*?</pre>|<code.*?</code>|<script.*?</script>"
        words = re.sub(code, "", text, flags=re.S)
        assert "<blockquote>" not in words, path.name
        assert not re.search(r"\*\*\w[^*<]*\*\*", words), path.name


def test_the_reference_has_each_public_name(site):
    for module in (multinet, multinet.layers, multinet.ops, multinet.optimizers):
        path = site / "reference" / f"{module.__name__}.html"
        text = path.read_text(encoding="utf-8")
        names = set(dir(module)) - {"__version__"}
        modules = {n for n in names if f'href="multinet.{n}.html"' in text}
        missing = [n for n in names - modules if f'id="{n}"' not in text]
        nested = [n for n in missing if type(getattr(module, n)) is type(multinet)]
        assert missing == nested

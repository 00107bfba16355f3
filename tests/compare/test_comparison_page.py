"""The page of a comparison: one file that tells all, and asks nobody for more."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
from compare_rounds import CASE, calm, comparison

from multinet.compare import page, plots, statistics, words
from multinet.compare.record import Agreed, Roofs

NAMES = ["numpy", "torch", "jax", "tensorflow"]
EMPTY = {"meta", "link", "br", "path", "use", "rect"}


class Reader(HTMLParser):
    """Reads a page: its texts, its tags, and whether each is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in EMPTY:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.words.append(data.strip())


@pytest.fixture(scope="module")
def recorded():
    return page.page(comparison(CASE))


def test_it_is_whole_and_refers_to_nothing_else(recorded):
    reader = Reader(recorded)
    assert reader.open == []
    assert not {"script", "img", "iframe"} & {tag for tag, _ in reader.tags}
    for tag, attributes in reader.tags:
        for name in ("href", "src", "xlink:href"):
            target = attributes.get(name, "#")
            assert target.startswith("#") or target == "data:,", (tag, target)
    style = "".join(re.findall("<style>.*?</style>", recorded, re.DOTALL))
    assert "url(" not in style.replace("url(#", "") and "@import" not in style


def test_it_has_what_the_terminal_has(recorded):
    texts = Reader(recorded).words
    assert words.ending(comparison(CASE)) in texts
    assert words.noise(CASE) in texts
    for each in CASE.contenders:
        assert each.name in texts
    assert "not installed: pip install 'multinet-nn[tensorflow]'" in texts
    assert "drifting (relu)" in texts
    step = statistics.step(CASE.contender("jax"))
    assert words.interval(step) in texts


def test_colours_follow_the_scheme(recorded):
    assert "prefers-color-scheme: dark" in recorded and "@media print" in recorded
    assert not re.search("#0[12]0[0-9a-f]{3}", recorded)
    used = set(re.findall(r"var\((--[a-z0-9]+)\)", recorded))
    known = set(re.findall(r"(--[a-z0-9]+):", recorded))
    assert {"--ink", "--paper", "--c0", "--c1", "--c2"} <= used <= known


def test_what_others_named_is_text(recorded):
    strange = dataclasses.replace(CASE.task, name="<b>mine</b>")
    found = page.page(comparison(dataclasses.replace(CASE, task=strange)))
    assert "<b>mine" not in found and "&lt;b&gt;mine" in found
    assert Reader(found).open == []


def test_wrong_and_unknown_are_shown():
    bad = Agreed(
        "jax", "WRONG", at="tanh of hidden", outputs=float("inf"), weights={1: 0}
    )
    lost = Agreed("torch", reason="too deep")
    found = page.page(comparison(dataclasses.replace(CASE, agreement=(bad, lost))))
    assert '<td class="bad words">WRONG (tanh of hidden)</td>' in found
    assert ">inf</td>" in found and ">0</td>" in found
    assert "torch: agreement not known, too deep" in found


def test_without_matplotlib_it_says_how_to_get_plots(monkeypatch):
    monkeypatch.setattr(page.util, "find_spec", lambda name: None)
    found = page.page(comparison(CASE))
    assert "<svg" not in found and "multinet-nn[plots]" in found
    assert words.ending(comparison(CASE)) in Reader(found).words


# -- plots -----------------------------------------------------------------------------


def test_a_strip_has_a_dot_for_each_round():
    rows = [*(each for each in CASE.contenders if each.rounds), CASE.again]
    found = plots.strips(CASE, NAMES)
    dots = re.findall(r"<use [^>]*var\(--c\d\)", found)
    assert len(dots) == sum(len(each.rounds) for each in rows)
    assert "numpy again" in found


def test_crossings_are_at_their_steps():
    found = plots.runs(CASE, comparison(CASE), NAMES)
    for each in statistics.crossings(CASE):
        assert f">{each.steps:,}</text>" in found
    assert ">your run</text>" in found


def test_there_is_no_plot_of_what_was_not_measured():
    empty = dataclasses.replace(CASE.contenders[0], rounds=(), curve=(), start=None)
    case = dataclasses.replace(CASE, contenders=(empty,), again=None, agreement=())
    assert plots.strips(case, NAMES) is None
    assert plots.runs(case, comparison(case), NAMES) is None
    assert plots.losses(case, NAMES) is None
    assert plots.divergence(case, NAMES) is None
    assert plots.roofline(comparison(case, calm(1.2)), NAMES) is None
    bare = dataclasses.replace(comparison(CASE), roofs=None)
    assert plots.roofline(bare, NAMES) is None
    assert Reader(page.page(comparison(case))).open == []


def test_points_are_under_the_roof_where_they_were_measured():
    slow = dataclasses.replace(comparison(CASE), roofs=Roofs(gemm=1e12, copy=1e11))
    found = plots.roofline(slow, NAMES)
    assert ">mlp</text>" in found and ">products of matrices</text>" in found
    for name in ("numpy", "torch", "jax"):
        assert f">{name}</text>" in found

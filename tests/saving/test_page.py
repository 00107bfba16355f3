"""The page on configurations says what is so."""

import re
from pathlib import Path

from multinet import layers

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_code_of_the_page_runs(registry):
    names = {"__name__": "page"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S):
        exec(block, names)
    assert names["again"].get_config() == names["dense"].get_config()
    assert names["Wide"] in registry.values()
    names["wide"].scale = 3
    assert names["wide"].get_config()["scale"] == 3
    scaled = names["Scaled"](1 + 2j, name="scaled")
    assert names["Scaled"].from_config(scaled.get_config()).unit == 1 + 2j
    assert issubclass(names["Wide"], layers.Dense)

"""The kernel's guide: what it says that a program prints is what it prints."""

from __future__ import annotations

import re

import pytest

from scraper_cpn.scrape.trace import FIELDS
from tests.docs.pages import ROOT

GUIDE = (ROOT / "docs/kernel.md").read_text(encoding="utf-8")
PRINTED = re.findall(
    r"^```python\n((?:(?!```).)*)^```\n\nThis prints `(.*?)`", GUIDE, re.DOTALL | re.MULTILINE
)


@pytest.mark.parametrize(("code", "printed"), PRINTED)
def test_programs_print_what_the_guide_says(
    code: str, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block that is followed by what it prints."""
    exec(compile(code, "kernel.md", "exec"), {"__name__": "guide"})
    assert capsys.readouterr().out.strip() == printed


def test_there_are_such_programs() -> None:
    """The pattern above finds them."""
    assert len(PRINTED) >= 3


def test_every_event_of_a_trace_is_in_the_guide_with_its_fields() -> None:
    """The table has a row for each, in the order of the table that writes them."""
    table = GUIDE.split("## Trace events")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE)
    assert {name: tuple(re.findall(r"\w+", fields)) for name, fields in rows} == FIELDS

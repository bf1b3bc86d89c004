"""How a report is written: Markdown, one HTML page, plots."""

import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from matplotlib.patches import Rectangle

from bench.peers import results
from bench.report.__main__ import document_of, publish, write
from bench.report.document import Bar, Document, Listed, Plot, Section, Table, Text, number
from bench.report.gather import Data, functions_csv, gather
from bench.report.markdown import markdown
from bench.report.page import page
from bench.report.plots import figure, svg
from bench.report.sections.features import the_features
from tests.report.data import a_crawl, a_kept, a_report, the_code

PLOT = Plot(
    "lines", "Lines", ("own", "shared"), (Bar("a", (3, 1), "3 + 1"), Bar("b & c", (2,), "$2$"))
)
DOCUMENT = Document(
    "The <title>",
    (
        Section("One", (Text("Some `a<b` and **bold** words."), Listed(("first", "second")))),
        Section("Two", (Table("A table", ("", "n", "said"), (("x | y", "1,000", "yes"),)), PLOT)),
    ),
)
_REFERENCES = {"src", "href", "srcset", "action", "data", "poster"}
_VOID = {"meta", "br", "img", "source"}
_PICTURE = "data:image/svg+xml;base64,"


class Checked(HTMLParser):
    """Notes what a page refers to, its tags, and that they are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in _REFERENCES]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _data() -> Data:
    crawls = a_kept(
        a_crawl(violations={"G2 gap": 3}, examples={"G2 gap": "h0: too early"}),
        a_crawl("spider", cpu_s=0.25, received=40),
    )
    fresh = frozenset({("speed", "net")})
    return Data(
        code=the_code(),
        features=the_features(),
        crawls=crawls,
        fresh=fresh,
        repeated=None,
        decisions=a_report(),
    )


def test_markdown_has_every_block_in_its_place() -> None:
    """The whole text, line by line: numbers to the right, `|` in a cell escaped, plots as files."""
    assert markdown(DOCUMENT, "plots").splitlines() == [
        "# The <title>",
        "",
        "## One",
        "",
        "Some `a<b` and **bold** words.",
        "",
        "- first",
        "- second",
        "",
        "## Two",
        "",
        "**A table**",
        "",
        "|  | n | said |",
        "|---|---:|---:|",
        "| x \\| y | 1,000 | yes |",
        "",
        "![Lines](plots/lines.svg)",
    ]


def test_the_page_escapes_text_and_knows_two_marks() -> None:
    """`<` and quotes stay text in a title, in code, in a table and in an attribute."""
    hostile = "<b>\"'&`<i>`**<u>**"
    message = "&lt;b&gt;&#34;&#39;&amp;<code>&lt;i&gt;</code><strong>&lt;u&gt;</strong>"
    plain = "&lt;b&gt;&#34;&#39;&amp;`&lt;i&gt;`**&lt;u&gt;**"
    plot = Plot("n", hostile, (), (Bar(hostile, (1,), "1"),))
    table = Table(hostile, (hostile,), ((hostile,),))
    blocks = (Text(hostile), Listed((hostile,)), table, plot)
    text = page(Document(hostile, (Section(hostile, blocks),)))
    assert text.count(message) == 6
    assert text.count(plain) == 5
    assert hostile not in text
    assert "Some <code>a&lt;b</code> and <strong>bold</strong> words." in page(DOCUMENT)


def test_columns_of_words_are_distinguished_from_columns_of_numbers() -> None:
    """Only a cell of a column of words has the class that sets it to the left."""
    text = page(DOCUMENT)
    assert '<td>1,000</td><td class="words">yes</td>' in text


def test_a_whole_page_refers_to_nothing_outside_and_has_no_script() -> None:
    """It can be read offline as one file: each reference is to a part of it, all tags are closed."""
    text = page(document_of(_data()))
    checked = Checked(text)
    assert checked.open == []
    assert all(each.startswith(("#", _PICTURE)) for each in checked.references)
    assert not {"script", "link", "iframe", "object"} & set(checked.tags)
    assert "url(" not in text
    assert "@import" not in text


def test_the_page_has_each_plot_for_a_light_and_a_dark_screen() -> None:
    """The pictures are the plots themselves; their numbers are there as text for who can't see them."""
    checked = Checked(page(DOCUMENT))
    pictures = [each for each in checked.references if each.startswith(_PICTURE)]
    drawn = [b64decode(each.removeprefix(_PICTURE)).decode() for each in pictures]
    assert drawn == [svg(PLOT, dark=True), svg(PLOT)]
    assert drawn[0] != drawn[1]
    assert 'alt="a: 3 + 1; b &amp; c: $2$"' in page(DOCUMENT)


def test_bars_are_as_long_as_their_numbers() -> None:
    """All bars have one scale, and a part begins where the one before it ends."""
    (axes,) = figure(PLOT).axes
    bars = [each for each in axes.patches if isinstance(each, Rectangle)]
    assert [(bar.get_x(), bar.get_width()) for bar in bars] == [(0, 3), (3, 1), (0, 2)]
    assert axes.get_xlim() == (0, 4)


def test_bars_stand_below_their_names_in_order() -> None:
    """No bar reaches the name of the next, and all are inside of the picture."""
    (axes,) = figure(PLOT).axes
    names = [text.get_position()[1] for text in axes.texts if text.get_text() in {"a", "b & c"}]
    bars = [each for each in axes.patches if isinstance(each, Rectangle)]
    tops = [bars[0].get_y(), bars[2].get_y()]
    bottoms = [top + bars[0].get_height() for top in tops]
    assert names[0] < tops[0] < bottoms[0] < names[1] < tops[1] < bottoms[1] <= len(PLOT.bars)


def test_a_plot_names_its_bars_and_its_colours() -> None:
    """Names, labels and a legend are text in the file, `$` too; the same plot gives the same bytes."""
    drawn = svg(PLOT)
    texts = {
        "".join(each.itertext()) for each in ET.fromstring(drawn).iter() if each.tag[-4:] == "text"
    }
    assert texts == {"a", "3 + 1", "b & c", "$2$", "own", "shared"}
    assert svg(PLOT) == drawn


def test_a_plot_of_nothing_or_of_zeros_can_be_drawn() -> None:
    """Without a bar, or when all bars are 0, there is a picture and no error."""
    for bars in ((), (Bar("a", (0,), "0"),)):
        assert ET.fromstring(svg(Plot("n", "Nothing", (), bars))).tag.endswith("svg")


def test_what_was_not_measured_is_a_dash() -> None:
    """And 0, which was measured, is not; numbers have commas for thousands and their digits."""
    assert (number(None), number(1234.56, 1), number(0)) == ("-", "1,234.6", "0")


def test_all_files_are_written_and_every_plot_of_the_markdown_is_there(tmp_path: Path) -> None:
    """Each path that is returned is a file, and no image of the Markdown leads nowhere."""
    data = _data()
    paths = write(document_of(data), functions_csv(data.code), tmp_path)
    assert all(path.is_file() for path in paths)
    text = (tmp_path / "report.md").read_text()
    plots = [line.rpartition("(")[2].rstrip(")") for line in text.splitlines() if line[:2] == "!["]
    assert len(plots) == 3
    assert all((tmp_path / plot).is_file() for plot in plots)


def test_the_page_of_the_documentation_has_all_that_it_shows(tmp_path: Path) -> None:
    """It leads to the page of HTML and to the plots, and names the flat scheduler among the losses."""
    publish(document_of(_data()), tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) == 4
    assert all((tmp_path / target).is_file() for target in targets)
    assert "two thirds of the net's time" in text


def test_the_list_of_functions_has_what_the_sums_are_made_of() -> None:
    """A reader who adds up the lines of spider S0 in functions.csv gets the report's sum."""
    code = the_code()
    rows = [line.split(",") for line in functions_csv(code).splitlines()]
    nloc = rows[0].index("nloc")
    lines = [int(row[nloc]) for row in rows[1:] if row[0] == "spider S0"]
    assert sum(lines) == code.spider.total("S0").nloc


def test_crawls_of_this_report_replace_kept_ones_and_are_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crawl run now is shown for the kept one, as fresh; without crawling nothing is fresh."""
    kept = tmp_path / "peers.json"
    results.write(a_kept(a_crawl(cpu_s=9), a_crawl("spider")), kept)
    monkeypatch.setattr("bench.report.gather.crawls", lambda only, say: [a_crawl(cpu_s=3)])
    found = gather(crawl=True, say=print, kept=kept)
    assert found.fresh == {("speed", "net")}
    assert found.crawls is not None
    assert [each.cpu_s for each in found.crawls.crawls] == [3, 1]
    old = gather(crawl=False, say=print, kept=kept)
    assert old.fresh == frozenset()
    assert old.crawls is not None
    assert old.crawls.crawls[0].cpu_s == 9

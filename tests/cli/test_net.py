"""`scrape net`: the whole net or one part of it, in each form."""

from __future__ import annotations

import pytest

from scraper_cpn.cli.net import show_net
from scraper_cpn.scrape.settings import UsageError


@pytest.mark.parametrize("words", [["--part", "domains"], ["--part=domains"]])
@pytest.mark.parametrize("form", [[], ["--dot"], ["--mermaid"]])
def test_a_part_is_printed_alone(
    words: list[str], form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The option may stand before or after the form."""
    assert show_net([*words, *form]) == show_net([*form, *words]) == 0
    first, second = capsys.readouterr().out.split("penalise")[0::2][:2]
    assert "domain_slots" in first
    assert "raw_html" not in first + second


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--part", "domain"], "--part: domain: no part; did you mean domains?; one of permits, "),
        (["--part"], "--part: nothing: no part; one of permits, "),
        (["--part", "gate", "--source"], "net: --source prints the whole net; leave --part out"),
        (["--part", "gate", "--plan"], "net: --plan prints the whole net; leave --part out"),
        (["--dots"], "net: --dots: unknown option; did you mean --dot?; see scrape net --help"),
        (
            ["http://a.test/"],
            "net: http://a.test/ is not an option; give options only; see scrape net --help",
        ),
        (["--partitions", "0"], "--partitions: 0: give a whole number from 1 to 1024"),
        (["--partitions=x"], "--partitions: x: give a whole number from 1 to 1024"),
        (["--partitions"], "--partitions: nothing: give a whole number from 1"),
        (
            ["--partitions", "4", "--max-items", "5"],
            "partitions: --max-items can't be divided among partitions yet; leave it out",
        ),
        (["--quiet"], "--quiet: has no meaning for a net; leave it out"),
        (["--dot", "--svg"], "net: give only one of --dot --svg; see scrape net --help"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], message: str) -> None:
    """It says what is wrong and what is allowed."""
    with pytest.raises(UsageError) as refused:
        show_net(words)
    assert str(refused.value).startswith(message)


def test_help_says_how_to_see_one_part(capsys: pytest.CaptureFixture[str]) -> None:
    """With an example."""
    assert show_net(["--part", "gate", "--help"]) == 0
    assert "scrape net --part domains" in capsys.readouterr().out


def test_options_bring_parts(capsys: pytest.CaptureFixture[str]) -> None:
    """A part that a crawl has only with an option is shown with that option."""
    assert show_net(["--part", "routes", "--ban-status", "403", "-x", "http://p.test:1"]) == 0
    assert "route" in capsys.readouterr().out


def test_the_text_of_a_partition_says_what_it_has_of_each_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And what crosses; without partitions there is no word of it."""
    assert show_net(["--partitions", "4", "--max-pages", "9"]) == 0
    divided = capsys.readouterr().out
    assert "divided by domain" in divided
    assert ", share channel by domain_of_links" in divided
    assert "counter, starts at 0, share credit" in divided
    assert "share keyed by domain_of_page" in divided
    assert show_net([]) == 0
    assert "share" not in capsys.readouterr().out

"""Content-Type, read as browsers read it: cases of the kinds in the standards and their tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.fetch.mime import content_type, parsed


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("text/html;charset=gbk", ("text/html", "gbk")),
        ("TEXT/HTML;CHARSET=GBK", ("text/html", "gbk")),
        ("text/html;charset=gbk(", ("text/html", "gbk(")),
        ("text/html;x=(;charset=gbk", ("text/html", "gbk")),
        ("text/html;charset=gbk;charset=windows-1255", ("text/html", "gbk")),
        ("text/html;charset=();charset=GBK", ("text/html", "()")),
        ("text/html;charset =gbk", ("text/html", None)),
        ("text/html ;charset=gbk", ("text/html", "gbk")),
        ("text/html; charset=gbk", ("text/html", "gbk")),
        ("text/html;charset= gbk", ("text/html", " gbk")),
        ('text/html;charset= "gbk"', ("text/html", ' "gbk"')),
        ("text/html;charset='gbk'", ("text/html", "'gbk'")),
        ("text/html;charset=;charset=GBK", ("text/html", "gbk")),
        ("text/html;charset;charset=gbk", ("text/html", "gbk")),
        ('text/html;charset="gbk"', ("text/html", "gbk")),
        ('text/html;charset="gbk', ("text/html", "gbk")),
        ('text/html;charset=gbk"', ("text/html", 'gbk"')),
        ('text/html;charset="\\gbk"', ("text/html", "gbk")),
        ('text/html;charset="gbk"x', ("text/html", "gbk")),
        ('text/html;charset="";charset=GBK', ("text/html", "")),
        ('text/html;test=";charset=foo;";charset=GBK', ("text/html", "gbk")),
        ("text/html;;;;charset=gbk", ("text/html", "gbk")),
        ("\t\n text/html\r;\tcharset=gbk ", ("text/html", "gbk")),
        ("", ("", None)),
        ("text", ("", None)),
        ("text/", ("", None)),
        ("/html", ("", None)),
        ("te xt/html", ("", None)),
        ("text/ht ml", ("", None)),
        ("text/html/x", ("", None)),
        ("é/x", ("", None)),
        # Several types, in one header or more: the last valid one counts.
        ("text/html, application/json", ("application/json", None)),
        ("text/html;charset=gbk, text/html", ("text/html", "gbk")),
        ("text/html;charset=gbk, text/html;x=y", ("text/html", "gbk")),
        ("text/html;charset=gbk, text/plain, text/html", ("text/html", None)),
        ("text/plain, */*", ("text/plain", None)),
        ("text/plain, nonsense", ("text/plain", None)),
        ('text/html;x="a,b";charset=gbk', ("text/html", "gbk")),
        ("*/*", ("", None)),
    ],
)
def test_content_type(header: str, expected: tuple[str, str | None]) -> None:
    """The type and the charset that browsers see."""
    assert content_type(header) == expected


def test_parameters() -> None:
    """Others are read too; the first of a name counts, and values of odd characters are left out."""
    text = 'x/y;a=b;A=c;b="q\\"\\\\;";c=\u2026;d="x'
    assert parsed(text) == ("x/y", {"a": "b", "b": 'q"\\;', "d": "x"})


@given(st.text(st.sampled_from('a/;=",\\ \té')))
def test_nothing_raises(header: str) -> None:
    """Nonsense from the web is data."""
    assert content_type(header)[0].count("/") <= 1

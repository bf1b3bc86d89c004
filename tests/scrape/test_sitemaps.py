"""Sitemaps of every form are read as far as they make sense, in bounded time and memory."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape import sitemaps
from scraper_cpn.scrape.robots import sitemaps_in
from scraper_cpn.scrape.sitemaps import Listed, read_sitemap

H = "http://h.example"
URL = f"{H}/sitemap.xml"
NS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def read(text: str | bytes) -> Listed:
    return read_sitemap(text.encode() if isinstance(text, str) else text, URL)


def urls(text: str | bytes) -> list[str]:
    found = read(text)
    assert found.troubles == ()
    return [url.removeprefix(H) for url in found.urls]


def test_a_sitemap_of_the_protocol() -> None:
    """By priority, then by the last change, then as in the file; images are no pages, other languages are."""
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
    <urlset {NS} xmlns:image="i" xmlns:x="http://www.w3.org/1999/xhtml" xmlns:news="n">
      <url><loc> {H}/old?x=1&amp;y=2 </loc><lastmod>2020-01-01</lastmod>
        <image:image><image:loc>{H}/i.png</image:loc></image:image></url>
      <url><loc><![CDATA[{H}/new?x=1&y=2]]></loc><lastmod>2024-01-01T00:00:00Z</lastmod></url>
      <url><loc>{H}/best</loc><priority>0.8</priority>
        <x:link rel="alternate" hreflang="de" href="{H}/de"/></url>
      <url><loc>{H}/news</loc>
        <news:news><news:publication_date>2022-02-02</news:publication_date></news:news></url>
      <url><loc>{H}/best</loc></url>
      <url><loc>{H}/last</loc><priority>nan</priority></url>
    </urlset>"""
    assert urls(text) == ["/best", "/de", "/new?x=1&y=2", "/news", "/old?x=1&y=2", "/last"]


def test_an_index() -> None:
    """The newest first."""
    text = f"""<sitemapindex {NS}>
      <sitemap><loc>{H}/1.xml</loc><lastmod>2023-01-01</lastmod></sitemap>
      <sitemap><loc>2.xml</loc><lastmod>2024-01-01</lastmod></sitemap></sitemapindex>"""
    assert read(text) == Listed(sitemaps=(f"{H}/2.xml", f"{H}/1.xml"))


def test_feeds() -> None:
    """RSS and Atom: the links of their entries, not those of the feed itself."""
    rss = f"""<rss><channel><title>a & b&nbsp;</title><link>{H}/</link>
      <image><url>{H}/i.png</url><link>{H}/</link></image>
      <item><link>{H}/1</link><pubDate>Tue, 05 Mar 2024 10:00:00 GMT</pubDate></item>
      <item><guid>{H}/2</guid><pubDate>Wed, 06 Mar 2024 10:00:00 GMT</pubDate></item></channel></rss>"""
    assert urls(rss) == ["/2", "/1"]
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/>
      <entry><link rel="edit" href="/e"/><link href="/1"/></entry></feed>"""
    assert urls(atom) == ["/1"]


def test_plain_text_packed_or_not() -> None:
    """One URL a line, in the order of the lines."""
    text = f"\ufeff{H}/1\r\n\r\n{H}/2".encode()
    assert urls(text) == urls(gzip.compress(text)) == ["/1", "/2"]
    assert urls(gzip.compress(text[:20]) + gzip.compress(text[20:])) == ["/1", "/2"]
    assert urls(gzip.compress(text) + bytes(9)) == ["/1", "/2"]
    assert read("hello\nworld\n").troubles == ("2 of its entries have no URL",)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig"])
def test_other_encodings(encoding: str) -> None:
    """A byte order mark counts, then what the document says."""
    head = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding == "iso-8859-1" else ""
    text = f"{head}<urlset><url><loc>{H}/\xfc</loc></url></urlset>"
    assert urls(text.encode(encoding)) == ["/%C3%BC"]


@pytest.mark.parametrize(
    ("text", "found", "trouble"),
    [
        ("", 0, "it lists no URL"),
        ("<html><body>gone</body></html>", 0, "it is no sitemap: its first element is html"),
        (f"<urlset><url><loc>{H}/1</loc></url><url><loc>{H}/2</loc></u", 2, "it is broken in line 1"),
        (f"<urlset><url><loc>{H}/1</loc></ur><url><loc>{H}/2</loc></url>", 2, "it is broken"),
        ("<urlset>" + "<a>" * 1000, 0, "it has too many elements"),
        (gzip.compress(f"{H}/1\n{H}/2\n".encode() * 99, mtime=0)[:-12], 2, "it can't be unpacked to its end"),
        (gzip.compress(b"x" * 99, mtime=0)[:9] + b"\xff" * 99, 0, "it can't be unpacked to its end"),
    ],
)  # fmt: skip
def test_what_is_broken_is_reported(text: str | bytes, found: int, trouble: str) -> None:
    """And what was read before is kept."""
    listed = read(text)
    assert len(listed.urls) == found
    assert listed.troubles[0].startswith(trouble)


def test_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of URLs and of bytes, also of those that are packed."""
    monkeypatch.setattr(sitemaps, "URLS_MAX", 3)
    listed = read("".join(f"{H}/{number}\n" for number in range(5)))
    assert len(listed.urls) == 3
    assert listed.troubles == ("it has more than 3 URLs; the others are left out",)
    monkeypatch.setattr(sitemaps, "BYTES_MAX", 1000)
    listed = read(gzip.compress(f"{H}/1\n".encode() * 100_000))
    assert listed.troubles == ("it has more than 50 MB; the rest is left out",)


@pytest.mark.parametrize(
    "loc", [f"{H}/&b;", "&b;", f"{H}/?a=1&other;", f"{H}/caf\xe9".encode("latin-1"), f"{H}/&#0;"]
)
def test_a_url_that_can_not_be_read_is_no_url(loc: str | bytes) -> None:
    """Entities are not expanded, since a document could multiply itself; without them a URL would be another one."""
    start = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>'
    given = loc if isinstance(loc, bytes) else loc.encode()
    listed = read(start + given + f"</loc></url><url><loc>{H}/1</loc></url></urlset>".encode())
    assert listed.urls == (f"{H}/1",)
    assert listed.troubles[0].startswith("1 of its URLs have bytes that are no text, or an entity")


@pytest.mark.parametrize(
    ("loc", "path"),
    [
        ("/?a=1&b=2&c", "/?a=1&b=2&c"),
        ("/?a=1&amp;b;", "/?a=1&b;"),
        ("/caf&eacute;", "/caf%C3%A9"),
        ("/%EF%BF%BD", "/%EF%BF%BD"),
        ("/<![CDATA[&b;]]>", "/&b;"),
    ],
)
def test_an_ampersand_that_is_no_entity_is_a_character(loc: str, path: str) -> None:
    """And the names that HTML has for characters are known."""
    assert urls(f"<urlset><url><loc>{H}{loc}</loc></url></urlset>") == [path]


@given(st.binary(max_size=200), st.sampled_from([b"", b"<urlset><url><loc>", b"\x1f\x8b\x08\0"]))
def test_nothing_raises(body: bytes, start: bytes) -> None:
    """Whatever a server sends."""
    found = read(start + body)
    assert found.urls or found.sitemaps or found.troubles


def test_robots_txt_names_sitemaps() -> None:
    """In any group and any case, each once: absolute, or from the root on, as some write it."""
    text = f"Sitemap: {H}/1.xml\nUser-agent: a\nSITEMAP : {H}/2.xml # two\nsitemap: none\nSitemap: {H}/1.xml\nSitemap: /3.xml"
    assert sitemaps_in(text, H) == (f"{H}/1.xml", f"{H}/2.xml", f"{H}/3.xml")

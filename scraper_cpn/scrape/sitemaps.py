"""Reading sitemaps: the URLs that a site has listed, in the order in which they are worth fetching.

Owns: the formats (sitemaps.org 0.9 and before, with Google's news and hreflang, indexes, RSS, Atom, plain text, each
also compressed by gzip), their limits, and what is wrong with a file.
Must not know: HTTP, the net, which URLs are in scope.

A file is unpacked and parsed in pieces, and no tree of it is built. Nothing raises: what could be read is kept, and
what is wrong is reported.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Iterator, Mapping
from email.utils import parsedate
from math import isnan
from typing import Any

from lxml import etree
from msgspec import Struct

from scraper_cpn.scrape.colours import Mapped, Response, SitemapJob
from scraper_cpn.scrape.pages.encodings import encoding_named, mark_of
from scraper_cpn.scrape.pages.xml_tree import known_references
from scraper_cpn.scrape.policy.sitemaps import SitemapPolicy
from scraper_cpn.scrape.urls import normalise

BYTES_MAX = 52_428_800
"""Of a sitemap, unpacked (sitemaps.org: 50 MB)."""
URLS_MAX = 50_000
"""Of a sitemap or an index (sitemaps.org)."""
_ELEMENTS_MAX, _NESTED_MAX = 2_000_000, 256
_PIECE_BYTES = 1 << 18
_TEXT_CHARS_MAX = 10_000
_UNREADABLE = "\ufffd"
"""Stands for what can't be read: bytes that are no text, and entities, which are not expanded."""
_GZIP = b"\x1f\x8b"
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})")
_ENTRIES = frozenset({"url", "sitemap", "item", "entry"})
_ROOTS = frozenset({"urlset", "sitemapindex", "rss", "feed", "RDF"})
_DATES = frozenset({"lastmod", "publication_date", "pubDate", "updated", "published", "date"})
_TEXTS = _DATES | {"loc", "priority", "link", "guid"}


class Listed(Struct, frozen=True, kw_only=True):
    """What a sitemap says."""

    urls: tuple[str, ...] = ()
    """Normalised, without repetition; higher priority first, then those that changed last, then as in the file."""
    sitemaps: tuple[str, ...] = ()
    """Other sitemaps, those that changed last first."""
    troubles: tuple[str, ...] = ()
    """What is wrong with it, a line for each kind of mistake."""


class _Entry(Struct):
    """A URL, or another sitemap."""

    name: str
    url: str = ""
    modified: str = ""
    priority: float = 0.5
    alternates: list[str] = []


def read_sitemap(body: bytes, url: str) -> Listed:
    """Read the sitemap at *url*. Cost: about 10 us for each of its URLs; memory for its URLs and one piece."""
    found = _Found(url)
    pieces = _texts(body, found)
    first = next(pieces, "").lstrip("\ufeff \t\r\n")
    if first.startswith("<"):
        _read_xml(first, pieces, found)
    else:
        _read_lines(first, pieces, found)
    return found.listed()


def mapped_from(p: SitemapPolicy, job: SitemapJob, response: Response) -> Mapped:
    """Return what was read in the answer to a request for a sitemap. Cost: as `read_sitemap`."""
    listed = read_sitemap(response.body, job.url)
    targets = p.targets(job, listed.urls, response.fetched_at_ns)
    not_followed = len(listed.urls) - len(p.frontier.depths.near(targets))
    return Mapped(targets, listed.sitemaps, listed.troubles, not_followed)


class _Found:
    """Collects what a sitemap says: also the target of a parser of XML."""

    def __init__(self, url: str) -> None:
        self._base = url
        self._path: list[tuple[str, str]] = []
        """The open elements: namespace and name."""
        self._entry: _Entry | None = None
        self._text: list[str] = []
        self._urls: dict[str, tuple[str, float]] = {}
        self._maps: dict[str, str] = {}
        self._no_urls = self._unreadable = self._elements = 0
        self.troubles: list[str] = []
        self.is_over = False
        """Whether nothing more is read."""

    def listed(self) -> Listed:
        """What was found."""
        urls = sorted(self._urls, key=lambda url: self._urls[url][0], reverse=True)
        urls.sort(key=lambda url: -self._urls[url][1])
        maps = sorted(self._maps, key=lambda url: self._maps[url], reverse=True)
        if self._unreadable:
            why = "that are no text, or an entity that is not known here"
            self.troubles.append(f"{self._unreadable:,} of its URLs have bytes {why}")
        if self._no_urls:
            self.troubles.append(f"{self._no_urls:,} of its entries have no URL")
        if not (urls or maps or self.troubles):
            self.troubles.append("it lists no URL")
        return Listed(urls=tuple(urls), sitemaps=tuple(maps), troubles=tuple(self.troubles))

    def add(self, text: str, modified: str = "", priority: float = 0.5, name: str = "url") -> None:
        """Add a URL as it is written. Without what can't be read it would be another URL."""
        if _UNREADABLE in text:
            self._unreadable += 1
            return
        url = normalise(text.strip(), self._base) if text.strip() else None
        if url is None:
            self._no_urls += 1
            return
        if len(self._urls) + len(self._maps) >= URLS_MAX:
            self.end_with(f"it has more than {URLS_MAX:,} URLs; the others are left out")
        elif name == "sitemap":
            self._maps.setdefault(url, modified)
        else:
            self._urls.setdefault(url, (modified, priority))

    def end_with(self, trouble: str) -> None:
        """Read nothing more, for this reason."""
        if not self.is_over:
            self.is_over = True
            self.troubles.append(trouble)

    # The target of a parser.

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        namespace, _, name = tag.rpartition("}")
        self._elements += 1
        if self._elements == 1 and name not in _ROOTS:
            self.end_with(f"it is no sitemap: its first element is {name[:50]}")
        if self._elements > _ELEMENTS_MAX or len(self._path) > _NESTED_MAX:
            self.end_with("it has too many elements, or too deeply nested ones")
        if self.is_over:
            return
        self._path.append((namespace, name))
        if name in _ENTRIES and self._entry is None and not self._is_image():
            self._entry = _Entry(name)
        elif self._entry is not None and name == "link" and attributes.get("href"):
            self._link(self._entry, attributes)
        self._text.clear()

    def data(self, text: str) -> None:
        """A part of a text."""
        if self._entry is not None and self._path and self._path[-1][1] in _TEXTS:
            self._text.append(text[:_TEXT_CHARS_MAX])

    def end(self, tag: str) -> None:
        """An element ends."""
        del tag
        namespace, name = self._path.pop() if self._path else ("", "")
        entry = self._entry
        if entry is None:
            return
        if name == entry.name and not self._is_inside(entry):
            self._entry = None
            for each in (entry.url, *entry.alternates):
                self.add(each, entry.modified, entry.priority, entry.name)
        elif name in _TEXTS:
            own = bool(self._path) and self._path[-1] == (namespace, entry.name)
            self._set(entry, name, "".join(self._text).strip(), own=own)
        self._text.clear()

    def close(self) -> None:
        """The document ends; an entry that was cut off counts if it has its URL."""
        if self._entry is not None and self._entry.url:
            self.add(self._entry.url, self._entry.modified, name=self._entry.name)

    def _is_image(self) -> bool:
        """Whether an element belongs to the image of an RSS feed, whose `url` is no page."""
        return any(name == "image" for _, name in self._path)

    def _is_inside(self, entry: _Entry) -> bool:
        return any(name == entry.name for _, name in self._path)

    def _set(self, entry: _Entry, name: str, text: str, *, own: bool) -> None:
        """Take the text of an element; *own*: it belongs to the entry, not to an image or a video of it."""
        if name in _DATES:
            entry.modified = entry.modified or _moment(text)
        elif name == "priority" and own:
            entry.priority = _priority(text)
        elif own and text and (name in ("loc", "link") or (name == "guid" and not entry.url)):
            entry.url = text if name != "guid" or text.startswith("http") else ""

    def _link(self, entry: _Entry, attributes: Mapping[str, str]) -> None:
        """Take a link of an Atom entry, or another language of a URL."""
        relation, href = attributes.get("rel", "alternate"), attributes["href"]
        if relation != "alternate":
            return
        if entry.name == "entry":
            entry.url = entry.url or href
        elif entry.name == "url":
            entry.alternates.append(href)


def _read_xml(first: str, more: Iterator[str], found: _Found) -> None:
    target: Any = found
    parser = etree.XMLParser(
        target=target, recover=True, resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, encoding="utf-8",
    )  # fmt: skip
    rest = ""
    try:
        for piece in _chain(first, more):
            text = rest + piece
            end = text.rfind(">") + 1 or len(text)
            parser.feed(known_references(text[:end], _UNREADABLE).encode("utf-8", "replace"))
            rest = text[end:]
            if found.is_over:
                return
        parser.close()
    except etree.XMLSyntaxError:  # there is no element at all
        found.close()
    for mistake in list(parser.feed_error_log)[:1]:
        found.troubles.append(f"it is broken in line {mistake.line}: {mistake.message[:200]}")


def _read_lines(first: str, more: Iterator[str], found: _Found) -> None:
    rest = ""
    for piece in _chain(first, more):
        *lines, rest = (rest + piece).split("\n")
        for line in lines:
            _read_line(line, found)
        if found.is_over:
            return
    if not found.troubles:  # else it may be a half of one
        _read_line(rest, found)


def _read_line(line: str, found: _Found) -> None:
    if line.strip():
        found.add(line if line.strip().lower().startswith(("http://", "https://")) else "")


def _chain(first: str, more: Iterator[str]) -> Iterator[str]:
    yield first
    yield from more


def _texts(body: bytes, found: _Found) -> Iterator[str]:
    """Yield the text of a file in pieces."""
    decoder, left = None, BYTES_MAX
    for piece in _unpacked(body, found) if body.startswith(_GZIP) else _cut(body):
        if decoder is None:
            piece, decoder = _decoder(piece)
        if len(piece) > left:
            found.troubles.append("it has more than 50 MB; the rest is left out")
            yield decoder.decode(piece[:left])
            return
        left -= len(piece)
        yield decoder.decode(piece)


def _cut(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


def _unpacked(body: bytes, found: _Found) -> Iterator[bytes]:
    """Yield what gzip has packed, as far as it is sound. A file may have several members (RFC 1952 section 2.2)."""
    unpacking, packed = zlib.decompressobj(wbits=31), body
    try:
        while packed:
            yield unpacking.decompress(packed, _PIECE_BYTES)
            packed = unpacking.unconsumed_tail
            if unpacking.eof and unpacking.unused_data.startswith(_GZIP):
                packed, unpacking = unpacking.unused_data, zlib.decompressobj(wbits=31)
    except zlib.error as error:
        found.troubles.append(f"it can't be unpacked to its end: {error}")
        return
    if not unpacking.eof:
        found.troubles.append("it can't be unpacked to its end: it is cut off")


def _decoder(first: bytes) -> tuple[bytes, codecs.IncrementalDecoder]:
    """Return a file's first piece without its mark, and a decoder for the whole."""
    declared = _DECLARED.search(first[:300])
    label = declared[1].decode("ascii") if declared else "utf-8"
    mark = mark_of(first)
    encoding, length = mark or (encoding_named(label) or "utf-8", 0)
    try:
        return first[length:], codecs.getincrementaldecoder(encoding)("replace")
    except LookupError:
        return first, codecs.getincrementaldecoder("utf-8")("replace")


def _moment(text: str) -> str:
    """Return a time such that later ones are greater: W3C times are so, up to their zones; those of mail are not."""
    if text[:4].isdecimal():
        return text[:19]
    parts = parsedate(text)
    return "" if parts is None else "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}".format(*parts[:6])


def _priority(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.5
    return 0.5 if isnan(number) else min(max(number, 0.0), 1.0)

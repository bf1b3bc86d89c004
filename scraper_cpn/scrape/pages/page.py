"""What a page handler sees: a page, the elements that a selector finds, and links.

Owns: reading a page, by CSS selectors, on top of selectolax (lexbor). Nothing is parsed until
something is asked. What a page holds is data and raises nothing (with one exception, `HostilePageError`,
for pages that attack parsers); what raises `ValueError` is a mistake of the program that asks.
Must not know: the net, settings, which links a crawl follows, how handlers run.

`Page.from_html` makes a page out of a string, so that a handler is tested by calling it.
A page is used by one thread at a time.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, overload

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from scraper_cpn.scrape.colours import Link, Raw
from scraper_cpn.scrape.pages.charset import to_utf8
from scraper_cpn.scrape.urls import joined, normalise, root_of

URL_CHARS_MAX = 8_192
"""A link that is longer is skipped: servers refuse such URLs, and traps for crawlers make them."""

_LONG_CHARS = 100
_GAP = re.compile("  ")  # in a long text, it takes half of the time that `in` takes, or less
_BREAKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f"  # the white space of ASCII beside the plain space

To = str | Callable[..., Any] | None
"""A page handler, or its name; None lets the URL choose."""

D = TypeVar("D")


class HostilePageError(Exception):
    """Parsing the page would take too much time or memory."""


class _Queried(ABC):
    """What a page and an element have in common: they are asked by CSS selectors."""

    __slots__ = ()

    def css(self, selector: str) -> "list[Element]":
        """Return all elements that *selector* matches, in the order of the page.

        Raises `ValueError` for a bad selector.
        """
        page = self._page()
        return [Element(page, node) for node in self._matches(selector)]

    @overload
    def text(self, selector: str) -> str | None: ...
    @overload
    def text(self, selector: str, default: D) -> str | D: ...
    def text(self, selector: str, default: object = None) -> object:
        """Return the text of the first match, white space folded, or *default* without a match."""
        nodes = self._matches(selector)
        return fold(nodes[0].text()) if nodes else default

    def texts(self, selector: str) -> list[str]:
        """Return the text of each match, white space folded."""
        return [fold(node.text()) for node in self._matches(selector)]

    def attr(self, selector: str, name: str) -> str | None:
        """Return the attribute *name* of the first match; None where there is none."""
        nodes = self._matches(selector)
        return _attributes(nodes[0]).get(name) if nodes else None

    def links(self, selector: str = "a[href]", to: To = None, priority: int = 0) -> Iterator[Link]:
        """Return the `href` of each match as a link.

        Relative URLs are joined with the page's base. What is no http or https URL, or is longer
        than `URL_CHARS_MAX`, is skipped; repetitions are not, the crawl knows which URLs it has.
        """
        return links_of(self._matches(selector), self._page().base, handler_name(to), priority)

    @abstractmethod
    def _page(self) -> "Page": ...

    @abstractmethod
    def _matches(self, selector: str) -> list[LexborNode]: ...


class Element(_Queried):
    """An element of a page. Its selectors match what is inside of it."""

    __slots__ = ("_at", "_of")

    def __init__(self, page: "Page", node: LexborNode) -> None:
        self._of = page
        self._at = node

    @property
    def tag(self) -> str:
        """The name of the element, in lower case."""
        return self._at.tag or ""

    @property
    def content(self) -> str:
        """All text inside of the element, white space folded."""
        return fold(self._at.text())

    @property
    def attrs(self) -> dict[str, str]:
        """The attributes of the element; one without a value is empty."""
        return _attributes(self._at)

    @property
    def html(self) -> str:
        """The element as HTML."""
        return self._at.html or ""

    def __repr__(self) -> str:
        return f"<Element {self.tag} of {self._of.url}>"

    def _page(self) -> "Page":
        return self._of

    def _matches(self, selector: str) -> list[LexborNode]:
        # Lexbor counts the element itself among its descendants, and then it comes first.
        nodes = _select(self._at, selector)
        return nodes[1:] if nodes and nodes[0].mem_id == self._at.mem_id else nodes


class Page(_Queried):
    """A fetched page."""

    __slots__ = (
        "_base",
        "_charset",
        "_tree",
        "body",
        "content_type",
        "depth",
        "parent",
        "refusal",
        "requested_url",
        "status",
        "url",
    )

    def __init__(
        self,
        url: str,
        body: bytes,
        *,
        requested_url: str | None = None,
        status: int = 200,
        depth: int = 0,
        parent: str | None = None,
        content_type: str = "text/html",
        charset: str | None = None,
    ) -> None:
        self.url = url
        """Where the page came from, behind all redirects."""
        self.requested_url = requested_url or url
        """The URL that was asked for first."""
        self.status = status
        """The HTTP status, 200 to 299."""
        self.depth = depth
        """Links followed from a seed; a seed has 0."""
        self.parent = parent
        """The URL of the page that linked here; None for a seed."""
        self.content_type = content_type
        """The media type in lower case, without parameters; empty when the server sent none."""
        self.body = body
        """The bytes as the server sent them, decompressed."""
        self.refusal: str | None = None
        """Why the page must not be parsed; None for nearly every page."""
        self._charset = charset
        self._tree: LexborHTMLParser | None = None
        self._base: str | None = None

    @classmethod
    def of(cls, raw: Raw) -> "Page":
        """Make a page of what was fetched."""
        target, response = raw.target, raw.response
        return cls(
            response.url,
            response.body,
            requested_url=target.requested_url,
            status=response.status,
            depth=target.depth,
            parent=target.parent,
            content_type=response.content_type,
            charset=response.charset,
        )

    @classmethod
    def from_html(cls, html: str, url: str = "https://example.com/") -> "Page":
        """Make a page of a string, for trying a handler without a crawl."""
        return cls(url, html.encode("utf-8", "replace"), charset="utf-8")

    @property
    def html(self) -> str:
        """The page as text, in the encoding that it declares."""
        return self.utf8.decode("utf-8", "replace")

    @property
    def utf8(self) -> bytes:
        """The page as UTF-8, as the parser reads it; what is no text is left to the parser to replace."""
        return to_utf8(self.body, self._charset)

    @property
    def is_html(self) -> bool:
        """Whether the page is HTML, by its media type; a page without one is taken for HTML."""
        return self.content_type in {"text/html", "application/xhtml+xml", ""}

    @property
    def title(self) -> str | None:
        """The text of `<title>`, white space folded; None without one."""
        nodes = self.tree.tags("title")
        return fold(nodes[0].text()) if nodes else None

    @property
    def base(self) -> str:
        """What relative URLs are relative to: `<base href>`, or else the page's own URL."""
        if self._base is None:
            bases = (node.attributes for node in self.tree.tags("base"))
            href = next((each["href"] for each in bases if "href" in each), None)
            self._base = (href and normalise(href, self.url)) or self.url
        return self._base

    @property
    def all_links(self) -> Iterator[Link]:
        """What `links` gives for `a[href], area[href]`, for half of the time."""
        tree = self.tree
        # To look for tags by name is much faster, but image maps stand between other links.
        by_name = tree.tags("a") if not tree.tags("area") else self._matches("a[href], area[href]")
        return links_of(by_name, self.base)

    @property
    def tree(self) -> LexborHTMLParser:
        """The parsed page, for what selectors can't say; parsed when first asked for.

        Raises `HostilePageError`, as do all the questions that need it, for a page with a `refusal`.
        """
        if self._tree is None:
            if self.refusal is not None:
                raise HostilePageError(self.refusal)
            self._tree = LexborHTMLParser(self.utf8)
        return self._tree

    def link(self, url: str, to: To = None, priority: int = 0) -> Link:
        """Return a link to *url*, which may be relative to the page.

        Raises `ValueError` when that is no http or https URL; `links` skips such ones instead.
        """
        joined = normalise(url, self.base)
        if joined is None:
            raise ValueError(f"cannot link to {url!r} from {self.url}: not an http or https URL")
        return Link(joined, handler_name(to), priority)

    def __repr__(self) -> str:
        return f"<Page {self.url} {self.status} {len(self.body)} bytes>"

    def _page(self) -> "Page":
        return self

    def _matches(self, selector: str) -> list[LexborNode]:
        return _select(self.tree.root, selector)


def links_of(
    nodes: Iterable[LexborNode], base: str, to: str = "", priority: int = 0
) -> Iterator[Link]:
    """Yield the `href` of each node that has one as a link, joined with *base*; see `Page.links`."""
    origin = root_of(base)
    for node in nodes:
        href = node.attributes.get("href")
        if href is None or len(href) > URL_CHARS_MAX:
            continue
        url = joined(href, base, origin)
        if url is not None:
            yield Link(url, to, priority)


def fold(text: str) -> str:
    """Return *text* with each run of white space as one space, and none at its ends."""
    # Most texts need no folding, and to see that is much faster than to do it.
    if len(text) > _LONG_CHARS and text.isascii():
        # Looking for one character after the other skips through memory: 20 times as fast.
        is_plain = not any(mark in text for mark in _BREAKS) and not _GAP.search(text)
    else:
        # The only printable white space is the plain space.
        is_plain = text.isprintable() and "  " not in text
    return text.strip() if is_plain else " ".join(text.split())


def handler_name(to: To) -> str:
    """Return the name of a page handler that was given itself or by name; empty for None."""
    if to is None or isinstance(to, str):
        return to or ""
    name = getattr(to, "__name__", None)
    if not isinstance(name, str):
        raise ValueError(f"a link goes to a page handler or to its name, not to {to!r}")
    return name


def check_selector(selector: str) -> None:
    """Raise `ValueError` for a selector that is not valid CSS."""
    _select(LexborHTMLParser(b"").root, selector)


def _select(node: LexborNode | None, selector: str) -> list[LexborNode]:
    if node is None:
        return []
    try:
        return node.css(selector)
    except (SelectolaxError, UnicodeEncodeError):
        raise ValueError(f"bad CSS selector {selector!r}") from None


def _attributes(node: LexborNode) -> dict[str, str]:
    return {name: value or "" for name, value in node.attributes.items()}

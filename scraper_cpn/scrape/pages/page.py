"""A fetched page, as page handlers and the built-in extraction see it.

Owns: decoding and parsing a page, at most once and not before something is asked, its base and its
links. What a page holds is data and raises nothing (with one exception, `HostilePageError`, for
pages that take too long to parse); what raises `ValueError` is a mistake of the program that asks.
Must not know: the net, settings, which links a crawl follows, how handlers run, HTML libraries.

`Page.from_html` makes a page out of a string, so that a handler is tested by calling it.
A page is used by one thread at a time.
"""

import json
import re
from collections.abc import Collection, Iterator
from mimetypes import guess_type
from pathlib import Path
from typing import Any, NoReturn, Unpack

import msgspec

from scraper_cpn.scrape.asking import LinkOptions, packed
from scraper_cpn.scrape.colours import Link, Raw, Saved
from scraper_cpn.scrape.pages.charset import Charset, charset_of, charset_of_xml
from scraper_cpn.scrape.pages.elements import Queried, To, handler_name, made
from scraper_cpn.scrape.pages.encodings import UTF_8, decoded, in_query
from scraper_cpn.scrape.pages.forms import Form
from scraper_cpn.scrape.pages.html_tree import HtmlTree
from scraper_cpn.scrape.pages.kinds import Reference, directives, meta_directives, refresh
from scraper_cpn.scrape.pages.media import Media, media_of
from scraper_cpn.scrape.pages.selectors import Selector, read_selector
from scraper_cpn.scrape.pages.tree import Node, Tree
from scraper_cpn.scrape.pages.verdicts import Retry
from scraper_cpn.scrape.pages.xml_tree import XmlTree
from scraper_cpn.scrape.urls import (
    URL_CHARS_MAX,
    host_of,
    joined,
    normalise,
    plainly_joined,
    root_of,
)

_OTHER_SCHEME = re.compile(r"[\x00-\x20]*(?!https?:)[a-z][a-z0-9+.-]*+:", re.IGNORECASE)


class HostilePageError(Exception):
    """Parsing the page would take too much time or memory."""


class Page(Queried):
    """A fetched page."""

    __slots__ = (
        "_base",
        "_charset",
        "_label",
        "_root",
        "_tree",
        "body",
        "certificate_hosts",
        "content_type",
        "data",
        "depth",
        "elapsed_ns",
        "headers",
        "media",
        "parent",
        "reason",
        "refusal",
        "requested_url",
        "saved",
        "session",
        "status",
        "too_long",
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
        headers: tuple[tuple[str, str], ...] = (),
        elapsed_ns: int = 0,
        reason: str = "",
        certificate_hosts: tuple[str, ...] = (),
        saved: Saved | None = None,
        data: bytes = b"",
        session: str = "",
    ) -> None:
        self.url = url
        """Where the page came from, behind all redirects."""
        self.requested_url = requested_url or url
        """The URL that was asked for first."""
        self.status = status
        """The HTTP status: 200 to 299, or an error status that the handler asks for."""
        self.depth = depth
        """Links followed from a seed; a seed has 0."""
        self.parent = parent
        """The URL of the page that linked here; None for a seed."""
        self.content_type = content_type
        """The media type in lower case, without parameters; empty when the server sent none."""
        self.headers = headers
        """The headers of the answer, names in lower case; what came more than once is joined by commas."""
        self.elapsed_ns = elapsed_ns
        """Nanoseconds from the start of the request to the last byte."""
        self.reason = reason
        """The reason phrase of the status line; empty if it has none, or the client does not tell."""
        self.certificate_hosts = certificate_hosts
        """The names of hosts in the server's certificate; empty if it was not verified, or the client does not tell."""
        self.saved = saved
        """Where the body was saved; None without `--save-bodies`."""
        self.data: dict[str, Any] = msgspec.msgpack.decode(data) if data else {}
        """The data of its link (`page.link(..., data={...})`); empty if there is none."""
        self.session = session
        """The name of its session, or of its place in the pool; empty without either."""
        self.body = body
        """The bytes as the server sent them, decompressed."""
        self.media: Media = media_of(content_type, body)
        """What the page is: `html`, `xml`, or `other`, by its media type, or else by its bytes."""
        self.too_long = 0
        """URLs in the page that were left out for their length: servers refuse such, and traps for crawlers make them."""
        self.refusal: str | None = None
        """Why the page must not be parsed; None for nearly every page."""
        self._label = charset
        self._charset: Charset | None = None
        self._tree: Tree | None = None
        self._base: str | None = None
        self._root = ""

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
            headers=response.headers,
            elapsed_ns=response.elapsed_ns,
            reason=response.reason,
            certificate_hosts=response.certificate_hosts,
            saved=response.saved,
            data=target.request.data,
            session=target.request.session,
        )

    @classmethod
    def from_html(cls, html: str, url: str = "https://example.com/") -> "Page":
        """Make a page of a string, for trying a handler without a crawl."""
        return cls(url, html.encode("utf-8", "replace"), charset="utf-8")

    @classmethod
    def from_file(
        cls, path: str | Path, url: str = "https://example.com/", data: dict[str, Any] | None = None
    ) -> "Page":
        """Make a page of a file, for trying a handler on a saved page; *data* is the data of its link.

        The name of the file determines its type, and the bytes determine its encoding. Raises `OSError`.
        """
        kind, _ = guess_type(str(path))
        return cls(url, Path(path).read_bytes(), content_type=kind or "", data=packed(data))

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in whatever case; None where there is none."""
        name = name.lower()
        return next((value for each, value in self.headers if each == name), None)

    @property
    def encoding(self) -> str:
        """The encoding of the page, by the Encoding Standard's name, such as `windows-1252`.

        It is that of browsers: a byte order mark, the Content-Type header, a declaration in the page,
        a guess. The page is parsed where only that tells, unless it may not be.
        """
        if not self._sniffed.is_certain and self.media == "html" and self.refusal is None:
            self.tree  # noqa: B018 - it finds the declaration
        return self._sniffed.encoding

    @property
    def html(self) -> str:
        """The page as text, decoded by its `encoding`."""
        return self._decoded(self.encoding)

    @property
    def utf8(self) -> bytes:
        """The page as UTF-8, as its first bytes and its header declare it."""
        encoding = self._sniffed.encoding
        if encoding == UTF_8:
            return self.body[self._sniffed.mark_bytes :]
        return self._decoded(encoding).encode("utf-8", "replace")

    @property
    def has_tree(self) -> bool:
        """Whether the page has elements: it is HTML or XML."""
        return self.media != "other"

    @property
    def title(self) -> str | None:
        """The title of the page or feed, white space folded; None without one."""
        return self.tree.title()

    @property
    def base(self) -> str:
        """The base of relative URLs: `<base href>`, or else the page's own URL."""
        if self._base is None:
            href = self.tree.base()
            base = normalise(in_query(href, self._sniffed.encoding), self.url) if href else None
            self._base = base or normalise(self.url) or self.url
            self._root = root_of(self._base)
        return self._base

    def urls_of(self, kinds: Collection[str]) -> list[str]:
        """Return the links of these kinds (see `scraper_cpn.scrape.pages.kinds`), absolute and in the page's order."""
        urls = self.tree.urls(kinds) if self.has_tree else []
        header = self._refresh(kinds)
        found = self._all_absolute(urls if header is None else [header.url, *urls])
        return [url for url in found if url is not None]

    def links_of(self, kinds: Collection[str]) -> Iterator[tuple[Reference, str]]:
        """Yield what `urls_of` returns: as the page has it, and absolute."""
        references = [*self.tree.references(kinds)] if self.has_tree else []
        header = self._refresh(kinds)
        if header is not None:
            references.insert(0, header)
        found = self._all_absolute([each.url for each in references])
        for reference, url in zip(references, found, strict=True):
            if url is not None:
                yield reference, url

    def asks(self, agent: str) -> frozenset[str]:
        """Return `nofollow` and `noindex`, as far as the page asks the crawler called *agent* for them.

        A page asks by the header X-Robots-Tag and by `<meta name=robots>`. Of a page with a `refusal` only the
        header counts.
        """
        headers = (value for name, value in self.headers if name == "x-robots-tag")
        said = directives(headers, agent)
        if not self.has_tree or self.refusal is not None:
            return said
        return said | meta_directives(self.tree.metas(), agent)

    @property
    def tree(self) -> Tree:
        """The parsed page; parsed when first asked for.

        Raises `HostilePageError`, as do all the questions that need it, for a page with a `refusal`.
        """
        if self._tree is None:
            if self.refusal is not None:
                raise HostilePageError(self.refusal)
            self._tree = self._parsed()
        return self._tree

    def json(self) -> Any:
        """Return the page as JSON says it, whatever its media type is.

        Raises `ValueError` for what is not JSON, and for what is nested thousands deep.
        """
        try:
            return json.loads(self._decoded(self._sniffed.encoding))
        except RecursionError:
            raise ValueError(f"{self.url}: the JSON is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"{self.url} is not JSON: {error}") from None

    def absolute(self, reference: str) -> str | None:
        """Return a URL that stands in the page, joined with its base and normalised.

        None for what is no http or https URL, or is longer than `URL_CHARS_MAX`, which `too_long` counts. A query
        is encoded as the page is, as browsers do.
        """
        base = self.base
        if len(reference) <= URL_CHARS_MAX:
            if not reference.isascii():
                reference = in_query(reference, self._sniffed.encoding)
            found = joined(reference, base, self._root)
            if found is not None or len(reference) + len(base) <= URL_CHARS_MAX:
                return found
        self.too_long += _OTHER_SCHEME.match(reference) is None
        return None

    def link(
        self, url: str | None, to: To = None, priority: int = 0, **options: Unpack[LinkOptions]
    ) -> Link:
        """Return a link to *url*, which may be relative to the page; `Link` says what the options mean.

        None, and what is no http or https URL (`javascript:`, `mailto:`), makes a link without a URL: the crawl counts
        and skips it. Raises `ValueError` for options that make no sense, and for data that does not fit the parameters
        of the handler *to*.
        """
        found = "" if url is None else in_query(url, self.encoding)
        return made(Link(found, handler_name(to), priority, **options), to, self.base)

    def retry(
        self, reason: str, after: float | str | None = None, *, elsewhere: bool = False
    ) -> NoReturn:
        """Have this page requested again; the same as `raise Retry(reason, after, elsewhere=...)`."""
        raise Retry(reason, after, elsewhere=elsewhere)

    def form(self, selector: str = "form") -> Form:
        """Return the first form that a CSS selector matches. Raises `ValueError` where there is none."""
        found = next(
            (each for each in self._nodes(selector) if self.tree.tag(each) == "form"), None
        )
        if found is None:
            raise ValueError(f"{self.url} has no form {selector!r}")
        return Form(self, found)

    def __repr__(self) -> str:
        return f"<Page {self.url} {self.status} {len(self.body)} bytes>"

    def _refresh(self, kinds: Collection[str]) -> Reference | None:
        return refresh(self.header("refresh") or "") if "refresh" in kinds else None

    def _all_absolute(self, references: list[str]) -> list[str | None]:
        if not references:
            return []  # the base would have the page parsed
        base = self.base
        plain = plainly_joined(references, base, self._root)
        if None not in plain:
            return plain
        pairs = zip(references, plain, strict=True)
        return [self.absolute(each) if url is None else url for each, url in pairs]

    @property
    def _sniffed(self) -> Charset:
        if self._charset is None:
            find = charset_of if self.media == "html" else charset_of_xml
            self._charset = find(self.body, self._label, host_of(self.url))
        return self._charset

    def _decoded(self, encoding: str) -> str:
        return decoded(self.body[self._sniffed.mark_bytes :], encoding)

    def _parsed(self) -> Tree:
        charset = self._sniffed
        text = self._decoded(charset.encoding)
        if self.media == "xml":
            return XmlTree(text)
        tree = HtmlTree(text)
        if charset.is_certain:
            return tree
        encoding = tree.declared_encoding() or charset.encoding
        self._charset = Charset(encoding)
        return tree if encoding == charset.encoding else HtmlTree(self._decoded(encoding))

    def _page(self) -> "Page":
        return self

    def _node(self) -> Node | None:
        return self.tree.root


def check_selector(text: str) -> Selector:
    """Return the selector that *text* writes down. Raises `ValueError` for a bad one."""
    selector = read_selector(text)
    Page.from_html("").css(text)
    return selector

"""The results of selectors on a page: elements and texts.

Owns: the questions that a page and its elements answer alike, and `Element`.
Must not know: how pages are decoded and parsed, what the command does with what is found.

`scraper_cpn.scrape.pages.selectors` has the notation of selectors: CSS with `::text`, `::raw_text`, `::attr(name)` and
`::url(name)`, or XPath.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, Unpack, overload

from scraper_cpn.scrape.asking import LinkOptions, ready
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.parameters import name_of, parameters_of
from scraper_cpn.scrape.pages.selectors import Selector, SelectorPart, bad, read_selector
from scraper_cpn.scrape.pages.srcset import urls_in
from scraper_cpn.scrape.pages.tree import Node, Tree, fold

To = str | Callable[..., Any] | None
"""A page handler, or its name; None lets the URL choose."""

D = TypeVar("D")


class PageSource(Protocol):
    """The page that elements belong to."""

    url: str

    @property
    def tree(self) -> Tree:
        """The parsed page."""

    def absolute(self, reference: str) -> str | None:
        """Return a URL of the page, absolute and normalised; None if it is no valid link."""


class Queried(ABC):
    """What a page and an element have in common. A bad selector raises `ValueError`."""

    __slots__ = ()

    def css(self, selector: str) -> list[Any]:
        """Return what *selector* finds, in the order of the page.

        Those are `Element`s; behind `::text`, `::raw_text`, `::attr(name)` and `::url(name)` they are texts.
        """
        return self._found(read_selector(selector))

    def xpath(self, expression: str) -> list[Any]:
        """Return what an XPath 1.0 expression finds: `Element`s and texts, in the order of the page.

        A number or a truth is one text. `//` begins at the page, and `.//` at this element.
        """
        return self._found(Selector(expression, xpath=expression))

    @overload
    def text(self, selector: str | None = None) -> str | None: ...
    @overload
    def text(self, selector: str, default: D) -> str | D: ...
    def text(self, selector: str | None = None, default: object = None) -> object:
        """Return the text of the first match, white space folded, or *default* without a match.

        Without a selector it is the text of the whole page or element. A text is what a browser
        shows: blocks, cells and line breaks keep words apart, scripts and what is hidden are left
        out. What is never shown, such as a script, is given when it is asked for itself. What `::raw_text`,
        `::attr(name)` and `::url(name)` find is not folded.
        """
        if selector is None:
            return self._whole(raw=False)
        return next(self._values(read_selector(selector), raw=False), default)

    def texts(self, selector: str) -> list[str]:
        """Return the text of each match; see `text`."""
        return list(self._values(read_selector(selector), raw=False))

    @overload
    def raw_text(self, selector: str | None = None) -> str | None: ...
    @overload
    def raw_text(self, selector: str, default: D) -> str | D: ...
    def raw_text(self, selector: str | None = None, default: object = None) -> object:
        """Return all text of the first match as it is, or *default* without a match.

        Nothing is folded or left out: for `<pre>`, `<textarea>`, JSON in a `<script>`.
        """
        if selector is None:
            return self._whole(raw=True)
        return next(self._values(read_selector(selector), raw=True), default)

    def attr(self, selector: str, name: str) -> str | None:
        """Return the attribute *name* of the first match as the page has it; None where it has none."""
        node = next(self._nodes(selector), None)
        return None if node is None else self._page().tree.attribute(node, name)

    def links(
        self,
        selector: str = "a[href]",
        to: To = None,
        priority: int = 0,
        **options: Unpack[LinkOptions],
    ) -> Iterator[Link]:
        """Return the `href` of each match as a link; texts that match are links themselves.

        The options are those of `Page.link`, for each of the links. Relative URLs are joined with the page's base. What is no http or https URL, or is longer
        than `URL_CHARS_MAX`, is skipped; repetitions are not, the crawl knows which URLs it has.
        """
        page, name = self._page(), handler_name(to)
        for found in self._raw_found(read_selector(selector)):
            href = found if isinstance(found, str) else page.tree.attribute(found, "href")
            url = None if href is None else page.absolute(href)
            if url is not None:
                yield (
                    made(Link(url, name, priority, **options), to)
                    if options
                    else Link(url, name, priority)
                )

    @abstractmethod
    def _page(self) -> PageSource: ...

    @abstractmethod
    def _node(self) -> Node | None: ...

    def _whole(self, *, raw: bool) -> str:
        tree, node = self._page().tree, self._node()
        if node is None:
            return ""
        return tree.raw_text(node) if raw else tree.text(node)

    def _found(self, selector: Selector) -> list[Any]:
        page = self._page()
        found = self._raw_found(selector)
        return [each if isinstance(each, str) else Element(page, each) for each in found]

    def _values(self, selector: Selector, *, raw: bool) -> Iterator[str]:
        tree = self._page().tree
        for each in self._raw_found(selector, folded=not raw):
            if isinstance(each, str):
                yield each
            else:
                yield tree.raw_text(each) if raw else tree.text(each)

    def _nodes(self, selector: str) -> Iterator[Node]:
        found = self._raw_found(read_selector(selector))
        return (each for each in found if not isinstance(each, str))

    def _raw_found(self, selector: Selector, *, folded: bool = False) -> Iterator[Node | str]:
        """Yield what *selector* finds: nodes of the tree, and texts as they are, or with white space folded."""
        tree, at = self._page().tree, self._node()
        if at is None:
            return
        try:
            found = (
                tree.xpath(at, selector.xpath) if selector.xpath else tree.select(at, selector.css)
            )
        except ValueError as error:
            raise bad(selector.source, error) from None
        for each in found:
            if selector.xpath or selector.takes_elements:
                yield fold(each) if folded and isinstance(each, str) else each
            else:
                for taken, is_text in self._taken(selector.parts, each):
                    yield fold(taken) if folded and is_text else taken

    def _taken(
        self, parts: tuple[SelectorPart, ...], node: Node
    ) -> Iterator[tuple[Node | str, bool]]:
        """Yield what the parts take of a node, and whether it is one of its texts."""
        tree = self._page().tree
        for part in parts:
            if len(parts) == 1 or tree.matches(node, part.css):
                for taken in self._part(part, node):
                    yield taken, part.take == "text"

    def _part(self, part: SelectorPart, node: Node) -> Iterator[Node | str]:
        page = self._page()
        if part.take == "element":
            yield node
        elif part.take == "text":
            yield from (text for text in page.tree.own_texts(node) if not text.isspace())
        elif part.take == "raw_text":
            yield page.tree.raw_text(node)
        else:
            value = page.tree.attribute(node, part.name)
            if value is not None and part.take == "url":
                urls = map(page.absolute, urls_in(part.name, value))
                yield from (url for url in urls if url is not None)
            elif value is not None:
                yield value


class Element(Queried):
    """An element of a page. Its CSS selectors match what is inside of it."""

    __slots__ = ("_at", "_of")

    def __init__(self, page: PageSource, node: Node) -> None:
        self._of = page
        self._at = node

    @property
    def tag(self) -> str:
        """The name of the element; in HTML in lower case, in XML with its prefix."""
        return self._of.tree.tag(self._at)

    @property
    def attrs(self) -> dict[str, str]:
        """The attributes of the element; one without a value is empty."""
        return self._of.tree.attributes(self._at)

    @property
    def html(self) -> str:
        """The element as HTML, or as XML in a page of XML."""
        return self._of.tree.markup(self._at)

    @property
    def parent(self) -> "Element | None":
        """The element around this one; None for the outermost."""
        node = self._of.tree.parent(self._at)
        return None if node is None else Element(self._of, node)

    @property
    def children(self) -> "list[Element]":
        """The elements directly inside of this one."""
        return [Element(self._of, node) for node in self._of.tree.children(self._at)]

    @property
    def next(self) -> "Element | None":
        """The next element with the same parent."""
        return self._sibling(1)

    @property
    def previous(self) -> "Element | None":
        """The element before this one with the same parent."""
        return self._sibling(-1)

    def matches(self, selector: str) -> bool:
        """Return whether a CSS selector matches this element itself."""
        return self._of.tree.matches(self._at, selector)

    def url(self, name: str = "href") -> str | None:
        """Return the attribute *name* as an absolute URL, joined with the page's base; of a `srcset`, the first.

        None where there is no such attribute, or it is no http or https URL. An empty `href` is the URL of the
        page; an empty `src` is none.
        """
        value = self._of.tree.attribute(self._at, name)
        urls = [] if value is None else urls_in(name, value)
        return self._of.absolute(urls[0]) if urls else None

    def __repr__(self) -> str:
        return f"<Element {self.tag} of {self._of.url}>"

    def _sibling(self, step: int) -> "Element | None":
        tree = self._of.tree
        parent = tree.parent(self._at)
        if parent is None:
            return None
        nodes = tree.children(parent)
        at = nodes.index(self._at) + step
        return Element(self._of, nodes[at]) if 0 <= at < len(nodes) else None

    def _page(self) -> PageSource:
        return self._of

    def _node(self) -> Node:
        return self._at


def made(link: Link, to: To, base: str | None = None) -> Link:
    """Return a link as a page makes it, its options checked; one that leads to no web address has no URL.

    Raises `ValueError`, also for data that does not fit the parameters of the handler *to*.
    """
    found = ready(link, base) or Link("", link.to)
    if callable(to) and found.url:
        parameters_of(to).given(found.request.data if found.request else b"")
    return found


def handler_name(to: To) -> str:
    """Return the name of a page handler that was given itself or by name; empty for None."""
    if to is None or isinstance(to, str):
        return to or ""
    name = name_of(to)
    if not name:
        raise ValueError(f"a link goes to a page handler or to its name, not to {to!r}")
    return name

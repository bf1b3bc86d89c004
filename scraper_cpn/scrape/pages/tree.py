"""What a parsed page answers, whatever it was parsed from.

Owns: the questions that pages and elements ask, which HTML and XML answer each by its own library,
and which elements count in a text.
Must not know: those libraries, URLs, encodings, selectors with `::text`.

A node is whatever a library has for an element; only the tree that gave it out understands it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from typing import Any

from scraper_cpn.scrape.pages.kinds import Reference

Node = Any

_BREAKS = (
    "address article aside blockquote body br caption center col colgroup dd details dialog dir div dl"
    " dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html legend"
    " li listing main menu nav ol optgroup option p plaintext pre search section summary table tbody td"
    " tfoot th thead tr ul xmp"
)
BREAKS = frozenset(_BREAKS.split())
"""Elements that end a word: blocks, table cells and line breaks (HTML Standard, section 15.3)."""

_UNSEEN = (
    "area audio base basefont canvas datalist embed frame head iframe img input link meta meter noembed"
    " noframes param progress rp script source style template textarea title track video"
)
UNSEEN = frozenset(_UNSEEN.split())
"""Elements whose content no browser shows as text of the page (section 15.3.1, and `innerText`)."""

_FOREIGN_UNSEEN = "defs desc metadata script style symbol title annotation annotation-xml"
FOREIGN_UNSEEN = frozenset(_FOREIGN_UNSEEN.split())
"""The same of SVG and MathML."""

_ASCII_SPACES = "\t\n\v\f\r\x1c\x1d\x1e\x1f"
_OTHER_SPACES = "\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
"""With the space, all characters that `str.split` parts at."""

FOREIGN_BREAKS = frozenset({"text", "foreignObject"})
"""Elements of SVG that end a word."""


class Tree(ABC):
    """A parsed page. Used by one thread at a time."""

    @property
    @abstractmethod
    def root(self) -> Node | None:
        """The outermost element; None for a document that has none."""

    @abstractmethod
    def select(self, at: Node, css: str) -> list[Node]:
        """Return the elements inside of *at* that *css* matches, in the order of the page.

        Raises `ValueError` for a bad selector, without naming it.
        """

    @abstractmethod
    def xpath(self, at: Node, expression: str) -> list[Any]:
        """Return what an XPath 1.0 expression finds at *at*: elements and texts.

        A number or a truth is one text. Raises `ValueError` as `select` does.
        """

    @abstractmethod
    def matches(self, node: Node, css: str) -> bool:
        """Return whether *css* matches *node* itself."""

    @abstractmethod
    def tag(self, node: Node) -> str:
        """Return the name of an element, with its prefix if it has one; in HTML in lower case."""

    @abstractmethod
    def attributes(self, node: Node) -> dict[str, str]:
        """Return the attributes of an element in their order; one without a value is empty."""

    @abstractmethod
    def attribute(self, node: Node, name: str) -> str | None:
        """Return one attribute of an element, or None."""

    @abstractmethod
    def parent(self, node: Node) -> Node | None:
        """Return the element around *node*, or None."""

    @abstractmethod
    def children(self, node: Node) -> list[Node]:
        """Return the elements directly inside of *node*."""

    @abstractmethod
    def own_texts(self, node: Node) -> list[str]:
        """Return the texts directly inside of *node*, as they are."""

    @abstractmethod
    def raw_text(self, node: Node) -> str:
        """Return all text inside of *node* as it is: the DOM's `textContent`."""

    @abstractmethod
    def text(self, node: Node) -> str:
        """Return the text of *node* that a browser shows, white space folded.

        Blocks, cells and line breaks keep words apart; scripts, styles and what is hidden are left
        out. An element that is never shown, such as a script, gives its `raw_text`, as
        `innerText` does.
        """

    @abstractmethod
    def markup(self, node: Node) -> str:
        """Return *node* as HTML or XML."""

    @abstractmethod
    def title(self) -> str | None:
        """Return the text of the page's title, white space folded; None without one."""

    @abstractmethod
    def page_text(self) -> str:
        """Return the text of the whole page; see `text`."""

    def last_text(self) -> str:
        """Return `page_text`; the cheaper way if nothing else is asked of the tree then."""
        return self.page_text()

    def controls(self, css: str) -> list[tuple[Node, Node | None]]:
        """Return the elements that *css* matches, and the form that each belongs to: the one around it."""
        found = self.select(self.root, css) if self.root is not None else []
        return [(node, self._form_around(node)) for node in found]

    def _form_around(self, node: Node) -> Node | None:
        at = self.parent(node)
        while at is not None and self.tag(at) != "form":
            at = self.parent(at)
        return at

    def input_value(self, node: Node) -> str:
        """Return the value of an input as a browser holds it."""
        return self.attribute(node, "value") or ""

    @abstractmethod
    def base(self) -> str | None:
        """Return the `href` of the first `<base>` that has one."""

    @abstractmethod
    def references(self, kinds: Collection[str]) -> Iterator[Reference]:
        """Yield the links of these kinds (see `scraper_cpn.scrape.pages.kinds`) in the page's order."""

    def urls(self, kinds: Collection[str]) -> list[str]:
        """Return the URLs of `references`, as the page has them."""
        return [each.url for each in self.references(kinds)]

    @abstractmethod
    def metas(self) -> Iterator[tuple[str, str]]:
        """Yield name and content of each `<meta>`."""


def number_text(value: float) -> str:
    """Return a number of XPath as a text (XPath 1.0, section 4.2)."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value == int(value) else repr(value)


def fold(text: str) -> str:
    """Return *text* with each run of white space as one space, and none at its ends."""
    return " ".join(text.split())


def has_odd_space(text: str) -> bool:
    """Return whether *text* has white space other than the space: `fold` costs thirty times as much."""
    if any(space in text for space in _ASCII_SPACES):
        return True
    return not text.isascii() and any(space in text for space in _OTHER_SPACES)

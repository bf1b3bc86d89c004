"""A page of XML, parsed: feeds, XHTML, sitemaps, SVG and any other.

Owns: the tree that libxml2 builds (by lxml), reading it, and where feeds keep their links.
Must not know: encodings, URLs, pages.

A document that is not well formed is read as far as it makes sense. Parsing is linear and bounded:
no entity is expanded, nothing is fetched, no document type is read, and elements nest at most 256
deep. The names that HTML has for characters are known, as browsers know them in XHTML.

In a selector a name fits elements of that name in any namespace, as CSS has it; `dc|creator` means
the namespace that the document calls dc. XPath needs `dc:creator`, or `local-name()`.
"""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache, partial
from html.entities import html5

from cssselect import GenericTranslator, SelectorError
from cssselect.parser import Element as TypeSelector
from cssselect.xpath import XPathExpr
from lxml import etree

from scraper_cpn.scrape.pages.kinds import Reference, references_of
from scraper_cpn.scrape.pages.tree import (
    BREAKS,
    FOREIGN_BREAKS,
    FOREIGN_UNSEEN,
    UNSEEN,
    Node,
    Tree,
    fold,
    number_text,
)

_XHTML = "http://www.w3.org/1999/xhtml"
_SVG = "http://www.w3.org/2000/svg"
_MATHML = "http://www.w3.org/1998/Math/MathML"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_ATOM = frozenset({"http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"})
_RSS = frozenset({"", "http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/"})
_SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
_FUNCTIONS = {
    "re": "http://exslt.org/regular-expressions",
    "set": "http://exslt.org/sets",
    "math": "http://exslt.org/math",
}
"""The functions beyond XPath 1.0 that pages of HTML know as well."""
_XML_PREFIX = {"http://www.w3.org/XML/1998/namespace": "xml"}

_REFERENCE = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->|&(#?\w+;)?", re.DOTALL)
_OF_XML = frozenset({"lt;", "gt;", "amp;", "quot;", "apos;"})


class XmlTree(Tree):
    """A parsed XML document."""

    def __init__(self, text: str) -> None:
        parser = etree.XMLParser(
            recover=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            encoding="utf-8",
        )
        source = known_references(text).encode("utf-8", "replace")
        try:
            self._root = etree.fromstring(source, parser)
        except etree.XMLSyntaxError:  # there is no element at all
            self._root = None
        self._namespaces: dict[str, str] | None = None
        self._matching: dict[str, set[Node]] = {}
        self._is_xhtml = self._root is not None and _named(self._root) == (_XHTML, "html")
        if self._is_xhtml:
            _without_namespace(self._root)

    @property
    def root(self) -> Node | None:
        return self._root

    def select(self, at: Node, css: str) -> list[Node]:
        inside = _translated(css, "descendant::")
        return self._found(at, inside)

    def xpath(self, at: Node, expression: str) -> list[Node | str]:
        found = self._found(at, expression)
        if isinstance(found, list):
            return [each if _is_element(each) else _as_text(each) for each in found]
        if isinstance(found, bool):
            return [str(found).lower()]
        return [number_text(found) if isinstance(found, float) else str(found)]

    def matches(self, node: Node, css: str) -> bool:
        if css not in self._matching:
            found = self._found(self._root, _translated(css, "descendant-or-self::"))
            self._matching[css] = set(found)
        return node in self._matching[css]

    def tag(self, node: Node) -> str:
        name = etree.QName(node)
        return f"{node.prefix}:{name.localname}" if node.prefix else name.localname

    def attributes(self, node: Node) -> dict[str, str]:
        return {_attribute_name(node, name): value for name, value in node.attrib.items()}

    def attribute(self, node: Node, name: str) -> str | None:
        return self.attributes(node).get(name) if ":" in name else node.get(name)

    def parent(self, node: Node) -> Node | None:
        return node.getparent()

    def children(self, node: Node) -> list[Node]:
        return [child for child in node if _is_element(child)]

    def own_texts(self, node: Node) -> list[str]:
        return [text for text in (node.text, *(child.tail for child in node)) if text]

    def raw_text(self, node: Node) -> str:
        parts: list[str] = []
        _raw(node, parts)
        return "".join(parts)

    def text(self, node: Node) -> str:
        if self._kind(node) is None:
            return fold(self.raw_text(node))
        parts: list[str] = []
        self._gather(node, parts)
        return fold("".join(parts))

    def markup(self, node: Node) -> str:
        return str(etree.tostring(node, encoding="unicode", with_tail=False))

    def title(self) -> str | None:
        for path in ("head/title", "channel/title", "title", "{*}channel/{*}title", "{*}title"):
            title = None if self._root is None else self._root.find(path)
            if title is not None:
                return fold(self.raw_text(title))
        return None

    def page_text(self) -> str:
        return "" if self._root is None else self.text(self._root)

    def base(self) -> str | None:
        if self._root is None:
            return None
        bases = (node.get("href") for node in self._root.iter("base")) if self._is_xhtml else ()
        of_xml = self._root.get("{http://www.w3.org/XML/1998/namespace}base")
        return next((href for href in bases if href is not None), of_xml)

    def references(self, kinds: Collection[str]) -> Iterator[Reference]:
        if self._root is not None:
            for node in self._root.iter(etree.Element):
                for found in self._references(node):
                    if found.kind in kinds:
                        yield found

    def metas(self) -> Iterator[tuple[str, str]]:
        if self._root is not None and self._is_xhtml:
            for node in self._root.iter(etree.Element):
                if _named(node)[1] == "meta":
                    yield _string(node.get("name")) or "", _string(node.get("content")) or ""

    def _references(self, node: Node) -> Iterator[Reference]:
        namespace, name = _named(node)
        if namespace == _SVG and name == "a":
            kind, url = "a", _string(node.get("href", node.get(_XLINK_HREF)))
        elif namespace == _XHTML or self._is_xhtml:
            yield from references_of(name, lambda attribute: _string(node.get(attribute)))
            return
        else:
            kind, url = "feed", self._feed_url(node, namespace, name)
        if url is not None:
            yield Reference(kind, url)

    def _feed_url(self, node: Node, namespace: str, name: str) -> str | None:
        """The link that an element of a feed or a sitemap is."""
        if name == "link" and namespace in _ATOM:
            return _string(node.get("href"))
        if len(node):
            return None
        is_link = name in ("link", "comments") and namespace in _RSS
        is_permanent = name == "guid" and node.get("isPermaLink") != "false"
        if is_permanent:
            return (
                node.text if (node.text or "").strip().startswith(("http://", "https://")) else None
            )
        return node.text if is_link or (name == "loc" and namespace == _SITEMAPS) else None

    def _found(self, at: Node, expression: str) -> "list[Node]":
        try:
            return at.xpath(expression, namespaces=self._prefixes, smart_strings=False)  # type: ignore[no-any-return]
        except etree.XPathEvalError as error:
            if "prefix" in str(error):
                return []  # a name of a namespace that this document does not have
            raise ValueError(str(error)) from None

    @property
    def _prefixes(self) -> dict[str, str]:
        """The namespaces that the document names, each by the name that it had first."""
        if self._namespaces is None:
            found: dict[str, str] = {}
            for _, (prefix, namespace) in etree.iterwalk(self._root, events=("start-ns",)):
                if prefix:
                    found.setdefault(prefix, namespace)
            self._namespaces = _FUNCTIONS | found
        return self._namespaces

    def _gather(self, node: Node, parts: list[str]) -> None:
        parts.append(node.text or "")
        for child in node:
            if _is_element(child):
                apart = self._kind(child)
                if apart is not None:
                    parts.append(apart)
                    self._gather(child, parts)
                    parts.append(apart)
            parts.append(child.tail or "")

    def _kind(self, node: Node) -> str | None:
        """Return what stands around the text of an element; None where it has no text to show."""
        namespace, name = _named(node)
        if namespace in (_SVG, _MATHML):
            return None if name in FOREIGN_UNSEEN else " " if name in FOREIGN_BREAKS else ""
        if namespace == _XHTML or self._is_xhtml:
            is_hidden = name in UNSEEN or node.get("hidden") is not None
            return None if is_hidden else " " if name in BREAKS else ""
        return " "  # how a reader treats such an element is unknown: it gets a value of its own


def known_references(text: str, unknown: str | None = None) -> str:
    """Return *text* with references that XML knows: those of HTML as characters, a stray & as `&amp;`.

    A name that is not known becomes *unknown*; None: it stays, as text.
    """
    return _REFERENCE.sub(partial(_known, unknown=unknown), text) if "&" in text else text


def _known(found: re.Match[str], unknown: str | None) -> str:
    """Return a reference as XML knows it: a name of HTML as its character."""
    if found[0] != "&" and not found[1]:
        return found[0]  # a comment, or CDATA
    name = found[1] or ""
    if name in _OF_XML:
        return found[0]
    if name.startswith("#"):
        return found[0] if _is_character(name[1:-1]) else "\ufffd"
    if not name or unknown is None:
        return html5.get(name) or f"&amp;{name}"
    return html5.get(name, unknown)


def _is_character(number: str) -> bool:
    """Return whether a numeric reference means a character of XML (XML 1.0, section 2.2)."""
    try:
        code = int(number[1:], 16) if number.startswith("x") else int(number)
    except ValueError:
        return False
    return (
        code in (9, 10, 13)
        or 0x20 <= code < 0xD800
        or 0xE000 <= code < 0xFFFE
        or 0xFFFF < code < 0x110000
    )


def _is_element(node: object) -> bool:
    return isinstance(node, etree._Element) and isinstance(node.tag, str)  # noqa: SLF001


def _as_text(found: Node) -> str:
    if isinstance(found, etree._Element):  # noqa: SLF001 - a comment or an instruction
        return found.text or ""
    return found[1] if isinstance(found, tuple) else str(found)


def _named(node: Node) -> tuple[str, str]:
    namespace, brace, name = node.tag.rpartition("}")
    return namespace[1:] if brace else "", name


def _attribute_name(node: Node, name: str) -> str:
    namespace, brace, local = name.rpartition("}")
    if not brace:
        return name
    prefixes = {uri: prefix for prefix, uri in node.nsmap.items()} | _XML_PREFIX
    return f"{prefixes.get(namespace[1:], '')}:{local}"


def _string(value: object) -> str | None:
    return None if value is None else str(value)


def _raw(node: Node, parts: list[str]) -> None:
    parts.append(node.text or "")
    for child in node:
        if _is_element(child):
            _raw(child, parts)
        parts.append(child.tail or "")


def _without_namespace(root: Node) -> None:
    """Make the elements of XHTML those of HTML, so that one selector or XPath fits both."""
    for node in root.iter(f"{{{_XHTML}}}*"):
        node.tag = _named(node)[1]


class _Translator(GenericTranslator):
    """CSS to XPath, where a name without a namespace fits any, as CSS has it."""

    def xpath_element(self, selector: TypeSelector) -> XPathExpr:
        if selector.namespace or not selector.element:
            return super().xpath_element(selector)
        # Names with odd characters are literals too: those have no quotes.
        return self.xpathexpr_cls(condition=f"local-name() = '{selector.element}'")


@lru_cache(256)
def _translated(css: str, axis: str) -> str:
    try:
        return str(_Translator().css_to_xpath(css, axis))
    except (SelectorError, NotImplementedError) as error:
        raise ValueError(str(error)) from None

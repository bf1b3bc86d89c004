"""A page of HTML, parsed.

Owns: the tree that turbohtml builds by the HTML Standard, and reading it.
Must not know: encodings, URLs, pages.

Parsing is linear in the size of a page, whatever is in it: turbohtml nests no deeper than 512
elements, as browsers do.
"""

import re
from collections.abc import Collection, Iterable, Iterator

from turbohtml import Document, Element, Namespace, SelectorSyntaxError, Text, parse

from scraper_cpn.scrape.pages.encodings import encoding_named
from scraper_cpn.scrape.pages.kinds import Reference, anchor, references_of, tags_of
from scraper_cpn.scrape.pages.prescan import declared, in_content
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

_STYLED = (("hidden", "[hidden]"), ("<dialog", "dialog"), ("style", "[style]"))
"""What may change what an element is: a word that the page has then, and a selector. One at a time is faster."""
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE
)
_BLOCK_STYLE = re.compile(
    r"display\s*:\s*(?:block|flex|grid|list-item|table|flow-root)", re.IGNORECASE
)
_HTML = Namespace.HTML
_BREAK, _LEFT_OUT, _DEPENDS = 1, 2, 3
"""What an element does to a text; what depends on its namespace is looked at again."""
_KINDS = (
    dict.fromkeys(FOREIGN_BREAKS | FOREIGN_UNSEEN, _DEPENDS)
    | dict.fromkeys(BREAKS, _BREAK)
    | dict.fromkeys(UNSEEN, _LEFT_OUT)
)


class HtmlTree(Tree):
    """A parsed page of HTML."""

    def __init__(self, text: str) -> None:
        self._document: Document = parse(text, positions=False)
        self._text = text
        self._lowered: str | None = None
        self._styled: dict[Element, int] | None = None
        self._has_templates: bool | None = None

    @property
    def root(self) -> Node | None:
        return self._document.root

    def select(self, at: Node, css: str) -> list[Node]:
        try:
            return self._shown(at.select(css))
        except SelectorSyntaxError as error:
            raise ValueError(str(error).rpartition('": ')[2]) from None

    def xpath(self, at: Node, expression: str) -> list[Node | str]:
        try:
            found = at.xpath(expression)
        except ValueError as error:
            if "prefix" in str(error):
                return []  # a name of a namespace: HTML has none
            raise
        if isinstance(found, bool):
            return [str(found).lower()]
        if isinstance(found, float):
            return [number_text(found)]
        if isinstance(found, str):
            return [found]
        return [
            each if isinstance(each, (str, Element)) else each.text
            for each in found
            if not isinstance(each, Document)
        ]

    def matches(self, node: Node, css: str) -> bool:
        return bool(node.matches(css))

    def tag(self, node: Node) -> str:
        return str(node.tag)

    def attributes(self, node: Node) -> dict[str, str]:
        return {name: node.attr(name) or "" for name in node.attrs}

    def attribute(self, node: Node, name: str) -> str | None:
        name = name.lower()
        return node.attr(name, "") if name in node.attrs else None

    def parent(self, node: Node) -> Node | None:
        parent = node.parent
        return parent if isinstance(parent, Element) else None

    def children(self, node: Node) -> list[Node]:
        return [child for child in node if isinstance(child, Element)]

    def own_texts(self, node: Node) -> list[str]:
        return [child.data for child in node if isinstance(child, Text)]

    def raw_text(self, node: Node) -> str:
        return str(node.text)

    def text(self, node: Node) -> str:
        styled = self._styles
        if _kind(node, styled) == _LEFT_OUT:
            return fold(node.text)
        parts: list[str] = []
        _gather(node, parts, styled)
        return fold("".join(parts))

    def markup(self, node: Node) -> str:
        return str(node.html)

    def title(self) -> str | None:
        title = next(self._named("title"), None)
        return None if title is None else fold(title.text)

    def page_text(self) -> str:
        root = self._document.root
        return "" if root is None else self.text(root)

    def base(self) -> str | None:
        hrefs = (each.attr("href", "") for each in self._named("base") if "href" in each.attrs)
        return next(hrefs, None)

    def references(self, kinds: Collection[str]) -> Iterator[Reference]:
        tags = [tag for tag in tags_of(frozenset(kinds)) if self._mentions(f"<{tag}")]
        by_tag = [each for each in (self._references(tag, kinds) for tag in tags) if each]
        if (
            len(by_tag) < 2
        ):  # nearly always: to find one name is much faster than to find several in their order
            return iter(by_tag[0] if by_tag else ())
        nodes = self._shown(self._document.select(", ".join(tags)))
        return (each for node in nodes for each in _references(node) if each.kind in kinds)

    def _references(self, tag: str, kinds: Collection[str]) -> list[Reference]:
        nodes = self._shown(self._document.find_all(tag))
        return [each for node in nodes for each in _references(node) if each.kind in kinds]

    def metas(self) -> Iterator[tuple[str, str]]:
        for meta in self._shown(list(self._named("meta"))):
            yield meta.attr("name") or "", meta.attr("content") or ""

    def declared_encoding(self) -> str | None:
        """Return the encoding that the first `<meta>` declares that the parser accepts.

        HTML Standard, section 13.2.6.4.4: a `<meta>` counts wherever it stands.
        """
        for meta in self._named("meta"):
            encoding = encoding_named(meta.attr("charset"))
            if encoding is None and (meta.attr("http-equiv") or "").lower() == "content-type":
                encoding = in_content(meta.attr("content") or "")
            if encoding is not None:
                return declared(encoding)
        return None

    def _named(self, tag: str) -> Iterator[Element]:
        """Yield the elements of HTML with that name: SVG has a `<title>` too."""
        if not self._mentions(f"<{tag}"):
            return iter(())
        return (each for each in self._document.find_all(tag) if each.namespace is _HTML)

    def _mentions(self, word: str) -> bool:
        """Return whether the page has *word* (in lower case) somewhere: no parser makes up such elements.

        A page without it is told from others by a search of its text, which costs a tenth of one of its tree.
        """
        if self._lowered is None:
            self._lowered = self._text.lower()
        return word in self._lowered

    def _shown(self, found: list[Element]) -> list[Element]:
        """Return *found* without what is inside of a `<template>`, which is another document."""
        if found and self._has_templates is None:
            self._has_templates = self._mentions("<template")
        if not self._has_templates:
            return found
        return [each for each in found if not _is_in_template(each)]

    @property
    def _styles(self) -> dict[Element, int]:
        """What elements are made to be by their attributes."""
        if self._styled is None:
            names = [css for word, css in _STYLED if self._mentions(word)]
            found = (node for css in names for node in self._document.select(css))
            kinds = ((node, _styled_kind(node)) for node in found)
            self._styled = {node: kind for node, kind in kinds if kind is not None}
        return self._styled


def _gather(node: Node, parts: list[str], styled: dict[Element, int]) -> None:
    """Append the texts of *node*, with spaces where words end. The hot loop of reading a page."""
    for child in node:
        if type(child) is Text:
            parts.append(child.data)
        elif type(child) is Element:
            kind = _KINDS.get(child.tag)
            if styled or kind == _DEPENDS:
                kind = _kind(child, styled)
            if kind is None:
                _gather(child, parts, styled)
            elif kind == _BREAK:
                parts.append(" ")
                _gather(child, parts, styled)
                parts.append(" ")


def _kind(node: Element, styled: dict[Element, int]) -> int | None:
    kind = _KINDS.get(node.tag)
    if kind == _DEPENDS:
        kind = _foreign_kind(node)
    return kind if kind == _LEFT_OUT or not styled else styled.get(node, kind)


def _foreign_kind(node: Element) -> int | None:
    if node.namespace is _HTML:
        return None
    return _LEFT_OUT if node.tag in FOREIGN_UNSEEN else _BREAK


def _styled_kind(node: Element) -> int | None:
    attributes = node.attrs
    style = node.attr("style") or ""
    is_closed = node.tag == "dialog" and "open" not in attributes
    if "hidden" in attributes or is_closed or _HIDDEN_STYLE.search(style):
        return _LEFT_OUT
    return _BREAK if _BLOCK_STYLE.search(style) else None


def _is_in_template(node: Element) -> bool:
    return any(isinstance(each, Element) and each.tag == "template" for each in node.ancestors)


def _references(node: Element) -> Iterable[Reference]:
    tag, attribute = node.tag, node.attr
    if node.namespace is _HTML:
        if tag != "a":  # most links by far: without the questions that other elements are asked
            return references_of(tag, attribute)
        href = attribute("href")
        return () if href is None else (anchor(href, attribute("rel")),)
    return _foreign_references(node)


def _foreign_references(node: Element) -> Iterator[Reference]:
    if node.namespace is Namespace.SVG and node.tag in ("a", "area"):
        href = node.attr("href")
        url = node.attr("xlink:href") if href is None else href
        if url is not None:
            yield Reference(node.tag, url)

"""A page of HTML, parsed.

Owns: the tree that turbohtml builds by the HTML Standard, and reading it.
Must not know: encodings, URLs, pages.

Parsing is linear in the size of a page, whatever is in it: turbohtml nests no deeper than 512
elements, as browsers do.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import cast

from turbohtml import Document, Element, Namespace, SelectorSyntaxError, Text, parse

from scraper_cpn.scrape.pages.encodings import encoding_named
from scraper_cpn.scrape.pages.form_owners import form_owners, input_value, is_in_template
from scraper_cpn.scrape.pages.html_text import (
    has_foreign,
    is_unseen,
    styles,
    text_of,
    text_of_all,
)
from scraper_cpn.scrape.pages.kinds import Reference, references_of, tags_of
from scraper_cpn.scrape.pages.prescan import declared, in_content
from scraper_cpn.scrape.pages.tree import Node, Tree, fold, number_text

_HTML = Namespace.HTML


class HtmlTree(Tree):
    """A parsed page of HTML."""

    def __init__(self, text: str) -> None:
        self._parsed: Document | None = parse(text, positions=False)
        self._text = text
        self._styled: dict[Element, int] | None = None
        self._has_templates: bool | None = None
        self._controls: dict[str, list[tuple[Node, Node | None]]] = {}

    @property
    def _document(self) -> Document:
        if self._parsed is None:
            self._parsed = parse(self._text, positions=False)
        return self._parsed

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
        return text_of(node, self._styles)

    def markup(self, node: Node) -> str:
        return str(node.html)

    def title(self) -> str | None:
        titles = self._shown(self._named("title"))
        return fold(titles[0].text) if titles else None

    def page_text(self) -> str:
        root = self._document.root
        return "" if root is None else self.text(root)

    def last_text(self) -> str:
        """Return `page_text`, for a third of its cost. Who asks for anything else then pays for parsing the page again."""
        document, styled = self._document, self._styles
        if document.root is None or is_unseen(document.root, styled):
            return self.page_text()
        self._parsed = self._styled = None
        self._controls.clear()
        return text_of_all(document, styled)

    def controls(self, css: str) -> list[tuple[Node, Node | None]]:
        if css not in self._controls:
            pairs = form_owners(self._text, self._document, css)
            self._controls[css] = [pair for pair in pairs if not is_in_template(pair[0])]
        return self._controls[css]

    def input_value(self, node: Node) -> str:
        return input_value(node)

    def base(self) -> str | None:
        found = self._shown(self._named("base"))
        return next((each.attr("href", "") for each in found if "href" in each.attrs), None)

    def references(self, kinds: Collection[str]) -> Iterator[Reference]:
        tags = tags_of(frozenset(kinds))
        by_tag = [each for each in (self._references(tag, kinds) for tag in tags) if each]
        if (
            len(by_tag) < 2
        ):  # nearly always: to find one name is much faster than to find several in their order
            return iter(by_tag[0] if by_tag else ())
        nodes = self._shown(self._document.select(", ".join(tags)))
        return (each for node in nodes for each in _references(node) if each.kind in kinds)

    def urls(self, kinds: Collection[str]) -> list[str]:
        find = self._document.find
        names = [name for name in tags_of(frozenset(kinds)) if find(name) is not None]
        others = any(self._references(name, kinds) for name in names if name != "a")
        if others or self._has_template() or self._has_foreign("a"):
            return super().urls(kinds)
        # What an expression for attributes finds are texts.
        return cast("list[str]", self._document.xpath("//a/@href")) if "a" in names else []

    def _has_foreign(self, tag: str) -> bool:
        """Return whether there is an element of that name in SVG or MathML."""
        document = self._document
        return has_foreign(document) and any(
            each.namespace is not _HTML for each in document.find_all(tag)
        )

    def _references(self, tag: str, kinds: Collection[str]) -> list[Reference]:
        nodes = self._shown(self._document.find_all(tag))
        return [each for node in nodes for each in _references(node) if each.kind in kinds]

    def metas(self) -> Iterator[tuple[str, str]]:
        for meta in self._shown(self._named("meta")):
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

    def _named(self, tag: str) -> list[Element]:
        """Return the elements of HTML with that name: SVG has a `<title>` too."""
        return [each for each in self._document.find_all(tag) if each.namespace is _HTML]

    def _shown(self, found: list[Element]) -> list[Element]:
        """Return *found* without what is inside of a `<template>`, which is another document."""
        if not (found and self._has_template()):
            return found
        return [each for each in found if not is_in_template(each)]

    def _has_template(self) -> bool:
        if self._has_templates is None:
            self._has_templates = self._document.find("template") is not None
        return self._has_templates

    @property
    def _styles(self) -> dict[Element, int]:
        if self._styled is None:
            self._styled = styles(self._document)
        return self._styled


def _references(node: Element) -> Iterable[Reference]:
    return (
        references_of(node.tag, node.attr) if node.namespace is _HTML else _foreign_references(node)
    )


def _foreign_references(node: Element) -> Iterator[Reference]:
    if node.namespace is Namespace.SVG and node.tag in ("a", "area"):
        href = node.attr("href")
        url = node.attr("xlink:href") if href is None else href
        if url is not None:
            yield Reference(node.tag, url)

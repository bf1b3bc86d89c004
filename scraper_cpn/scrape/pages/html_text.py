"""The text of HTML, as a browser shows it.

Owns: what elements of HTML, and their attributes, do to a text, and two ways to it: one node at a time in Python, and
for a whole page by the library, which takes a third of the time and cuts its tree down to the text.
Must not know: pages, links, selectors of users.
"""

import re
from collections.abc import Iterable

from turbohtml import Document, Element, Namespace, ProcessingInstruction, Text
from turbohtml.clean import collapse_whitespace_node, strip_comments_node

from scraper_cpn.scrape.pages.tree import (
    BREAKS,
    FOREIGN_BREAKS,
    FOREIGN_UNSEEN,
    UNSEEN,
    Node,
    fold,
    has_odd_space,
)

Styles = dict[Element, int]
"""What elements are made to be by their attributes."""

_STYLED = ("[hidden]", "[style]")
"""What may change what an element is, besides being a dialog. One at a time is faster."""
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE
)
_BLOCK_STYLE = re.compile(
    r"display\s*:\s*(?:block|flex|grid|list-item|table|flow-root)", re.IGNORECASE
)
_BREAK, _LEFT_OUT, _DEPENDS = 1, 2, 3
"""What an element does to a text; what depends on its namespace is looked at again."""
_KINDS = (
    dict.fromkeys(FOREIGN_BREAKS | FOREIGN_UNSEEN, _DEPENDS)
    | dict.fromkeys(BREAKS, _BREAK)
    | dict.fromkeys(UNSEEN, _LEFT_OUT)
)
_VOID_NAMES = "area base basefont embed frame img input link meta param source track"
_VOID = frozenset(_VOID_NAMES.split())
"""Those of `UNSEEN` in which nothing can be, in HTML."""
_WITH_TEXT = sorted(UNSEEN - _VOID)
_FOREIGN_UNSEEN = (FOREIGN_UNSEEN - UNSEEN) | _VOID
"""Those that HTML shows, or in which nothing can be there."""
_INLINE_NAMES = (
    "a b button em i img input label link meta noscript small source span strong svg time u"
)
_INLINE = _INLINE_NAMES.split()
"""Elements of many pages that do nothing to a text; there are others, which are found more slowly."""
_OFTEN_NAMES = "div li p td tr ul h2 h3 body th dd dt section article table tbody header footer nav"
_OFTEN = _OFTEN_NAMES.split()
_NO_BREAK = ":not(" + ",".join([*_OFTEN, *sorted(BREAKS.difference(_OFTEN))]) + ")"
"""What is there most is named first: the names are tried one after another."""
_FOREIGN = ("svg", "math")
_HTML = Namespace.HTML
_VERBATIM = ("pre", "listing", "plaintext", "xmp", *_FOREIGN)
"""Elements whose white space the library leaves as it is."""


def styles(document: Document) -> Styles:
    """Return what the attributes of elements make of them."""
    found = document.find_all("dialog")
    found += (node for css in _STYLED for node in document.select(css))
    kinds = ((node, _styled_kind(node)) for node in found)
    return {node: kind for node, kind in kinds if kind is not None}


def text_of(node: Node, styled: Styles) -> str:
    """Return the text of *node*, white space folded; see `Tree.text`."""
    if _kind(node, styled) == _LEFT_OUT:
        return fold(node.text)
    parts: list[str] = []
    _gather(node, parts, styled)
    return fold("".join(parts))


def has_foreign(document: Document) -> bool:
    """Return whether there are elements of SVG or MathML."""
    return any(document.find(name) is not None for name in _FOREIGN)


def is_unseen(node: Element, styled: Styles) -> bool:
    """Return whether nothing of *node* is shown."""
    return _kind(node, styled) == _LEFT_OUT


def text_of_all(document: Document, styled: Styles) -> str:
    """Return the text of a document whose root is seen, and leave nothing else of it.

    What is not shown is taken out of the tree, and so is each element that does nothing to a text, around what is in
    it. Then words end where texts end.
    """
    root = document.root
    assert root is not None
    # All questions before the first change, after which the library looks at each element again.
    inline = [name for name in _INLINE if document.find(name) is not None]
    has_verbatim = any(document.find(name) is not None for name in _VERBATIM)
    unseen = [node for name in _WITH_TEXT for node in document.find_all(name)]
    breaks = [node for node, kind in styled.items() if kind == _BREAK and node.tag not in UNSEEN]
    unseen += (node for node, kind in styled.items() if kind == _LEFT_OUT)
    if has_foreign(document):
        unseen += _foreign(document, _FOREIGN_UNSEEN)
        breaks += _foreign(document, FOREIGN_BREAKS)
    for node in breaks:
        node.tag = "div"
    for node in unseen:
        node.decompose()
    if inline:
        root.strip_tags(",".join(inline))
    root.strip_tags(_NO_BREAK)
    strip_comments_node(root)
    if document.xpath("//processing-instruction()"):
        _without_instructions(root)
    root.normalize()
    collapse_whitespace_node(root)
    text = " ".join(root.stripped_strings)
    has_runs = has_verbatim and "  " in text
    return fold(text) if has_runs or has_odd_space(text) else text


def _gather(node: Node, parts: list[str], styled: Styles) -> None:
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


def _foreign(document: Document, names: Iterable[str]) -> list[Element]:
    found = ((name, node) for name in names for node in document.find_all(name.lower()))
    return [node for name, node in found if node.tag == name and node.namespace is not _HTML]


def _without_instructions(root: Element) -> None:
    for node in [each for each in root.descendants if isinstance(each, ProcessingInstruction)]:
        node.extract()


def _kind(node: Element, styled: Styles) -> int | None:
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

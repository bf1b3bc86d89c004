"""Which form each control of a page of HTML belongs to.

Owns: the form element pointer of the parser (HTML Standard, sections 13.2.4.4 and 13.2.6.4.7), which is in no tree.
Must not know: what a control sends, encodings, URLs.

Between `<form>` and `</form>` every control belongs to that form, wherever the tree has put the two: a form that
begins in a table, outside of its cells, is empty in the tree. A control without such a form belongs to the one around it.
"""

import re
from bisect import bisect_right

from turbohtml import Document, Element, parse

_END_OR_TEXT = re.compile(
    r"(</form(?=[\s/>]))|<!--.*?(?:-->|\Z)"
    r"|<(script|style|textarea|title|xmp|iframe|noembed|noframes|template)(?=[\s/>]).*?(?:</\2(?=[\s/>])|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""The end of a form, or a stretch of a page in which a tag is text."""


def form_owners(text: str, document: Document, css: str) -> list[tuple[Element, Element | None]]:
    """Return the elements that *css* matches and the form of each, in the order of the page.

    *document* is what *text* was parsed to. Cost: that of parsing the page once more.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    ends = [each.start() for each in _END_OR_TEXT.finditer(text) if each[1]]
    again = parse(text, source_locations=True)
    pairs = zip(again.select("form"), document.select("form"), strict=True)
    forms = {_start(twin): form for twin, form in pairs if not is_in_template(form)}
    starts = sorted(forms)
    found = []
    for node, twin in zip(document.select(css), again.select(css), strict=True):
        at = _start(twin)
        last = bisect_right(starts, at) - 1
        is_open = last >= 0 and bisect_right(ends, starts[last]) == bisect_right(ends, at)
        found.append((node, forms[starts[last]] if is_open else _above(node, "form")))
    return found


def input_value(node: Element) -> str:
    """Return the value of an input as a browser holds it: by the rules of its type (section 4.10.5.1).

    The one of `type=color` is not checked.
    """
    form = parse(f"<form>{node.html}</form>").find("form")
    pairs = form.form_data() if form is not None else []
    return pairs[0][1] if pairs else node.attr("value", "") or ""


def is_in_template(node: Element) -> bool:
    """Return whether an element is in a `<template>`, which is another document."""
    return _above(node, "template") is not None


def _start(node: Element) -> int:
    place = node.source_location
    return -1 if place is None or place.start_tag is None else place.start_tag.start_offset


def _above(node: Element, tag: str) -> Element | None:
    return next(
        (each for each in node.ancestors if isinstance(each, Element) and each.tag == tag), None
    )

"""What a page would cost to parse, estimated before anyone parses it.

Owns: the limits that keep a hostile page from taking a processor for hours. The HTML parser is
linear on real pages, but walks the stack of open elements for each tag, and the attributes of a
tag for each further one: a million nested elements, or a million attributes on one tag, cost it
hours. An estimate made with the eye of a tokenizer, not of a browser, is enough to tell them apart.
Must not know: the parser, threads, handlers, URLs.

Measured with lexbor: 30,000 nested `<div>` take 1.0 s, 30,000 attributes on one tag 1.6 s, and a
page of ordinary markup 3 us a kB. An attribute of its own takes some four bytes, so that the worst
page of `INLINE_BYTES` takes 0.1 s, and of `UNSEEN_BYTES` 0.5 s.
"""

import re
from collections import Counter
from collections.abc import Iterator

INLINE_BYTES = 32 * 1024
"""Larger pages are not parsed on the event loop: an ordinary one would hold it for a millisecond."""
UNSEEN_BYTES = 64 * 1024
"""Pages up to this size are parsed without a look."""
STEPS_MAX = 1_000_000_000
"""Steps up the stack of open elements; 2 to 4 seconds."""
ATTRIBUTES_MAX = 20_000
"""On one tag; under 1 second."""

_ATTRIBUTES = rb"""(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+"""
# Nothing in a comment or a script is a tag. What is never closed lasts to the end of the page, in
# the standard as well, which also keeps the search linear.
_TOKEN = re.compile(
    rb"<(?:!--(?:-?>|(?:[^-]++|-(?!-!?>))*+)"
    rb"|(?P<raw>(?i:script|style|textarea|title|xmp|iframe|noembed|noframes))(?=[\s/>])"
    rb"(?P<raw_attributes>" + _ATTRIBUTES + rb")(?:[^<]++|<(?!/(?i:(?P=raw))))*+"
    rb"|(?P<end>/?)(?P<name>[a-zA-Z][^\s/>]{0,30}+)(?P<attributes>" + _ATTRIBUTES + rb"))"
)
_QUOTED = re.compile(rb""""[^"]*"|'[^']*'""")

# Elements without content, and those that another start tag closes: they do not nest.
_FLAT = frozenset(
    b"area base body br col colgroup dd dt embed head hr html img input li link meta optgroup"
    b" option p param rb rp rt rtc source tbody td tfoot th thead tr track wbr".split()
)


def objection(body: bytes) -> str | None:
    """Return why *body* must not be parsed at all, in one line, or None for nearly every page.

    Cost: nothing up to `UNSEEN_BYTES`, then about what parsing costs, for a worker thread.
    """
    if len(body) <= UNSEEN_BYTES:
        return None
    if any(_count(attributes) > ATTRIBUTES_MAX for attributes in _attributes(body)):
        return f"a tag has more than {ATTRIBUTES_MAX:,} attributes"
    if body.count(b"<") ** 2 // 2 > STEPS_MAX and _steps(body) > STEPS_MAX:
        return "its elements are nested too deeply to be parsed in a few seconds"
    return None


def _attributes(body: bytes) -> Iterator[bytes]:
    """Yield what each start tag has behind its name."""
    for token in _TOKEN.finditer(body):
        yield token["attributes"] or token["raw_attributes"] or b""


def _count(attributes: bytes) -> int:
    """Return about how many attributes there are; short texts are not worth counting."""
    if len(attributes) <= 2 * ATTRIBUTES_MAX:
        return 0
    return len(_QUOTED.sub(b" ", attributes).replace(b"/", b" ").split())


def _steps(body: bytes) -> int:
    """Return about how many steps up the stack of open elements parsing takes."""
    steps = depth = 0
    opened: Counter[bytes] = Counter()
    for token in _TOKEN.finditer(body):
        end, name = token["end"], (token["name"] or b"br").lower()
        if name not in _FLAT:
            # An end tag without its start tag closes nothing, whatever it is called.
            change = 1 if not end else -1 if opened[name] else 0
            opened[name] += change
            depth += change
        steps += depth
    return steps

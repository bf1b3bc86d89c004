"""What a page would cost to parse, estimated before anyone parses it.

Owns: the limits that keep a hostile page from taking a processor for hours. The HTML parser is
linear on real pages, but walks the stack of open elements for each tag, and the attributes of a
tag for each further one: a million nested elements, or a million attributes on one tag, cost it
hours. An estimate made with the eye of a tokenizer, not of a browser, is enough to tell them apart.
Must not know: the parser, threads, handlers, URLs.

Measured with lexbor: 30,000 nested `<div>` take 1.0 s, 30,000 attributes on one tag 1.6 s, and a
page of ordinary markup 3 us a kB. Up to `SMALL_BYTES` nothing can take longer than 0.1 s.
"""

import re
from collections import Counter

SMALL_BYTES = 16 * 1024
"""Pages up to this size are parsed without a look."""
INLINE_BYTES = 256 * 1024
"""Pages over this size are never parsed on the event loop."""
INLINE_TAGS = 4_000
"""Nor are pages with more `<` than this: were they all nested, parsing would take some 20 ms."""
STEPS_MAX = 1_000_000_000
"""Steps up the stack of open elements; 2 to 4 seconds."""
ATTRIBUTES_MAX = 20_000
"""On one tag; under 1 second."""

_TAG = re.compile(rb"""<[a-zA-Z](?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+|["'])*+""")
_QUOTED = re.compile(rb""""[^"]*"|'[^']*'""")
_ENDS = re.compile(rb"<(/?)([a-zA-Z][^\s/>]{0,30})")

# Elements without content, and those that another start tag closes: they do not nest.
_FLAT = frozenset(
    b"area base body br col colgroup dd dt embed head hr html img input li link meta optgroup"
    b" option p param rb rp rt rtc source tbody td tfoot th thead tr track wbr".split()
)


def is_quick(body: bytes) -> bool:
    """Return whether parsing *body* takes milliseconds, so that an event loop can afford it.

    Cost: nothing up to `SMALL_BYTES`, then about half of what parsing costs.
    """
    if len(body) <= SMALL_BYTES:
        return True
    if len(body) > INLINE_BYTES or body.count(b"<") > INLINE_TAGS:
        return False
    return all(len(tag[0]) <= SMALL_BYTES for tag in _TAG.finditer(body))


def objection(body: bytes) -> str | None:
    """Return why *body* must not be parsed at all, in one line, or None for nearly every page.

    Cost: nothing for a page that is quick; up to 0.1 s a megabyte, for a worker thread.
    """
    if len(body) <= SMALL_BYTES:
        return None
    if any(_attributes(tag[0]) > ATTRIBUTES_MAX for tag in _TAG.finditer(body)):
        return f"a tag has more than {ATTRIBUTES_MAX:,} attributes"
    if body.count(b"<") ** 2 // 2 > STEPS_MAX and _steps(body) > STEPS_MAX:
        return "its elements are nested too deeply to be parsed in a few seconds"
    return None


def _attributes(tag: bytes) -> int:
    """Return about how many attributes a tag has; short tags are not worth counting."""
    if len(tag) <= 2 * ATTRIBUTES_MAX:
        return 0
    return len(_QUOTED.sub(b" ", tag).replace(b"/", b" ").split())


def _steps(body: bytes) -> int:
    """Return about how many steps up the stack of open elements parsing takes."""
    steps = depth = 0
    opened: Counter[bytes] = Counter()
    for match in _ENDS.finditer(body):
        end, name = match[1], match[2].lower()
        if name not in _FLAT:
            # An end tag without its start tag closes nothing, whatever it is called.
            change = 1 if not end else -1 if opened[name] else 0
            opened[name] += change
            depth += change
        steps += depth
    return steps

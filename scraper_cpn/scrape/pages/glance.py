"""A quick upper bound on the cost of parsing an ordinary page, by one search of a regular expression.

Owns: the bound for pages without surprises. It costs about what parsing costs; `bound` is for the other pages.
Must not know: the parser, processes, handlers, URLs.

**What a search finds.** A start tag begins at each `<` with a letter that the tokenizer meets in its data state, and
where it does not, a `<` is no tag at all. So who looks at each `<` of a page sees all tags, and some texts that are
none; to count those as well only makes the bound larger. `_NOTABLE` finds each tag of a formatting element, and of
`<html>`, `<body>` and `<selectedcontent>`, that is not one of these:

1. `<a>` as authors write it, without `<` in a value and with at most twelve attributes, if an end or start tag of
   `<a>` follows behind tags that are known to be quiet (`<div>`, `<img>`, an icon; no table and no script), and to end
   where they seem to, of which at most seven are start tags of special elements. Then it is certain to be taken off
   the list of active formatting elements there: fewer than eight special elements are above it on the stack, so that
   the adoption agency comes to its end;
2. another formatting element (`<b>`, `<font>`) written in that way, if nothing but text is between the start tag and
   its end tag (a `<` before a space is text). Then the end tag closes that very element and takes it off the list,
   before anything could make it again.

What is found runs to its end, or the next `>`, and a page is not bounded here if it is not written in that way. So no
`<` is passed over: none is in such a tag. A page with capital letters in the names of these tags is looked at in lower
case, which changes no tag but the values of its attributes.

**How long a tag is.** `_has_long_tag` looks into each window of 1 kB or more for a place at which a tag ends
whatever state the tokenizer is in: `="x">`. It ends a value in double quotes and then the tag, or it is the last
attribute of the tag, or a part of a name or of a value without quotes; only a value in single quotes goes on. There is
none if the last apostrophe is behind neither `=` nor white space. Where a window has no such place, as in a script, each
tag that may begin since the last one is looked at. So a tag is shorter than two windows, or known to be harmless.

**How many formatting elements are active.** Since the last marker the list has at most one element that is not
notable, and at most three with the same name and attributes ("Noah's Ark", section 13.2.4.3). Byte for byte the same
tags have the same attributes (in lower case they may not, and each counts). So it has at most A elements: 1 + the sum of min(3, occurrences) over all different
notable formatting tags. What is before the last marker is not made again and not moved.

**What that costs.** Let T be the number of `<`, plus one.

- Elements are made again only if they are not on the stack. A tag can take A of them off, once; while the stack is
  full they are made again for each tag and each text: at most 2 A T.
- The adoption agency runs for a tag at most eight times. A time that is not its last moves a formatting element past
  a special one that was pushed after it, in the same scope, and the two never meet again; tables are a scope. So it
  runs at most T + A T times in all. Each makes at most 1 + min(3, A - 1) elements, with at most twelve attributes.
- Any tag, and each of these times, may walk the stack, which has at most `DEPTH_MAX` elements.
- A tag makes four nodes at most: itself, a text, and what is implied (`tbody`, `tr`).
- A tag of n attributes, which take four bytes each at least, compares n * n / 2 pairs at most, if their hashes collide.
- `<html>` and `<body>` add their attributes to one element.

Tests compare the bound with what is made of pages of any kind.
"""

import re
from collections import Counter
from typing import Final

from scraper_cpn.scrape.pages.bound import (
    ATTRIBUTES,
    ATTRIBUTES_MAX,
    BASE_BYTES,
    BASE_NS,
    BYTE_BYTES,
    BYTE_NS,
    DEPTH_MAX,
    ICON,
    MERGED_BYTES,
    MERGED_NS,
    MOVES_MAX,
    Bound,
)

_WINDOW_BYTES_MIN: Final = 1024
_WINDOWS_MAX: Final = 32
_PLAIN_BYTES: Final = 400
_SPACE = rb"[ \t\n\f\r]"
_NAME = rb"[a-z][a-z0-9:-]*+"
_FORMATTING = rb"b(?:ig)?+|code|em|font|i|nobr|s(?:mall|trike|trong)?+|tt|u"
_CLEAN = ATTRIBUTES + rb"[ \t\n\f\r/]*+"
"""The rest of a tag as authors write it."""
_PLAIN = _SPACE + rb"[^<>']{0," + str(_PLAIN_BYTES).encode() + rb"""}+(?<=[^= \t\n\f\r]")>"""
"""The rest of a tag that ends here: otherwise a value in quotes would have to be open at the `>`, but a `"` that begins
a value comes behind `=` and white space, so the last one ends a value or is in none."""
_REST = rb"(?:>|" + _PLAIN + rb"|" + _CLEAN + rb">)"
_USUAL = rb"""(?: [a-z-]++="[^"<>]*+"){0,""" + str(ATTRIBUTES_MAX).encode() + rb"}+>"
"""Some of the tags that authors write, which are found faster."""
_TEXT = rb"[^<]*+(?:<(?![A-Za-z/!?])[^<]*+)*+"
_BLOCKS = rb"(?:article|aside|blockquote|center|d(?:d|iv|l|t)|fig(?:caption|ure)|footer|h[1-6]|header|li|main|nav|ol|p|section|ul)"
_PHRASES = (
    rb"(?:abbr|cite|data|del|ins|label|mark|picture|q|span|su[bp]|time|" + _FORMATTING + rb")"
)
_VOIDS = rb"(?:br|img|source|wbr)"
_LIGHT = (
    rb"(?:/(?:"
    + _BLOCKS
    + rb"|"
    + _PHRASES
    + rb")>|(?:"
    + _VOIDS
    + rb"|"
    + _PHRASES
    + rb")"
    + _REST
    + rb"|"
    + ICON
    + rb")"
)
"""Tags behind which there are no more special elements than before."""
_LIGHT_ONES = rb"(?:<" + _LIGHT + _TEXT + rb")*+"
_NOTABLE = re.compile(
    rb"<(?=[abcefhinstuA-Z])(?=(?:a|" + _FORMATTING + rb"|html|body|selectedcontent)[ \t\n\f\r/>]|[a-z]*+[A-Z])"
    rb"(?!a(?:" + _USUAL + rb"|" + _CLEAN + rb">)" + _TEXT + rb"(?:</a>|" + _LIGHT_ONES
    + rb"(?:<" + _BLOCKS + _REST + _TEXT + _LIGHT_ONES + rb"){0,7}+</?+a[ \t\n\f\r/>])"
    rb"|(" + _FORMATTING + rb")" + _CLEAN + rb">" + _TEXT + rb"</\1>"
    rb")(?:" + _NAME + _CLEAN + rb"(?=>)|[^>]*+)"
)  # fmt: skip
_CAPITAL = re.compile(rb"<[a-z]*+[A-Z]")
_END = re.compile(rb"""="[^"'=<>]*+">""")
_BEFORE_VALUE = b"= \t\n\f\r"
_UNSURE = re.compile(rb"<(?![^A-Za-z/]|/?+[A-Za-z][A-Za-z0-9:-]*+" + _REST + rb")")
"""A tag that may have many attributes."""
_READ = re.compile(rb"<(" + _NAME + rb")" + _CLEAN)
_MERGED = (b"html", b"body")
_UNKNOWN = frozenset({b"selectedcontent"})

_WALK_NS: Final = 2_500
"""For a tag, with a full stack."""
_MOVE_NS: Final = 1_500
"""For a time that the adoption agency runs, with a full stack."""
_NODE_NS: Final = 300
_ATTRIBUTE_NS: Final = 100
_ATTRIBUTE_BYTES_MIN: Final = 4
"""With what is before it: of shorter names there are too few that could have one hash."""
_PAIRS_PER_NS: Final = 2
_NODE_BYTES: Final = 150
_AGAIN_NS: Final = 500
"""For an element with its attributes."""
_AGAIN_BYTES: Final = _NODE_BYTES + 25 * ATTRIBUTES_MAX


def glanced_bound(html: bytes, tags: int) -> Bound | None:
    """Return what parsing *html*, UTF-8 in which *tags* times a `<` is, costs at most; None for a page with surprises.

    Cost: linear, about what parsing costs.
    """
    found = _counted(html)
    if found is None or _has_long_tag(html):
        return None
    active, merged = found
    return _bound(len(html), tags + 1, active, merged * merged)


def _counted(html: bytes) -> tuple[int, int] | None:
    """Return how many formatting elements may be active, and how many attributes may be added to one element.

    None for a tag with surprises.
    """
    notable = Counter(match[0] for match in _NOTABLE.finditer(html))
    has_capitals = any(map(_CAPITAL.match, notable))
    if has_capitals:
        notable = Counter(match[0] for match in _NOTABLE.finditer(html.lower()))
    active, merged = 1, 0
    for tag, times in notable.items():
        found = _READ.fullmatch(tag)
        if found is None or found[1] in _UNKNOWN:
            return None
        if found[1] in _MERGED:
            merged += ATTRIBUTES_MAX * times
        else:
            active += times if has_capitals else min(3, times)
    return active, merged


def _has_long_tag(html: bytes) -> bool:
    """Return whether a tag may have more attributes than fit into two windows."""
    ended = looked = 0
    unsure = -1
    may_be_quoted = False
    window = _window_bytes(len(html))
    for begin in range(0, len(html) - 2 * window, window):
        end = begin + window
        for place in _END.finditer(html, begin, end):
            quote = html.rfind(b"'", looked, place.start())
            looked = place.start()
            if quote >= 0:
                may_be_quoted = html[quote - 1] in _BEFORE_VALUE
            if not may_be_quoted:
                ended = place.end()
                break
        else:
            if unsure < ended:
                found = _UNSURE.search(html, ended)
                unsure = len(html) if found is None else found.start()
            if unsure < end:
                return True
            ended = end
    return False


def _window_bytes(size: int) -> int:
    return max(_WINDOW_BYTES_MIN, size // _WINDOWS_MAX)


def _bound(size: int, tags: int, active: int, merged: int) -> Bound:
    moves = tags * min(MOVES_MAX, 1 + active)
    again = 2 * active * tags + moves * (1 + min(3, active - 1))
    tag_bytes = min(size, 2 * _window_bytes(size))
    pairs = tag_bytes * size // (2 * _ATTRIBUTE_BYTES_MIN * _ATTRIBUTE_BYTES_MIN)
    return Bound(
        time_ns=(
            BASE_NS
            + (_WALK_NS + 4 * _NODE_NS) * tags
            + _MOVE_NS * moves
            + _AGAIN_NS * again
            + pairs // _PAIRS_PER_NS
            + MERGED_NS * merged
            + (BYTE_NS + _ATTRIBUTE_NS // _ATTRIBUTE_BYTES_MIN) * size
        ),
        memory_bytes=(
            BASE_BYTES
            + 4 * _NODE_BYTES * tags
            + _AGAIN_BYTES * again
            + MERGED_BYTES * merged
            + BYTE_BYTES * size
        ),
        nodes=4 * tags + again,
        depth=min(tags + again + 8, DEPTH_MAX),
    )

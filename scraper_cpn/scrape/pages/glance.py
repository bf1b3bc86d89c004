"""A quick upper bound on the cost of parsing an ordinary page, by one search of a regular expression.

Owns: the bound for pages without surprises. It costs about what parsing costs; `bound` is for the other pages.
Must not know: the parser, processes, handlers, URLs.

**What a search finds.** A tag token begins at each `<` with a letter or `</` with a letter that the tokenizer meets
in its data state, and where it does not, a `<` is no tag at all. So who looks at each `<` of a page sees all tags, and
some texts that are none; to count those as well only makes the bound larger. `_NOTABLE` finds each that is not one of
these:

1. an end tag without attributes;
2. a start tag without attributes, or with at most `_PLAIN_BYTES` bytes of them, with no `<`, `>` or `'` in it, whose
   last byte before the `>` is a `"` that neither `=` nor white space is before. Such a tag ends there: otherwise a
   value in quotes would have to be open at the `>`, but a `"` that begins a value comes behind `=`, so the last one
   ends a value or is in none;
3. a tag that follows the grammar of attributes as authors write it, without `<` in a value, and with at most twelve of
   them;
4. of `<a>` only those of the third kind, and only if an end or start tag of `<a>` follows behind at most seven other
   tags, which are known to be quiet (`<div>`, `<img>`, an icon; no table and no script). Then it is certain to be taken off the
   list of active formatting elements there: fewer than eight special elements are above it on the stack, so that the
   adoption agency comes to its end;
5. of the other formatting elements (`<b>`, `<font>`) only those of the third kind, and only if nothing but text is
   between the start tag and its end tag (a `<` before a space is text). Then the end tag closes that very element and
   takes it off the list, before anything could make it again;
6. no `<html>`, `<body>` or `<selectedcontent>`.

What is found runs to its end, or the next `>`, and a page is not bounded here if that is not a tag of the third kind.
So no `<` is passed over: none is in such a tag. A page with capital letters in the names of tags is looked at in lower
case, which changes no tag but the values of its attributes.

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
- A tag of n attributes compares n * n / 2 pairs at most, if their hashes collide.
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

_PLAIN_BYTES: Final = 400
_NAME = rb"[a-z][a-z0-9:-]*+"
_FORMATTING = rb"b(?:ig)?+|code|em|font|i|nobr|s(?:mall|trike|trong)?+|tt|u"
_OWN = rb"(?:a|" + _FORMATTING + rb"|html|body|selectedcontent)[ \t\n\f\r/>]"
_OTHER = rb"(?:[dgj-mo-rv-z][a-z0-9:-]*+|(?!" + _OWN + rb")" + _NAME + rb")"
"""Most names can't be one of `_OWN`, by their first letter."""
_PLAIN = rb"[ \t\n\f\r][^<>']{0," + str(_PLAIN_BYTES).encode() + rb"""}+(?<=[^= \t\n\f\r]")>"""
_CLEAN = ATTRIBUTES + rb"[ \t\n\f\r/]*+"
_USUAL = rb"""(?: [a-z-]++="[^"<>]*+"){0,""" + str(ATTRIBUTES_MAX).encode() + rb"}+>"
"""Some tags of the third kind, which are found faster."""
_TEXT = rb"[^<]*+(?:<(?![A-Za-z/!?])[^<]*+)*+"
_QUIET_NAMES = rb"(?:div|figcaption|figure|h[1-6]|li|p|picture|span|time|ul|" + _FORMATTING + rb")"
_QUIET = (
    rb"(?:/"
    + _QUIET_NAMES
    + rb">|(?:br|img|source|"
    + _QUIET_NAMES
    + rb")(?=[ \t\n\f\r/>])[^<>]*+>|"
    + ICON
    + rb")"
)
"""Tags that end no scope, and behind which is no script and no foreign element."""
_NOTABLE = re.compile(
    rb"<(?![^A-Za-z/]"
    rb"|/" + _NAME + rb">"
    rb"|" + _OTHER + rb"(?:>|" + _PLAIN + rb"|" + _CLEAN + rb">)"
    rb"|a(?:" + _USUAL + rb"|" + _CLEAN + rb">)" + _TEXT + rb"(?:<" + _QUIET + _TEXT + rb"){0,7}+</?+a[ \t\n\f\r/>]"
    rb"|(" + _FORMATTING + rb")" + _CLEAN + rb">" + _TEXT + rb"</\1>"
    rb")(?:/?+" + _NAME + _CLEAN + rb"(?=>)|[^>]*+)"
)  # fmt: skip
_CAPITAL = re.compile(rb"</?+[a-z0-9:-]*+[A-Z]")
_READ = re.compile(rb"<(/?+" + _NAME + rb")" + _CLEAN)
_MENDING = re.compile(rb"a|" + _FORMATTING)
_UNKNOWN = frozenset({b"selectedcontent"})

_WALK_NS: Final = 2_500
"""For a tag, with a full stack."""
_MOVE_NS: Final = 1_500
"""For a time that the adoption agency runs, with a full stack."""
_NODE_NS: Final = 300
_NODE_BYTES: Final = 150
_AGAIN_NS: Final = 500
"""For an element with its attributes."""
_AGAIN_BYTES: Final = _NODE_BYTES + 25 * ATTRIBUTES_MAX


def glanced_bound(html: bytes, tags: int) -> Bound | None:
    """Return what parsing *html*, UTF-8 in which *tags* times a `<` is, costs at most; None for a page with surprises.

    Cost: linear, about what parsing costs.
    """
    active, merged = 1, 0
    has_capitals = _CAPITAL.search(html) is not None
    if has_capitals:
        html = html.lower()
    for tag, times in Counter(match[0] for match in _NOTABLE.finditer(html)).items():
        found = _READ.fullmatch(tag)
        if found is None or found[1] in _UNKNOWN:
            return None
        if _MENDING.fullmatch(found[1]):
            active += times if has_capitals else min(3, times)
        elif found[1] in (b"html", b"body"):
            merged += ATTRIBUTES_MAX * times
    return _bound(len(html), tags + 1, active, merged * merged)


def _bound(size: int, tags: int, active: int, merged: int) -> Bound:
    moves = tags * min(MOVES_MAX, 1 + active)
    again = 2 * active * tags + moves * (1 + min(3, active - 1))
    compared = _PLAIN_BYTES // 2 * size // 4
    return Bound(
        time_ns=(
            BASE_NS
            + (_WALK_NS + 4 * _NODE_NS) * tags
            + _MOVE_NS * moves
            + _AGAIN_NS * again
            + compared
            + MERGED_NS * merged
            + BYTE_NS * size
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

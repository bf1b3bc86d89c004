"""An upper bound on the cost of parsing a page, known before it is parsed.

Owns: an upper bound on the time and memory of the HTML parser, found in one pass over the tags.
Must not know: the parser, processes, handlers, URLs.

The standard's tree construction (WHATWG HTML, section 13.2.6) is linear but for four things:

- A tag may walk the whole stack of open elements, some of them eight times (the adoption agency).
- What was popped while it is still in the list of active formatting elements is made again, with all its
  attributes, before the next text: `<p>`, 1,000 different `<i>`, then 1,000 times `<p>x` are 1,000,000 elements.
- Each attribute of a tag is compared with those before it.
- The chosen option of a `<select>` is copied into each `<selectedcontent>`, of which hardly a page has one: no page
  that has any is bounded.

So the cost is known as soon as three numbers are: how many elements may be open at a time, how many
formatting elements may be active at a time, how many attributes a tag may have. All three are counted from
above. An element counts for nothing here only when it is certain to have left the stack and the list again:
when its end tag is there, and between the two is nothing but text, comments, void elements and other such
elements. Those tags are tags for the tokenizer too, since such a start tag leaves it in its data state. Every
other start tag counts as one that stays open for ever; so do comments and scripts in which markup stands.

Tests compare the bound with what hostile pages really cost. Its factors are those of the slowest shapes
known, on a machine of 2020.
"""

import re
from heapq import nlargest
from typing import Final

from msgspec import Struct

ATTRIBUTES_MAX: Final = 12
"""A tag with more attributes is looked at on its own."""
ATTRIBUTES = (
    rb"""(?:[ \t\n\f\r/]++[^ \t\n\f\r/>"'<=]++"""
    rb"""(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:"[^"<]*+"|'[^'<]*+'|[^ \t\n\f\r"'<>]++))?+){0,12}+"""
)
_CLEAN = rb"[a-z][a-z0-9:-]*+(?=" + ATTRIBUTES + rb"[ \t\n\f\r/]*+>)"
"""The name of a tag without surprises: what a `<` or a quote stands in is looked at on its own."""
_SHAPE = rb"(?:circle|ellipse|line|path|polygon|polyline|rect|use)"
ICON = (
    rb"svg"
    + ATTRIBUTES
    + rb"[ \t\n\f\r]*+>(?:[^<]++|<"
    + _SHAPE
    + ATTRIBUTES
    # Outside of SVG `<path/>` would stay open, so that all has to be in SVG for certain, and closed.
    + rb"""(?:[ \t\n\f\r/]*+(?<=[ \t\n\f\r"']/)>|[ \t\n\f\r]*+></"""
    + _SHAPE
    + rb">))*+</svg>"
)
"""An `<svg>`, behind its `<`, of nothing but shapes."""
_COMMENT = rb"!-(?=-(?:-?>|(?:[^<-]++|-(?!-!?>))*+--!?>))"
_TAG = re.compile(
    rb"<(?=[a-z/!?])((?="
    + ICON
    + rb")svg|(?!svg[ \t\n\f\r/>])/?+"
    + _CLEAN
    + rb"|"
    + _COMMENT
    + rb"|)"
)
"""In lower case. The group is the name of a tag, with a slash for an end tag; `svg` for a whole icon; `!-`
for a comment; one character for odd markup that is no start tag; empty for a start tag that is not clean."""
_ODD = re.compile(rb"<(?!" + _CLEAN + rb")([a-z][^ \t\n\f\r/>]*+)")
_REST = re.compile(rb"""(?:[^>"'=]++|=[ \t\n\f\r]*+(?:"[^"]*+"|'[^']*+')?+|["'])*+""")

_FORMATTING_NAMES = b"a b big code em font i nobr s small strike strong tt u"
_FORMATTING_TAG = re.compile(
    rb"<(?:" + _FORMATTING_NAMES.replace(b" ", b"|") + rb")(?=[ \t\n\f\r/>])(" + ATTRIBUTES + rb")"
)
_SEPARATOR = re.compile(rb"[ \t\n\f\r/]")

_VOID, _VOID_IN_HTML, _RAW, _FORMATTING, _BLOCK, _TABLE, _STAYS, _ICONIC = range(8)
_COPIED = b"selectedcontent"
_BLOCK_NAMES = (
    b"address article aside blockquote button caption center dd details dialog dir div dl dt fieldset"
    b" figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup li listing main menu nav ol optgroup"
    b" option p pre search section select summary tbody td tfoot th thead tr ul"
)
_STAYING_NAMES = (
    b"annotation-xml applet body colgroup desc foreignobject frameset head html image isindex marquee math"
    b" mi mn mo ms mtext noscript object plaintext rb rp rt rtc ruby template title"
)
_NAMES: tuple[tuple[int, bytes], ...] = (
    # Never on the stack; in SVG and MathML neither, which these end. Nor are comments.
    (_VOID, b"br embed hr img meta !-"),
    (_VOID_IN_HTML, b"area base col frame input keygen link param source track wbr"),
    (_RAW, b"iframe noembed noframes script style textarea xmp"),
    (_FORMATTING, _FORMATTING_NAMES),
    # Their tags may pop others, formatting elements too.
    (_BLOCK, _BLOCK_NAMES),
    (_TABLE, b"table"),
    # Those that bring markers, modes or other documents, and those that are special in SVG or MathML.
    (_STAYS, _STAYING_NAMES),
    (_ICONIC, b"svg"),
)
_KINDS = {name: kind for kind, names in _NAMES for name in names.split()}
"""All other names are of elements without rules of their own: what opens them is closed by their end tag."""
_KINDS |= dict.fromkeys((b"", b"!", b"?"), _STAYS)
_END = {name: b"/" + name for name in _KINDS}
_SLASH: Final = ord("/")

_READ_AGAIN_MAX: Final = 4
"""Tags that are not clean may overlap; when all of them are longer than so many pages, none is counted."""
_UNBOUNDED: Final = 1 << 40
BASE_NS: Final = 1_000_000
BASE_BYTES: Final = 2_000_000
_STEP_NS: Final = 10
"""For each tag, and each time that an element is moved past another: for each element on the stack."""
MOVES_MAX: Final = 8
"""For one tag (section 13.2.6.4.7)."""
_NODE_NS: Final = 300
NODE_BYTES: Final = 300
_ATTRIBUTE_NS: Final = 40
_ATTRIBUTE_BYTES: Final = 64
"""And its text."""
_COMPARED_NS: Final = 1
"""For a pair of attributes of one tag."""
MERGED_NS: Final = 12
MERGED_BYTES: Final = 32
"""For a pair of attributes that tags have added to one element: it may be copied for each."""
BYTE_NS: Final = 5
BYTE_BYTES: Final = 32
DEPTH_MAX: Final = 512
"""The parser nests no deeper, as browsers."""


class Bound(Struct, frozen=True, gc=False):
    """The maximum cost of parsing a page."""

    time_ns: int
    memory_bytes: int
    nodes: int
    """Elements and texts that are made."""
    depth: int
    """Elements that are open at a time."""


class _Counts:
    """How much of a page may stay open."""

    __slots__ = ("active", "compared", "copied", "deepest", "merged", "open", "tables")

    def __init__(self) -> None:
        self.open = 0
        """Elements that may stay on the stack."""
        self.deepest = 0
        """Elements on the stack at a time that are certain to leave it."""
        self.tables = 0
        """Each may have an implied body and an implied row."""
        self.active = 0
        """Formatting elements that may be made again."""
        self.copied = 0
        """Bytes of memory that it takes to make each of them once."""
        self.compared = 0
        """Pairs of attributes of one tag."""
        self.merged = 0
        """Pairs of attributes that tags have added to one element."""


def parsing_bound(html: bytes) -> Bound:
    """Return what parsing *html*, which is UTF-8, costs at most.

    Cost: linear, several times what parsing costs.
    """
    return _bound(len(html), html.count(b"<") + 1, _counted(html.lower()))


def _counted(text: bytes) -> _Counts:
    """Return what may stay open on a page, in lower case."""
    counts = _Counts()
    tags = _TAG.findall(text)
    _count_open(tags, counts, foreign=b"<svg" in text or b"<math" in text)
    # `<html>` and `<body>` add their attributes to one element, however often they are there.
    merged = ATTRIBUTES_MAX * (text.count(b"<html") + text.count(b"<body"))
    counts.merged = merged * merged
    if _COPIED in tags:
        counts.compared = _UNBOUNDED
    odd = _count_odd(text, counts) if b"" in tags else []
    if counts.active:
        _count_copied(text, odd, counts)
    return counts


def _bound(size: int, tags: int, counts: _Counts) -> Bound:
    open_at_once = counts.open + counts.deepest + 2 * counts.tables + counts.active + 8
    depth = min(open_at_once, DEPTH_MAX)
    # An active element is made again for each tag that pops it, and in the adoption agency once for each
    # element that it is moved past, or that is moved past it.
    again = tags + counts.open + counts.active + 8
    moves = min(MOVES_MAX * tags, (counts.open + 8) * counts.active)
    nodes = 4 * tags + again * counts.active
    copied = again * counts.copied
    return Bound(
        time_ns=(
            BASE_NS
            + _STEP_NS * (tags + moves) * depth
            + _NODE_NS * nodes
            + _ATTRIBUTE_NS * copied // _ATTRIBUTE_BYTES
            + _COMPARED_NS * counts.compared
            + MERGED_NS * counts.merged
            + BYTE_NS * size
        ),
        memory_bytes=(
            BASE_BYTES
            + NODE_BYTES * nodes
            + copied
            + MERGED_BYTES * counts.merged
            + BYTE_BYTES * size
        ),
        nodes=nodes,
        depth=depth,
    )


def _count_open(  # noqa: C901 - one loop, as it runs for each tag of each page
    tags: list[bytes], counts: _Counts, *, foreign: bool
) -> None:
    """Count what may stay open, or active."""
    opened: list[
        bytes
    ] = []  # the end tags that close what is open, and certain to be closed by them
    active: list[int] = []  # how many elements there are around each open formatting element
    stay = deepest = made_again = tables = 0
    remaining = iter(tags)
    for tag in remaining:
        kind = _KINDS.get(tag)
        if kind is None and tag[0] == _SLASH:
            if opened and opened[-1] == tag:
                opened.pop()
                if active and active[-1] == len(opened):
                    active.pop()
                continue
            kind = _STAYS
        if kind is None or kind in (_FORMATTING, _BLOCK, _TABLE):
            if kind == _FORMATTING:
                active.append(len(opened))
            elif kind is not None:
                # Its tags may pop the formatting elements around it, which then are made again in it.
                made_again += len(active)
                active.clear()
                tables += kind == _TABLE
            opened.append(_END.get(tag) or b"/" + tag)
            if len(opened) > deepest:
                deepest = len(opened)
        elif kind == _ICONIC:
            for inner in remaining:
                if inner == b"/svg":
                    break
        elif kind == _VOID_IN_HTML:
            stay += foreign
        elif kind == _RAW:
            # Whether markup in it is markup depends on where it stands.
            inner = next(remaining, b"")
            if inner != b"/" + tag:
                stay += 2
                made_again += _KINDS.get(inner) == _FORMATTING
                tables += inner == b"table"
                kind = _STAYS
        if kind == _STAYS:
            stay += len(opened) + 1
            made_again += len(active)
            opened.clear()
            active.clear()
    counts.open = stay + len(opened)
    counts.active = made_again + len(active)
    counts.deepest = deepest
    counts.tables = tables


def _count_odd(text: bytes, counts: _Counts) -> list[int]:
    """Count the attributes of tags that are not clean; return what copies of their elements take."""
    copies: list[int] = []
    to_read = _READ_AGAIN_MAX * len(text)
    for found in _ODD.finditer(text):
        rest = _REST.match(text, found.end())
        assert rest is not None  # it matches nothing as well
        length = len(rest[0])
        to_read -= length
        if to_read < 0:
            counts.compared = _UNBOUNDED
            break
        attributes = length // 2
        counts.compared += attributes * attributes
        if found[1] in (b"html", b"body", _COPIED):
            counts.merged = _UNBOUNDED
        elif _KINDS.get(found[1]) == _FORMATTING:
            copies.append(_ATTRIBUTE_BYTES * attributes + length)
    counts.active += len(copies)
    return copies


def _count_copied(text: bytes, odd: list[int], counts: _Counts) -> None:
    """Count what it takes to make each active formatting element again."""
    clean = (
        _ATTRIBUTE_BYTES * min(ATTRIBUTES_MAX, len(_SEPARATOR.findall(tag))) + len(tag)
        for tag in _FORMATTING_TAG.findall(text)
    )
    # Which of them are active is not known: the heaviest.
    counts.copied = sum(odd) + sum(nlargest(counts.active - len(odd), clean))

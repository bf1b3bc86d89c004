"""Pages that attack a parser, made by a grammar.

Owns: HTML of which every element of the standard can be a part, in nestings that no author writes, repeated
until the page has its size, in any encoding that a page may have. Equal seeds make equal pages.
Must not know: parsers, limits, servers.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from random import Random

from msgspec import Struct

_NAMES = (
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big blink blockquote"
    " body br button canvas caption center cite code col colgroup command data datalist dd del details dfn dialog"
    " dir div dl dt em embed fieldset figcaption figure font footer form frame frameset h1 h2 h3 h4 h5 h6 head"
    " header hgroup hr html i iframe image img input ins isindex kbd keygen label legend li link listing main map"
    " mark marquee math menu menuitem meta meter multicol nav nextid nobr noembed noframes noscript object ol"
    " optgroup option output p param picture plaintext pre progress q rb rp rt rtc ruby s samp script search"
    " section select slot small source spacer span strike strong style sub summary sup svg table tbody td template"
    " textarea tfoot th thead time title tr track tt u ul var video wbr xmp"
    " annotation-xml mi mo mn ms mtext mglyph malignmark desc foreignObject g path circle use x-y"
)
ELEMENTS = tuple(_NAMES.split())
"""The elements of the HTML standard, the obsolete ones too (sections 4 and 16.2), and the ones that have a role
where SVG and MathML are embedded (section 13.2.6.5)."""
_FORMATTING = "a b big code em font i nobr s small strike strong tt u"
FORMATTING = tuple(_FORMATTING.split())
ENCODINGS = ("utf-8", "utf-8", "utf-16-le", "utf-16-be", "gb18030", "windows-1252", "iso-2022-jp")
_ODD = (
    "<!-- -->",
    "<!--<div>-->",
    "<!-->",
    "<![CDATA[<b>]]>",
    "<?x?>",
    "</>",
    "<",
    "<1",
    "&amp;",
    "&#0;",
    "\0",
    "\x0c",
    '<b "">',
    "<i =a>",
    "<p a='<'>",
    '<a b=">">',
    "<div/>",
    "<script>",
    "</script>",
    "<!doctype html>",
    "<a\n/b/>",
)


class Page(Struct, frozen=True):
    """A page as a server sends it."""

    body: bytes
    content_type: str


def hostile_page(seed: int, size: int) -> Page:
    """Return the page of a seed, of about *size* bytes."""
    random = Random(seed)
    encoding = random.choice(ENCODINGS)
    width = 2 if encoding.startswith("utf-16") else 1
    html = _html(random, size // width)
    if width == 1:
        return Page(html.encode(encoding, "replace"), f"text/html; charset={encoding}")
    mark = codecs.BOM_UTF16_LE if encoding == "utf-16-le" else codecs.BOM_UTF16_BE
    return Page(mark + html.encode(encoding, "replace"), "text/html")


def _html(random: Random, size: int) -> str:
    """Some stretches, each of which repeats a motif."""
    stretches = random.randint(1, 4)
    names = random.sample(ELEMENTS, random.randint(1, 5))
    if random.random() < 0.7:
        names += random.choices(FORMATTING, k=random.randint(1, 3))
    parts = [_stretch(random, names, size // stretches) for _ in range(stretches)]
    return "".join(parts)[:size]


def _stretch(random: Random, names: list[str], size: int) -> str:
    motif = [_piece(random, names) for _ in range(random.randint(1, 7))]
    # With a number in it, no two of its tags are equal, which the standard would drop (section 13.2.4.3).
    length = max(1, sum(len(piece(0)) for piece in motif))
    return "".join(piece(turn) for turn in range(size // length) for piece in motif)


def _piece(random: Random, names: list[str]) -> Callable[[int], str]:
    name = random.choice(names)
    kind = random.random()
    if kind < 0.5:
        return _start(random, name)
    if kind < 0.75:
        return lambda _: f"</{name}>"
    if kind < 0.9:
        return lambda _: "x"
    odd = random.choice(_ODD)
    return lambda _: odd


def _start(random: Random, name: str) -> Callable[[int], str]:
    kind = random.randrange(6)
    if kind == 0:
        return lambda turn: f"<{name} a{turn}>"
    if kind == 1:
        attributes = " ".join(f"b{n}={n}" for n in range(random.choice((3, 12, 13, 200))))
        return lambda _: f"<{name} {attributes}>"
    if kind == 2:
        value = "v" * random.choice((10, 1_000))
        return lambda turn: f"<{name} c{turn}='{value}'>"
    return lambda _: f"<{name}>"

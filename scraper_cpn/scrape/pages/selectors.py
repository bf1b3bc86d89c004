"""What a selector says: the elements it means, and what is taken of each.

Owns: the one notation of selectors, for fields of the command and for page handlers.
Must not know: trees, pages, options.

    h1                       an element: its text
    h1::text                 the texts directly inside of it, one by one, as Scrapy has it
    pre::raw_text            all text inside of it, white space as it is and nothing left out
    a::attr(href)            an attribute, as the page has it; the name may be quoted
    a::url(href)             an attribute as an absolute URL, joined with the page's base
    h1::text, h2::text       all of these, in the order of the page
    //h1/text()              XPath 1.0, known by its beginning: / or ./ or ( or a function's name

Before `::` stands a CSS selector.
"""

import re
from functools import lru_cache

from msgspec import Struct

_SELECTORS_REMEMBERED = 1_024
_XPATH = re.compile(r"\.{0,2}/|\(|[a-z][a-z0-9-]*\(")
_TOKEN = re.compile(
    r"""(?P<skip>\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<open>[(\[])|(?P<close>[)\]])"""
    r"""|(?P<comma>,)|(?P<pseudo>::)""",
    re.DOTALL,
)
_VALUES = re.compile(
    r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\[[^\]]*\]|:(?:nth|lang|dir)[a-z-]*\([^)]*\)""",
    re.DOTALL | re.IGNORECASE,
)
"""What has no names of elements in it."""
_NO_NAME = re.compile(r"(?:^|[\s,>+~(|])(\d[\w-]*)")
_TAKEN = re.compile(
    r"""::(?:(text|raw_text)|(attr|url)\(\s*(?:"([^"]+)"|'([^']+)'|([^\s()"']+))\s*\))\s*""",
    re.IGNORECASE,
)
_ALLOWED = "after ::, at the end of a selector, write text, raw_text, attr(NAME) or url(NAME)"


class SelectorPart(Struct, frozen=True, gc=False):
    """One CSS selector, and what is taken of each element that it matches."""

    css: str
    take: str = "element"
    """One of `element`, `text`, `raw_text`, `attr` and `url`."""
    name: str = ""
    """Of the attribute."""


class Selector(Struct, frozen=True, gc=False):
    """A selector that was read: CSS in parts, or XPath."""

    source: str
    """The selector as it was written."""
    parts: tuple[SelectorPart, ...] = ()
    xpath: str = ""

    @property
    def css(self) -> str:
        """The CSS selector of all elements that the parts match."""
        return ", ".join(dict.fromkeys(part.css for part in self.parts))

    @property
    def takes_elements(self) -> bool:
        """Whether all that is taken are elements."""
        return all(part.take == "element" for part in self.parts) and not self.xpath


@lru_cache(_SELECTORS_REMEMBERED)
def read_selector(text: str) -> Selector:
    """Return what *text* says. Raises `ValueError` where the notation is not known, and for what is no text.

    The CSS or XPath in it is not checked here: the library that runs it does that.
    """
    if not isinstance(text, str):
        raise ValueError(f"a selector is a text such as 'h1', not {text!r}")
    if _XPATH.match(text.strip()):
        return Selector(text, xpath=text.strip())
    try:
        return Selector(text, tuple(_part(part) for part in _split(text)))
    except ValueError as error:
        raise bad(text, error) from None


def bad(source: str, why: Exception) -> ValueError:
    """Return the error that names a selector and what is wrong with it."""
    kind = "XPath" if _XPATH.match(source.strip()) else "CSS selector"
    return ValueError(f"bad {kind} {source!r}: {why}")


def _split(text: str) -> list[tuple[str, str]]:
    """Return the CSS of each part of a list, and what stands behind it from `::` on."""
    parts: list[tuple[str, str]] = []
    depth = start = 0
    pseudo = -1
    for token in _TOKEN.finditer(text):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0 and token["pseudo"] and pseudo < 0:
            pseudo = token.start()
        elif depth == 0 and token["comma"]:
            parts.append(_halves(text[start : token.start()], pseudo - start))
            start, pseudo = token.end(), -1
    return [*parts, _halves(text[start:], pseudo - start)]


def _halves(text: str, pseudo: int) -> tuple[str, str]:
    return (text, "") if pseudo < 0 else (text[:pseudo], text[pseudo:])


def _part(halves: tuple[str, str]) -> SelectorPart:
    css, suffix = halves[0].strip(), halves[1]
    if name := _NO_NAME.search(_VALUES.sub("", css)):
        raise ValueError(f"no element has a name such as {name[1]!r}, which begins with a digit")
    if not suffix:
        return SelectorPart(css)
    taken = _TAKEN.fullmatch(suffix)
    if taken is None:
        raise ValueError(f"{suffix.strip()!r} is not known: {_ALLOWED}")
    take = (taken[1] or taken[2]).lower()
    return SelectorPart(css, take, taken[3] or taken[4] or taken[5] or "")

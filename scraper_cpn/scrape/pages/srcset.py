"""The files that elements of HTML name: images in several sizes, images that a script loads, video, audio, posters.

Owns: the attributes that name files, and "parse a srcset attribute" (WHATWG HTML, section 4.8.4.3).
Must not know: HTML libraries, which files a crawl wants.
"""

import re
from collections.abc import Callable, Iterator

Attribute = Callable[[str], str | None]
"""Returns the attribute of an element, or None."""

SETS = frozenset({"srcset", "data-srcset", "imagesrcset", "data-lazy-srcset"})
"""Attributes with several URLs."""

_LINKS = frozenset({"href", "xlink:href", "action", "formaction", "cite"})
"""Attributes that name the page itself if they are empty; others name nothing then, and browsers fetch nothing."""
_IMAGES = (
    "src",
    "data-src",
    "data-original",
    "data-lazy-src",
    "srcset",
    "data-srcset",
    "data-lazy-srcset",
)
_FILES: dict[str, dict[str, tuple[str, ...]]] = {
    "img": {"img": _IMAGES},
    "input": {"img": ("src",)},
    "source": {"img": ("srcset", "data-srcset"), "media": ("src", "data-src")},
    "video": {"img": ("poster", "data-poster"), "media": ("src", "data-src")},
    "audio": {"media": ("src", "data-src")},
    "track": {"media": ("src",)},
    "embed": {"media": ("src",)},
    "object": {"media": ("data",)},
}
TAGS = {
    kind: tuple(tag for tag, kinds in _FILES.items() if kind in kinds) for kind in ("img", "media")
}
"""The elements that name files of a kind."""

_BEFORE = re.compile(r"[ \t\n\f\r,]*+")
_URL = re.compile(r"[^ \t\n\f\r]++")
_DESCRIPTORS = re.compile(r"(?:\([^)]*+\)?+|[^,(])*+")


def files_of(tag: str, attribute: Attribute) -> Iterator[tuple[str, str]]:
    """Yield the files that an element names, each with its kind: `img` or `media`. *tag* is in lower case."""
    if tag == "input" and (attribute("type") or "").lower() != "image":
        return
    for kind, names in _FILES.get(tag, {}).items():
        for name in names:
            value = attribute(name)
            for url in () if value is None else urls_in(name, value):
                yield kind, url


def urls_in(name: str, value: str) -> list[str]:
    """Return the URLs in the attribute *name* of an element: one, the candidates of a `srcset`, or none.

    An empty `src` has none; an empty `href` is the URL of the page.
    """
    name = name.lower()
    if name in SETS:
        return candidates(value)
    return [value] if name in _LINKS or value.strip() else []


def candidates(srcset: str) -> list[str]:
    """Return the URLs of a `srcset`, whatever their descriptors say, in its order."""
    found: list[str] = []
    at = 0
    while url := _URL.match(srcset, _end(_BEFORE, srcset, at)):
        text = url[0].rstrip(",")
        found.append(text)
        at = url.end() if text != url[0] else _end(_DESCRIPTORS, srcset, url.end())
    return found


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    assert found is not None, "it matches nothing, too"
    return found.end()

"""The kinds of links that a page has, and what a page asks of crawlers.

Owns: which element is a link of which kind, `rel=nofollow`, `Refresh` (WHATWG HTML, "shared declarative refresh
steps"), and the directives of meta robots and X-Robots-Tag.
Must not know: HTML libraries, which kinds a crawl follows, scope.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct

from scraper_cpn.scrape.pages.srcset import TAGS, Attribute, files_of

KINDS: dict[str, str] = {
    "a": "ordinary links",
    "area": "links of image maps",
    "frame": "the pages in frames",
    "iframe": "the pages in inline frames",
    "refresh": "where a page sends browsers by a Refresh header or meta element",
    "next": "<link rel=next>",
    "prev": "<link rel=prev>",
    "canonical": "<link rel=canonical>, the address that a page prefers for itself",
    "alternate": "<link rel=alternate>: other languages, feeds",
    "feed": "the links of feeds and sitemaps",
    "img": "images: in all sizes of a srcset, in attributes that scripts read (data-src), posters of videos",
    "media": "video, audio, subtitles and embedded objects",
}
"""The kinds of links, with what each is."""

_HREF_OF = {"a": "href", "area": "href", "frame": "src", "iframe": "src"}
_RELATIONS = ("next", "prev", "canonical", "alternate")
_REFRESH = re.compile(
    r"""[ \t\n\f\r]*+(?:[0-9]++[0-9.]*+|\.[0-9.]*+)"""
    r"""(?:[ \t\n\f\r]*+[;,][ \t\n\f\r]*+|[ \t\n\f\r]++)"""
    r"""(?:url[ \t\n\f\r]*+=[ \t\n\f\r]*+)?+(?:"([^"]*)|'([^']*)|([^"'].*))""",
    re.IGNORECASE | re.DOTALL,
)
_WITH_VALUE = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_AGENT = re.compile(r"\s*([A-Za-z][A-Za-z_-]*)\s*:\s*(.*)", re.DOTALL)


class Reference(Struct, frozen=True, gc=False):
    """A link as a page has it."""

    kind: str
    """One of `KINDS`."""
    url: str
    """The URL as it is written in the page."""
    nofollow: bool = False
    """Whether it has `rel=nofollow`."""


@lru_cache(64)
def tags_of(kinds: frozenset[str]) -> list[str]:
    """Return the names of the elements that may be links of these kinds."""
    names = {kind for kind in kinds if kind in _HREF_OF}
    if "refresh" in kinds:
        names.add("meta")
    if not kinds.isdisjoint(_RELATIONS):
        names.add("link")
    names.update(tag for kind, tags in TAGS.items() if kind in kinds for tag in tags)
    return sorted(names)


def references_of(tag: str, attribute: Attribute) -> Iterator[Reference]:
    """Yield the links that an element of HTML is. *tag* is in lower case."""
    found = _reference_of(tag, attribute)
    if found is not None:
        yield found
    for kind, url in files_of(tag, attribute):
        yield Reference(kind, url)


def _reference_of(tag: str, attribute: Attribute) -> Reference | None:
    if tag in _HREF_OF:
        url = attribute(_HREF_OF[tag])
        return None if url is None else Reference(tag, url, _is_nofollow(attribute))
    if tag == "link":
        return _related(attribute)
    if tag == "meta" and (attribute("http-equiv") or "").lower() == "refresh":
        return refresh(attribute("content") or "")
    return None


def refresh(value: str) -> Reference | None:
    """Return where a Refresh header, or the content of such a meta element, leads; None for nowhere else."""
    found = _REFRESH.match(value)
    url = found and (found[1] or found[2] or found[3])
    return Reference("refresh", url) if url else None


def directives(values: Iterable[str], agent: str) -> frozenset[str]:
    """Return `nofollow` and `noindex` as far as X-Robots-Tag headers say them to the crawler *agent*.

    A directive behind a name and a colon is for the crawler of that name; so are those that follow it.
    """
    said: set[str] = set()
    for value in values:
        named = ""
        for part in value.split(","):
            found = _AGENT.match(part)
            if found and found[1].lower() not in _WITH_VALUE:
                named, part = found[1].lower(), found[2]
            if named in ("", agent.lower()):
                said.update(_words(part))
    return frozenset(said)


def meta_directives(metas: Iterable[tuple[str, str]], agent: str) -> frozenset[str]:
    """Return `nofollow` and `noindex` as far as meta elements (name and content) say them to *agent* or to all."""
    names = {"robots", agent.lower()}
    contents = [content for name, content in metas if name.strip().lower() in names]
    return frozenset(word for content in contents for word in _words(content))


def _related(attribute: Attribute) -> Reference | None:
    relations = (attribute("rel") or "").lower().split()
    kind = next((each for each in _RELATIONS if each in relations), None)
    url = attribute("href")
    if kind is None or url is None or "stylesheet" in relations:
        return None
    return Reference(kind, url, _is_nofollow(attribute))


def _is_nofollow(attribute: Attribute) -> bool:
    rel = attribute("rel")
    return rel is not None and "nofollow" in rel.lower().split()


def _words(text: str) -> Iterator[str]:
    for word in re.split(r"[\s,]+", text.lower()):
        if word == "none":
            yield from ("nofollow", "noindex")
        elif word in ("nofollow", "noindex"):
            yield word

"""Which encoding the bytes of a page are in.

Owns: the order of evidence, as browsers have it (HTML Standard, section 13.2.3.2): byte order mark,
Content-Type header, declaration in the page, and for a page that declares nothing a guess.
Must not know: HTML trees, responses, how a declaration is found, how bytes are decoded.
"""

from msgspec import Struct

from scraper_cpn.scrape.pages.encodings import UTF_8, encoding_named, mark_of
from scraper_cpn.scrape.pages.prescan import prescan, xml_encoding

TELLING_BYTES = 16
"""A guess by the frequency of characters needs so many bytes that are not ASCII, or a country."""
GUESSED_BYTES = 256 * 1024
"""Only the beginning of a page is looked at for a guess, which costs 150 us a kB."""

_NOT_ASCII = bytes(range(128, 256))


class Charset(Struct, frozen=True, gc=False):
    """The encoding of a page."""

    encoding: str
    """The Encoding Standard's name for it, in lower case."""
    is_certain: bool = True
    """Whether a declaration that a parser finds later in the page counts no more."""
    mark_bytes: int = 0
    """The length of the byte order mark, which is no part of the text."""


def charset_of(body: bytes, label: str | None, host: str = "") -> Charset:
    """Return the encoding of an HTML page; *label* is the charset of its Content-Type header.

    *host* is that of the page: its country helps to guess the encoding of what declares nothing.
    """
    return _certain(body, label) or _tentative(prescan(body), body, host)


def charset_of_xml(body: bytes, label: str | None, host: str = "") -> Charset:
    """Return the encoding of an XML document, whose declaration is the XML declaration."""
    return _certain(body, label) or _tentative(xml_encoding(body), body, host)


def _certain(body: bytes, label: str | None) -> Charset | None:
    mark = mark_of(body)
    if mark is not None:
        return Charset(mark[0], mark_bytes=mark[1])
    encoding = encoding_named(label)
    return Charset(encoding) if encoding else None


def _tentative(declared: str | None, body: bytes, host: str) -> Charset:
    return Charset(declared or guessed(body, host), is_certain=False)


def guessed(body: bytes, host: str = "") -> str:
    """Return the likely encoding of a page that declares none.

    What is valid UTF-8 is UTF-8. Else the frequency of characters decides, by the detector of
    Firefox (chardetng), which knows what the top-level domain of a country means. It errs on a few
    bytes without a country: those are windows-1252.
    """
    if _is_utf_8(body):
        return UTF_8
    country = host.rpartition(".")[2]
    is_country = (len(country) == 2 and country.isalpha()) or country.startswith("xn--")
    if not is_country and len(body) - len(body.translate(None, _NOT_ASCII)) < TELLING_BYTES:
        return "windows-1252"
    from turbohtml.detect import Detection, detect  # few pages need it

    found = detect(body[:GUESSED_BYTES], Detection(tld=country if is_country else None))
    return encoding_named(found.encoding) or "windows-1252"


def _is_utf_8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

"""What a page is, by its media type, or by its bytes where a server sends none.

Owns: which media types are HTML and XML, and the rules of the MIME Sniffing Standard
(https://mimesniff.spec.whatwg.org/, section 7.1) that tell HTML and XML from all else.
Must not know: character sets, parsers, headers.
"""

import re
from typing import Literal

Media = Literal["html", "xml", "other"]

SNIFFED_BYTES = 1445
"""The standard's resource header: no more is looked at."""

_UNKNOWN = frozenset({"", "unknown/unknown", "application/unknown", "*/*"})
_XML = frozenset({"text/xml", "application/xml"})
_SPACE = rb"[\t\n\f\r ]*+"
_HTML_TAG = re.compile(
    _SPACE
    + rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[ >]",
    re.IGNORECASE,
)
_XML_DECLARATION = re.compile(_SPACE + rb"<\?xml")


def media_of(content_type: str, body: bytes) -> Media:
    """Return the media type of a page; *content_type* is in lower case and without parameters.

    If the server names no type, or calls it unknown, the first bytes decide. Otherwise the server's type
    counts: browsers also treat HTML that is sent as text/plain as text.
    """
    if content_type in _UNKNOWN:
        return _sniffed(body[:SNIFFED_BYTES])
    if content_type == "text/html":
        return "html"
    return "xml" if content_type in _XML or content_type.endswith("+xml") else "other"


def _sniffed(head: bytes) -> Media:
    if _HTML_TAG.match(head):
        return "html"
    return "xml" if _XML_DECLARATION.match(head) else "other"

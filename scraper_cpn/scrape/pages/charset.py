"""Which characters the bytes of a page stand for.

Owns: the order of evidence (byte order mark, Content-Type header, `<meta>`, UTF-8) and the
labels that the web uses for encodings. Nothing here fails: bytes that make no sense become U+FFFD.
Must not know: HTML trees, responses, URLs.
"""

import codecs
import re

PRESCAN_BYTES = 1024
"""Where the HTML standard stops looking for a `<meta>` declaration (section 13.2.3.2)."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(rb"<meta\s[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)

# Labels that Python does not know, or that mean more on the web than their name says
# (WHATWG Encoding, section 4.2).
_ON_THE_WEB = {
    "unicode-1-1-utf-8": "utf-8",
    "windows-31j": "cp932",
    "windows-874": "cp874",
    "x-cp1251": "cp1251",
    "x-cp1252": "cp1252",
    "x-gbk": "gb18030",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-sjis": "cp932",
    "iso-8859-8-i": "iso8859-8",
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "utf-16": "utf-16-le",
}

_CODECS = (
    "utf-8 utf-16-le utf-16-be cp866 cp874 cp932 cp949 gb18030 big5hkscs euc_jp iso2022_jp"
    " koi8-r koi8-u mac-roman mac-cyrillic"
    " cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258"
    " iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10"
    " iso8859-13 iso8859-14 iso8859-15 iso8859-16"
)
# All that the standard knows and Python can decode. A server can't choose any other codec: some
# of Python's (punycode, unicode_escape, utf-7) are no encodings of pages, or are slow on purpose.
_ALLOWED = frozenset(_CODECS.split())


def to_utf8(body: bytes, charset: str | None) -> bytes:
    """Return *body* as UTF-8 without a byte order mark; *charset* is from the Content-Type header.

    A byte order mark wins over the header, and the header over `<meta>`, as the HTML standard has
    it (section 13.2.3.2); what declares nothing known is UTF-8. A body that is UTF-8 already is
    returned as it is, invalid sequences included: the HTML parser replaces those.
    """
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return _recode(body[len(mark) :], encoding)
    return _recode(body, _codec(charset) or _declared(body) or "utf-8")


def _recode(body: bytes, encoding: str) -> bytes:
    if encoding == "utf-8":
        return body
    # A lone surrogate out of UTF-16 can't be written as UTF-8: it is replaced on the way out.
    return body.decode(encoding, "replace").encode("utf-8", "replace")


def _declared(body: bytes) -> str | None:
    match = _META.search(body, 0, PRESCAN_BYTES)
    if match is None:
        return None
    encoding = _codec(match[1].decode("ascii", "replace"))
    # Who could read the declaration was not reading UTF-16 (the standard's own exception).
    return "utf-8" if encoding in {"utf-16-le", "utf-16-be"} else encoding


def _codec(label: str | None) -> str | None:
    """Return the Python codec for a label of the web, or None for an unknown one."""
    if not label:
        return None
    label = label.strip().lower()
    try:
        name = codecs.lookup(_ON_THE_WEB.get(label, label)).name
    except (LookupError, ValueError):
        return None
    name = _ON_THE_WEB.get(name, name)
    return name if name in _ALLOWED else None

"""The encoding that the first bytes of a page declare.

Owns: the algorithms of the HTML Standard that read a declaration before anything is parsed:
"prescan a byte stream to determine its encoding" with its attributes, "get an XML encoding"
(section 13.2.3.2), and "extracting a character encoding from a meta element" (section 2.4.4 of the
chapter on encodings). They see what a tokenizer does not, and the other way round: this is what
browsers do.
Must not know: headers, byte order marks, how bytes are decoded.
"""

import re

from scraper_cpn.scrape.pages.encodings import UTF_8, UTF_16, encoding_named

PRESCAN_BYTES = 1024
"""Where the standard stops looking for a declaration."""

_META = re.compile(rb"<meta(?=[\t\n\f\r /])", re.IGNORECASE)
_TAG = re.compile(rb"</?[A-Za-z][^\t\n\f\r >]*")
_NO_TAG = re.compile(rb"<[!/?]")
_ATTRIBUTE = re.compile(
    rb"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    rb"(?:(?![\t\n\f\r ]*+=)|[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    rb"""(?:"([^"]*+)"|'([^']*+)'|(?=>)|([^\t\n\f\r >"'][^\t\n\f\r >]*+)))"""
)
_NO_ATTRIBUTE = re.compile(rb"[\t\n\f\r /]*+>")
_CONTENT = re.compile(r"charset[\t\n\f\r ]*=[\t\n\f\r ]*", re.IGNORECASE)
_CONTENT_VALUE = re.compile(r"""(["'])(.*?)\1|([^\t\n\f\r ;"'][^\t\n\f\r ;]*)""", re.DOTALL)
_XML_ENCODING = re.compile(rb"""encoding[\0- ]*=[\0- ]*(["'])([^\0- ]*?)\1""")


class _EndOfBytes(Exception):  # noqa: N818 - not an error: the standard's "abort"
    """The prescan ran out of bytes."""


def prescan(body: bytes) -> str | None:
    """Return the encoding that the first `PRESCAN_BYTES` of *body* declare; None for none.

    A declaration is a `<meta>`, or an XML declaration where no `<meta>` was found. Costs a few
    microseconds for each tag before the declaration.
    """
    head = body[:PRESCAN_BYTES]
    if head.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    if head.startswith(b"\0<\0?\0x"):
        return "utf-16be"
    try:
        return _meta(head)
    except _EndOfBytes:
        return xml_encoding(body)


def xml_encoding(body: bytes) -> str | None:
    """Return the encoding that an XML declaration at the start of *body* names; None for none."""
    if not body.startswith(b"<?xml"):
        return None
    end = body.find(b">") + 1
    at = body.find(b"encoding", 0, end)
    found = _XML_ENCODING.match(body, at, end) if at >= 0 else None
    return _readable(encoding_named(found[2].decode("latin-1"))) if found else None


def in_content(content: str) -> str | None:
    """Return the encoding that the `content` of a `<meta http-equiv=content-type>` names."""
    found = _CONTENT.search(content)
    value = _CONTENT_VALUE.match(content, found.end()) if found else None
    return encoding_named(value[2] or value[3]) if value else None


def declared(encoding: str | None) -> str | None:
    """Return the encoding of a page whose `<meta>` names *encoding*.

    Who could read the declaration was not reading UTF-16, and `x-user-defined` is a mistake.
    """
    return "windows-1252" if encoding == "x-user-defined" else _readable(encoding)


def _readable(encoding: str | None) -> str | None:
    return UTF_8 if encoding in UTF_16 else encoding


def _meta(head: bytes) -> str | None:
    """Return what the first `<meta>` declares that declares something; never None.

    Raises `_EndOfBytes` when there is none.
    """
    at = 0
    while True:
        at = _found(head, b"<", at)
        if head.startswith(b"<!--", at):
            at = _found(head, b"-->", at + 2) + 2
        elif meta := _META.match(head, at):
            at, encoding = _declaration(head, meta.end())
            if encoding is not None:
                return encoding
        elif tag := _TAG.match(head, at):
            at = _attributes(head, tag.end())[0]
        elif _NO_TAG.match(head, at):
            at = _found(head, b">", at)
        at += 1


def _declaration(head: bytes, at: int) -> tuple[int, str | None]:
    """Return where the attributes of a `<meta>` end, and the encoding that they declare."""
    at, attributes = _attributes(head, at)
    pragma = attributes.get("http-equiv") == "content-type"
    if "charset" in attributes:
        return at, declared(encoding_named(attributes["charset"]))
    content = in_content(attributes["content"]) if pragma and "content" in attributes else None
    return at, declared(content)


def _attributes(head: bytes, at: int) -> tuple[int, dict[str, str]]:
    """Return where the attributes of a tag end, and the first value of each; all in lower case."""
    attributes: dict[str, str] = {}
    while not (end := _NO_ATTRIBUTE.match(head, at)):
        attribute = _ATTRIBUTE.match(head, at)
        if attribute is None or attribute.end() == len(head):
            raise _EndOfBytes
        at = attribute.end()
        name, value = attribute[1], attribute[2] or attribute[3] or attribute[4] or b""
        attributes.setdefault(_lower(name), _lower(value))
    return end.end() - 1, attributes


def _found(head: bytes, what: bytes, at: int) -> int:
    found = head.find(what, at)
    if found < 0:
        raise _EndOfBytes
    return found


def _lower(text: bytes) -> str:
    return text.lower().decode("latin-1")

"""The encodings of the web: what labels mean, bytes to text, and the queries of links to bytes.

Owns: the Encoding Standard (https://encoding.spec.whatwg.org/), by two libraries: webencodings has
its table of labels, and endec is the encoding_rs of Firefox, whose decoders and encoders are the
standard's. Python's codecs of the same names differ from it in thousands of characters.
Must not know: where a label came from, HTML, responses.

An encoding is known here by the standard's name for it, in lower case, such as `windows-1252`.
Nothing here fails: bytes that make no sense become U+FFFD.
"""

import re

import endec
import webencodings

UTF_8 = "utf-8"
UTF_16 = frozenset({"utf-16le", "utf-16be"})

_MARKS = ((b"\xef\xbb\xbf", UTF_8), (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"))
_WITHOUT_ENCODER = UTF_16 | {UTF_8, "replacement"}

# The C0 controls, and the special-query percent-encode set of the URL Standard (section 1.3).
_ESCAPED_BYTES = frozenset({*range(0x21), 0x22, 0x23, 0x27, 0x3C, 0x3E, *range(0x7F, 0x100)})
_QUERY_BYTES = [f"%{byte:02X}" if byte in _ESCAPED_BYTES else chr(byte) for byte in range(256)]
_TRIMMED = "".join(map(chr, range(0x21)))
_IGNORED = re.compile("[\t\n\r]")
_CONTROL = re.compile("[\x00-\x1f]")
_SHIFTS = "\x0e\x0f\x1b"
_UNENCODABLE = re.compile(rb"\x00(\d+)\x01")


def encoding_named(label: str | None) -> str | None:
    """Return the encoding that *label* means on the web, or None for an unknown label."""
    found = webencodings.lookup(label) if label and label.isascii() else None
    return found.name if found else None


def mark_of(body: bytes) -> tuple[str, int] | None:
    """Return the encoding that a byte order mark at the start of *body* declares, and its length."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return encoding, len(mark)
    return None


def decoded(body: bytes, encoding: str) -> str:
    """Return the text of *body*, which has no byte order mark.

    Costs about 2 us a kB. Bytes that the encoding does not have become U+FFFD, as many as the
    standard says.
    """
    if encoding == UTF_8:
        return body.decode("utf-8", "replace")
    return endec.decode(body, encoding, "replace", bom="ignore")


def in_query(reference: str, encoding: str) -> str:
    """Return the URL *reference* of a page with the characters of its query as that page sends them.

    The URL Standard (section 4.4, query state) encodes a query in the encoding of the page, while
    the path and all else are UTF-8. What that encoding lacks is sent as a numeric character
    reference. Pages in UTF-16 send UTF-8.
    """
    if encoding in _WITHOUT_ENCODER or reference.isascii():
        return reference
    # As the parser of URLs does before anything else.
    reference = _IGNORED.sub("", reference.strip(_TRIMMED))
    before, mark, rest = reference.partition("?")
    if not mark or rest.isascii() or "#" in before:
        return reference
    query, hash_, fragment = rest.partition("#")
    return before + mark + _encoded(query, encoding) + hash_ + fragment


def encoded(text: str, encoding: str) -> bytes:
    """Return *text* as a form sends it: what the encoding lacks is a numeric character reference."""
    if encoding in _WITHOUT_ENCODER:
        return text.encode("utf-8", "replace")
    known = (
        each if each.isascii() or _encodes(each, encoding) else f"&#{ord(each)};" for each in text
    )
    found: bytes = endec.encode("".join(known), encoding)
    return found


def _encoded(query: str, encoding: str) -> str:
    # A numeric reference may stand in the query itself: controls tell ours from those, once those
    # of the query are encoded.
    query = _CONTROL.sub(lambda found: _control(found[0], encoding), query)
    marked = "".join(
        each if each.isascii() or _encodes(each, encoding) else f"\0{ord(each)}\1" for each in query
    )
    parts = _UNENCODABLE.split(endec.encode(marked, encoding))
    return "".join(
        f"%26%23{part.decode()}%3B" if at % 2 else "".join(map(_QUERY_BYTES.__getitem__, part))
        for at, part in enumerate(parts)
    )


def _control(character: str, encoding: str) -> str:
    if encoding == "iso-2022-jp" and character in _SHIFTS:
        return "%26%2365533%3B"  # its encoder fails on what would change its own state
    return f"%{ord(character):02X}"


def _encodes(character: str, encoding: str) -> bool:
    try:
        endec.encode(character, encoding)
    except UnicodeError:
        return False
    return True

"""Where an answer begins and ends: RFC 9112, and what browsers take beyond it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper_cpn.scrape.fetch.head import HEAD_BYTES_MAX, HeadError, parse_head
from scraper_cpn.scrape.fetch.reader import CHUNK_LINE_BYTES_MAX, AnswerReader

OK = b"HTTP/1.1 200 OK\r\n"
LENGTH_2 = b"Content-Length: 2\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def read(*pieces: bytes, end: bool = False, most: int = 1000) -> AnswerReader:
    """Feed an answer in pieces; *end* says whether the connection ends behind them."""
    reader = AnswerReader(lambda _: most)
    for piece in pieces:
        reader.feed(piece)
    if end:
        reader.feed_eof()
    return reader


LENIENT = {
    "a length shorter than what comes": OK + LENGTH_2 + b"\r\nhi, and more",
    "the same length twice": OK + LENGTH_2 * 2 + b"\r\nhi",
    "the same length in a list": OK + b"Content-Length: 2, 2\r\n\r\nhi",
    "a length beside chunks": OK
    + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "different lengths beside chunks": OK
    + b"Content-Length: 9\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks said twice": OK
    + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks in capitals": OK + b"TRANSFER-ENCODING: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a coding that is none": OK + b"Transfer-Encoding: identity\r\n" + LENGTH_2 + b"\r\nhi",
    "a line without a colon": OK + b"no colon\r\n" + LENGTH_2 + b"\r\nhi",
    "a field without a name": OK + b": x\r\n" + LENGTH_2 + b"\r\nhi",
    "a name of odd bytes": OK + b"\x80\xff \x01: x\r\nA(b): c\r\n" + LENGTH_2 + b"\r\nhi",
    "a space before the colon": OK + b"Content-Length : 2\r\n\r\nhi",
    "no space behind the colon": OK + b"Content-Length:2\r\n\r\nhi",
    "a folded field": OK + b"A: b\r\n\tc\r\n" + LENGTH_2 + b"\r\nhi",
    "a fold before any field": OK + b" odd: x\r\n" + LENGTH_2 + b"\r\nhi",
    "lines that end in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "empty lines before": b"\r\n\n" + OK + LENGTH_2 + b"\r\nhi",
    "no reason": b"HTTP/1.1 200\r\n" + LENGTH_2 + b"\r\nhi",
    "a reason of odd bytes": b"HTTP/1.1 200 \xff\x01\r\n" + LENGTH_2 + b"\r\nhi",
    "a version in lower case": b"http/1.1 200 ok\r\n" + LENGTH_2 + b"\r\nhi",
    "a later version": b"HTTP/2 200 OK\r\n" + LENGTH_2 + b"\r\nhi",
    "no version": b"HTTP 200 OK\r\n" + LENGTH_2 + b"\r\nhi",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
    + OK
    + LENGTH_2
    + b"\r\nhi",
    "a size with spaces and zeros": CHUNKED + b" 0002 ;a=b\r\nhi\r\n000\r\n\r\n",
    "chunks with LF": CHUNKED + b"2\nhi\n0\n\n",
    "chunks with zeros": CHUNKED + b"00000000000000000002\r\nhi\r\n" + b"0" * 30 + b"\r\n\r\n",
    "a trailer section": CHUNKED + b"2\r\nhi\r\n0\r\nA: b\r\nno colon\r\n\r\n",
    "many fields": OK + b"".join(b"A%d: b\r\n" % n for n in range(1000)) + LENGTH_2 + b"\r\nhi",
    "a status as a field": OK + b"Status: HTTP/1.1 200 OK\r\n" + LENGTH_2 + b"\r\nhi",
}


@pytest.mark.parametrize("name", [*LENIENT])
def test_lenient(name: str) -> None:
    """What browsers take is taken, in one piece or byte by byte."""
    answer = LENIENT[name]
    for pieces in ([answer], [bytes([byte]) for byte in answer]):
        reader = read(*pieces)
        assert (reader.body, reader.done, reader.failure) == (b"hi", True, "")
        assert reader.ended_well


@pytest.mark.parametrize(
    "length", [b"", b"x", b"-1", b"+2", b"2.0", b"0x2", b"9" * 30, b"two", b"\xb2"]
)
def test_a_length_that_is_none(length: bytes) -> None:
    """A length that is no number is ignored: the body ends with the connection (WHATWG Fetch)."""
    reader = read(OK + b"Content-Length: " + length + b"\r\n\r\nhi", end=True)
    assert reader.ended_well
    assert reader.body == b"hi"
    assert not reader.reusable


STRICT = {
    "no status line": b"hello\r\n\r\n",
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status of two": b"HTTP/1.1 99 Odd\r\n\r\n",
    "a NUL": OK + b"A: b\0c\r\n\r\n",
    "different lengths": OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
    "different lengths in a list": OK + b"Content-Length: 2, 3\r\n\r\n",
    "a switch": b"HTTP/1.1 101 Switching\r\n\r\n",
    "another answer in the head": OK + b"A: b\r\nHTTP/1.1 200 OK\r\n" + LENGTH_2 + b"\r\nhi",
    "another answer in a value": OK + b"A: bHTTP/1.0 404 No\r\n" + LENGTH_2 + b"\r\nhi",
    "another answer in the status line": b"HTTP/1.1 200 OHTTP/1.1 200 OK\r\n\r\n",
    "chunks that are not the last coding": OK + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
    "no size": CHUNKED + b"zz\r\n",
    "a negative size": CHUNKED + b"-1\r\n",
    "a huge size": CHUNKED + b"f" * 17 + b"\r\n",
    "a chunk that is longer than its size": CHUNKED + b"2\r\nhi!\r\n",
    "a size without end": CHUNKED + b"1" * (CHUNK_LINE_BYTES_MAX + 1),
    "a head without end": OK + b"A: b\r\n" * (HEAD_BYTES_MAX // 6),
    "interim answers without end": b"HTTP/1.1 100 Continue\r\n\r\n" * (HEAD_BYTES_MAX // 25 + 1),
    "trailers without end": CHUNKED + b"0\r\n" + b"A: b\r\n" * (HEAD_BYTES_MAX // 6 + 1),
}


@pytest.mark.parametrize("name", [*STRICT])
def test_strict(name: str) -> None:
    """Where nobody can tell where an answer begins or ends, it is none, and the reason is reported."""
    answer = STRICT[name]
    for pieces in ([answer], [answer[:20], answer[20:]]):
        reader = read(*pieces)
        assert reader.done
        assert reader.failure
        assert not reader.ended_well


def test_no_status_line_is_seen_at_once() -> None:
    """A server that speaks another protocol is not listened to until it stops."""
    assert read(b"SSH-2.0").failure == "no status line"
    assert not read(b"HT").done


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (OK + LENGTH_2 + b"\r\nhi", True),
        (CHUNKED + b"0\r\n\r\n", True),
        (b"HTTP/1.1 204 No\r\n\r\n", True),
        (b"HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", True),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\n" + LENGTH_2 + b"\r\nhi", True),
        (b"HTTP/1.0 200 OK\r\n" + LENGTH_2 + b"\r\nhi", False),
        (OK + b"Connection: x, Close\r\n" + LENGTH_2 + b"\r\nhi", False),
        (OK + b"Proxy-Connection: close\r\n" + LENGTH_2 + b"\r\nhi", False),
        (OK + LENGTH_2 + b"\r\nhi\r\n", False),
        (OK + LENGTH_2 + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"HTTP/1.1 204 No\r\n\r\nbody", False),
        (OK + LENGTH_2 + b"\r\nh", False),
    ],
)
def test_connections_that_are_kept(answer: bytes, kept: bool) -> None:
    """A connection is kept where its end of the answer is certain, and nobody wants it closed."""
    assert read(answer).reusable is kept


@pytest.mark.parametrize(
    ("answer", "broken"),
    [
        (b"", True),
        (OK, True),
        (OK + b"Content-Length: 3\r\n\r\nhi", True),
        (CHUNKED + b"2\r\nhi\r\n", True),
        (CHUNKED + b"2\r\nhi\r\n0\r\n", False),
        (OK + b"\r\nhi", False),
    ],
)
def test_connections_that_end(answer: bytes, broken: bool) -> None:
    """The end of the connection ends a body that says nothing else; any other is incomplete."""
    assert read(answer, end=True).broken is broken


def test_a_reset_is_no_end() -> None:
    """A connection that breaks leaves a body incomplete, whatever it says of its length."""
    reader = read(OK + b"\r\nhi")
    reader.feed_eof(reset=True)
    assert reader.broken


def test_cut() -> None:
    """A body of the limit is whole, and one byte more is cut."""
    assert not read(OK + b"Content-Length: 10\r\n\r\n" + b"x" * 10, most=10).cut
    for frame in (OK + b"Content-Length: 11\r\n\r\n", OK + b"\r\n", CHUNKED + b"b\r\n"):
        reader = read(frame, b"x" * 11, most=10)
        assert (reader.cut, reader.done, reader.body) == (True, True, b"x" * 10)
        assert not reader.reusable


def test_fields() -> None:
    """Fields are found whatever their case; the first Location that is not empty counts, lists are joined."""
    head = parse_head(
        OK + b"Location:\r\nlocation: /a\r\nLocation: /b\r\nVary: x\r\nvary: y\r\nE: \xff\xc3\xa9"
    )
    assert head.fields.get("LOCATION") == head.fields["location"] == "/a"
    assert head.fields["Vary"] == "x, y"
    assert head.fields["e"] == "\udcffé"
    assert "nothing" not in head.fields
    assert len(head.fields) == len([*head.fields]) == 3


PARTS = st.sampled_from(
    [
        OK,
        LENGTH_2,
        b"\r\n",
        b"\n",
        b"hi",
        b"HTTP/1.1 ",
        b"2\r\n",
        b"0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\nhi",
    ]
)


@settings(deadline=None, max_examples=300)
@given(st.lists(PARTS | st.binary(max_size=8), max_size=12).map(b"".join), st.data())
def test_any_cut_into_pieces(answer: bytes, data: st.DataObject) -> None:
    """Whatever comes, how it is cut into pieces changes nothing, and nothing raises."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=4)))
    pieces = [answer[a:b] for a, b in zip([0, *cuts], [*cuts, len(answer)], strict=True)]
    whole, split = read(answer, end=True), read(*pieces, end=True)
    assert (whole.body, whole.failure, whole.broken) == (split.body, split.failure, split.broken)
    assert whole.surplus == split.surplus


@given(st.binary(max_size=200))
def test_any_head(head: bytes) -> None:
    """No head raises anything but that it is none."""
    try:
        parse_head(OK + head)
    except HeadError as error:
        assert str(error)  # noqa: PT017

"""The characters of a page are those that browsers show, whatever declares them."""

import endec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.pages.charset import charset_of, charset_of_xml, guessed
from scraper_cpn.scrape.pages.encodings import decoded, encoding_named, in_query
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.prescan import PRESCAN_BYTES, in_content, prescan
from tests.scrape.sample_pages import URL, raw


def text(body: bytes, charset: str | None = None, **given: str) -> str | None:
    return Page.of(raw(body, charset=charset, **given)).text()


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<p>é€".encode(), "utf-8"),
        ("<p>é€".encode(), None),
        ("\ufeff<p>é€".encode(), "iso-8859-1"),
        ("\ufeff<p>é€".encode("utf-16-le"), "utf-8"),
        ("\ufeff<p>é€".encode("utf-16-be"), None),
        ("<p>é€".encode("utf-16-le"), "UTF-16"),
        ("<p>é€".encode("cp1252"), "ISO-8859-1"),
        ("<p>é€".encode("cp1252"), None),
        ("<meta charset=utf-8><p>é€".encode("cp1252"), "windows-1252"),
        ("<meta charset='latin1'><p>é€".encode("cp1252"), None),
        (
            "<META content='text/html; charset=cp1252' http-equiv=Content-Type><p>é€".encode(
                "cp1252"
            ),
            None,
        ),
        ("<meta/charset=cp1252><p>é€".encode("cp1252"), None),
        ("<meta charset=x-user-defined><p>é€".encode("cp1252"), None),
        ("<meta charset=utf-16><p>é€".encode(), None),
        ("<meta charset=nonsense><p>é€".encode(), "more-nonsense"),
        ("<meta charset=utf-7><p>é€".encode(), "punycode"),
        (b"<meta name=x>" + b" " * 1024 + "<meta charset=cp1252><p>é€".encode("cp1252"), None),
    ],
)
def test_the_order_of_evidence(body: bytes, charset: str | None) -> None:
    """Byte order mark, then header, then what the page declares, then a guess."""
    found = Page.of(raw(body, charset=charset))
    assert found.text("p") == "é€"
    assert found.html.endswith("<p>é€")


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset=gbk>", "gbk"),
        ("<META CHARSET = 'GB2312' >", "gbk"),
        ("<!doctype html><html lang=en><head><meta charset=koi8>", "koi8-r"),
        ("<meta charset=gbk", None),
        ("<meta charset='gbk>", None),
        ("<metacharset=gbk>", None),
        ("<meta =charset=gbk>", None),
        ("<meta charset charset=gbk>", None),
        ("<meta charset=no-such><meta charset=gbk>", "gbk"),
        ("<meta http-equiv=content-type content='charset=gbk' charset=no-such>", None),
        ("<meta content='text/html; charset=gbk'>", None),
        ("<meta name=description content='text/html; charset=gbk'>", None),
        ("<meta content='text/html; charset=gbk' http-equiv=CONTENT-TYPE>", "gbk"),
        ("<!-- <meta charset=gbk> -->", None),
        ("<!--><meta charset=gbk>", "gbk"),
        ("<!-- > <meta charset=big5> --><meta charset=gbk>", "gbk"),
        ("<a title='<meta charset=big5>'><meta charset=gbk>", "gbk"),
        ("</p title='<meta charset=big5>'><meta charset=gbk>", "gbk"),
        ("<? <meta charset=big5> ?><meta charset=gbk>", "gbk"),
        ("<script>'<meta charset=gbk>'</script>", "gbk"),
        ("<?xml version='1.0' encoding='gbk'?>", "gbk"),
        ("<?xml version='1.0' encoding='utf-16'?>", "utf-8"),
        ("<?xml version='1.0' encoding='g bk'?>", None),
        ("<?xml version='1.0' encoding=gbk?>", None),
        (" <?xml version='1.0' encoding='gbk'?>", None),
        ("<?xml version='1.0' encoding='gbk'?><meta charset=big5>", "big5"),
        ("<\0?\0x\0", "utf-16le"),
        ("\0<\0?\0x", "utf-16be"),
        (" " * (PRESCAN_BYTES - 18) + "<meta charset=gbk>", "gbk"),
        (" " * (PRESCAN_BYTES - 17) + "<meta charset=gbk>", None),
        ("", None),
        ("<", None),
    ],
)
def test_the_prescan(head: str, encoding: str | None) -> None:
    """The prescan of the HTML Standard reads tags and attributes, not patterns."""
    assert prescan(head.encode()) == encoding


@given(body=st.text(st.sampled_from("<>!-/?=\"' \nmetacharsetgbkx"), max_size=60))
def test_the_prescan_takes_any_bytes(body: str) -> None:
    """Whatever stands there, the prescan ends, and declares what exists or nothing."""
    found = prescan(body.encode())
    assert found is None or encoding_named(found) == found


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("text/html; charset=gbk", "gbk"),
        ("text/html; charset = 'gbk'", "gbk"),
        ('charset charset="gbk";', "gbk"),
        ("charset=gbk;x", "gbk"),
        ("charset='gbk", None),
        ("charset=", None),
        ("text/html", None),
    ],
)
def test_a_charset_in_a_content(content: str, encoding: str | None) -> None:
    """The `content` of a `<meta>` is read as the HTML Standard has it."""
    assert in_content(content) == encoding


def test_a_late_declaration_counts() -> None:
    """A `<meta>` far down the page, where only a parser finds it, declares the encoding."""
    late = b"<script>" + b"x" * 1_800 + b"</script><meta charset=gbk><p>" + "中文".encode("gbk")
    assert text(late) == "中文"


def test_the_parsers_declaration_wins_over_the_prescans() -> None:
    """What looks like a declaration inside of a script is none once the page is parsed."""
    body = b"<script>'<meta charset=big5>'</script><meta charset=gbk><p>" + "中文".encode("gbk")
    assert text(body) == "中文"


def test_no_declaration_wins_over_the_header() -> None:
    """A header is certain."""
    assert text(b"<meta charset=gbk><p>\xe9", "latin1") == "é"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("x-euc-jp", "euc-jp"),
        ("koi8", "koi8-r"),
        ("koi8-ru", "koi8-u"),
        ("iso885915", "iso-8859-15"),
        ("windows-949", "euc-kr"),
        ("x-mac-roman", "macintosh"),
        ("x-mac-ukrainian", "x-mac-cyrillic"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("dos-874", "windows-874"),
        ("ISO_8859-9:1989", "windows-1254"),
        (" \t\nUtf-8\f\r ", "utf-8"),
        ("logical", "iso-8859-8-i"),
        ("hz-gb-2312", "replacement"),
        ("utf-7", None),
        ("cp437", None),
        ("\u212aoi8-r", None),
        ("", None),
        (None, None),
    ],
)
def test_labels(label: str | None, name: str | None) -> None:
    """A label means what the table of the Encoding Standard says, and nothing else is one."""
    assert encoding_named(label) == name


@pytest.mark.parametrize(
    ("body", "label", "expected"),
    [
        (b"58\xad\xd1 \xad\xa1", "euc-jp", "58㎝ ①"),
        (b"\x8f\xb0\xa1\x8e\xb1", "euc-jp", "丂ｱ"),
        (b"\x1b(I1\x1b(B", "iso-2022-jp", "ｱ"),
        (b"\x1b$B0l\x1b(J\\~", "iso-2022-jp", "一¥‾"),
        (b"\x80\xa2\xe3", "gbk", "€€"),
        (b"\x81\x30\x81\x30", "gb18030", "\x80"),
        (b"\x88\x62\xf9\xfe", "big5", "Ê̄￭"),
        (b"\x81\x41\xc6\x52", "ks_c_5601-1987", "갂힣"),
        (b"\x87\x40\xf0\x40", "shift_jis", "①\ue000"),
        (b"\x80\x81\x9f", "latin1", "€\x81Ÿ"),
        (b"\xa1\xff", "iso-8859-6", "\ufffd\ufffd"),
        (b"a\x80\xff", "x-user-defined", "a\uf780\uf7ff"),
        (b"abc", "iso-2022-kr", "\ufffd"),
        (b"\xf0\x9f\x92 \xed\xa0\x80", "utf-8", "\ufffd \ufffd\ufffd\ufffd"),
        (b"\x00\xd8a\x00a", "utf-16", "\ufffda\ufffd"),
    ],
)
def test_decoders(body: bytes, label: str, expected: str) -> None:
    """The decoders are the standard's where Python's of the same name are others."""
    encoding = encoding_named(label)
    assert encoding is not None
    assert decoded(body, encoding) == expected


@pytest.mark.parametrize(
    ("body", "host", "encoding"),
    [
        ("<p>plain", "", "utf-8"),
        ("<p>é€", "", "utf-8"),
        (b"caf\xe9 \x80 10", "", "windows-1252"),
        (b"price \xa35", "shop.example", "windows-1252"),
        ("Привет".encode("cp1251"), "shop.ru", "windows-1251"),
        ("日本".encode("euc_jp"), "shop.jp", "euc-jp"),
        ("Łódź".encode("iso8859-2"), "shop.pl", "iso-8859-2"),
        ("Привет, как дела? Это тест".encode("koi8-r"), "", "koi8-u"),
        ("繁體中文網頁的內容測試".encode("big5"), "shop.com", "big5"),
    ],
)
def test_a_guess(body: str | bytes, host: str, encoding: str) -> None:
    """What is UTF-8 is UTF-8; else the country, or enough characters, tell, or it is windows-1252."""
    assert guessed(body if isinstance(body, bytes) else body.encode(), host) == encoding


def test_xml_declares_itself() -> None:
    """A document of XML is read by its declaration; a `<meta>` in it is data."""
    body = b"<?xml version='1.0' encoding='koi8-r'?><a><meta charset='gbk'/></a>"
    assert charset_of_xml(body, None).encoding == "koi8-r"
    assert charset_of_xml(body, "latin1").encoding == "windows-1252"


@given(body=st.binary(max_size=100), label=st.none() | st.sampled_from(["gbk", "utf-16", "x"]))
def test_any_bytes_are_text(body: bytes, label: str | None) -> None:
    """Whatever a server sends has an encoding, and a text that can be written."""
    charset = charset_of(body, label, "x.jp")
    decoded(body[charset.mark_bytes :], charset.encoding).encode()


@pytest.mark.parametrize(
    ("encoding", "reference", "sent"),
    [
        ("gbk", "/s?q=中文&a=1#中", "/s?q=%D6%D0%CE%C4&a=1#中"),
        ("gbk", "/中?x", "/中?x"),
        ("gbk", " /s?\n中 ", "/s?%D6%D0"),
        ("gbk", "/s#?中", "/s#?中"),
        ("windows-1252", "?é\U0001f600&'", "?%E9%26%23128512%3B&%27"),
        ("windows-1252", "?\x01\x001\x01é", "?%01%001%01%E9"),
        ("iso-2022-jp", "?\x0fé¥a\\", "?%26%2365533%3B%26%23233%3B%1B(J\\a%1B(B\\"),
        ("iso-2022-jp", "?中&", "?%1B$BCf%1B(B&"),
        ("x-user-defined", "?é", "?%26%23233%3B"),
        ("utf-8", "?é", "?é"),
        ("utf-16le", "?é", "?é"),
        ("replacement", "?é", "?é"),
    ],
)
def test_the_query_of_a_link(encoding: str, reference: str, sent: str) -> None:
    """A query is sent in the encoding of the page, as the URL Standard has it; UTF-8 is left alone."""
    assert in_query(reference, encoding) == sent


@given(
    query=st.text(), encoding=st.sampled_from(["gbk", "shift_jis", "iso-2022-jp", "windows-1252"])
)
def test_any_query_is_sent_as_ascii(query: str, encoding: str) -> None:
    """Any query of a page that is not UTF-8 leaves as ASCII, and means itself when it is decoded."""
    sent = in_query("?é" + query, encoding)
    if "#" not in query:
        assert sent.isascii()


def test_links_are_sent_in_the_pages_encoding() -> None:
    """Links, the base and links of handlers have the query that a browser would send."""
    body = '<meta charset=gb2312><base href="/b/?中"><a href="s?q=中文">'.encode("gbk")
    found = Page(URL, body)
    assert found.urls_of(("a",)) == ["https://shop.example/b/s?q=%D6%D0%CE%C4"]
    assert found.base.endswith("/b/?%D6%D0")
    assert found.link("?中").url.endswith("?%D6%D0")
    assert next(found.links()).url.endswith("?q=%D6%D0%CE%C4")


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20))
def test_encoding_and_decoding_agree(some: str) -> None:
    """What the standard's encoder writes, its decoder reads: gb18030 has nearly all characters."""
    encoded = endec.encode(some, "gb18030", "xmlcharrefreplace")
    if b"&#" not in encoded:
        assert decoded(encoded, "gb18030").replace("\u3000", " ") == some.replace("\u3000", " ")

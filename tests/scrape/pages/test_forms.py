"""Forms, sent as browsers send them."""

from typing import Any

import pytest

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.page import Page

URL = "https://shop.example/a/?old=1"
LOGIN = """
<form id=login action=/in method=post>
  <input type=hidden name=token value=t1> <input name=user> <input type=password name=password>
  <input type=checkbox name=stay checked> <input type=checkbox name=ads value=yes>
  <input type=radio name=size value=s> <input type=radio name=size value=m checked>
  <select name=lang><option disabled>-<option value=en>English<option>Deutsch</select>
  <select name=tags multiple><option selected>a<option>b<option selected>c</select>
  <textarea name=note>
one
two</textarea>
  <input name=off disabled> <fieldset disabled><legend><input name=in></legend><input name=out></fieldset>
  <input type=submit name=go value=Go> <button name=more value=1 formaction=/more>More</button>
  <button type=button name=no>No</button>
</form><input name=far form=login value=x>
"""


def sent(html: str, press: str | bool = True, **fields: Any) -> str:
    """Return the body that the form of a page sends, or the URL of a GET."""
    link = Page.from_html(html, URL).form().fill(fields).submit(press=press)
    return link.url if link.request is None else link.request.body.decode()


def test_what_a_browser_sends() -> None:
    """Defaults, hidden fields and the first button; nothing that is disabled, unticked or without a name."""
    link = Page.from_html(LOGIN, URL).form("#login").fill(user="me", password="a&ü").submit()
    assert link.url == "https://shop.example/in"
    assert link.request is not None
    assert (link.request.method, link.request.content_type) == (
        "POST",
        "application/x-www-form-urlencoded",
    )
    assert link.request.body == (
        b"token=t1&user=me&password=a%26%C3%BC&stay=on&size=m&lang=en&tags=a&tags=c"
        b"&note=one%0D%0Atwo&in=&go=Go&far=x"
    )


def test_what_is_filled_in() -> None:
    """By the kind of each field."""
    body = sent(LOGIN, False, stay=False, ads=True, size="s", lang="Deutsch", tags=["b"], note=None)
    assert body == "token=t1&user=&password=&ads=yes&size=s&lang=Deutsch&tags=b&in=&far=x"


def test_another_button() -> None:
    """It says where the form goes."""
    link = Page.from_html(LOGIN, URL).form().submit(press="More", data={"n": 1})
    assert link.url == "https://shop.example/more"
    assert link.request is not None
    assert link.request.body.endswith(b"&more=1&far=x")
    assert link.request.data


@pytest.mark.parametrize(
    ("fields", "press", "line"),
    [
        ({"usr": "x"}, True, "no field 'usr'; it has: token, user, password"),
        ({"size": "xl"}, True, "'size' has no choice 'xl'; it has: s, m"),
        ({"lang": "fr"}, True, "'lang' has no choice 'fr'"),
        ({"lang": ["en", "Deutsch"]}, True, "'lang' takes one value"),
        ({"user": object()}, True, "'user' takes a text"),
        ({}, "Pay", "no button 'Pay'; it has: "),
        ({"off": "x"}, True, "'off' is disabled, and a browser does not send it"),
        ({"size": True}, True, "'size' takes one of its values: s, m"),
        ({"size": ["s", "m"]}, True, "'size' takes one of its values: s, m"),
    ],
)
def test_mistakes(fields: dict[str, Any], press: str | bool, line: str) -> None:
    """One line that says what the form has."""
    with pytest.raises(ValueError, match=line):
        sent(LOGIN, press, **fields)
    with pytest.raises(ValueError, match="has no form '#x'"):
        Page.from_html("").form("#x")


@pytest.mark.parametrize(
    ("html", "url"),
    [
        ("<form><input name=q value='a b'>", "https://shop.example/a/?q=a+b"),
        ("<form action='/s?x=1#y'><input name=q>", "https://shop.example/s?q="),
        ("<form><input type=image name=m>", "https://shop.example/a/?m.x=0&m.y=0"),
        ("<form><input type=hidden name=_charset_>", "https://shop.example/a/?_charset_=utf-8"),
        (
            "<form accept-charset='x latin1'><input name=q value=éЖ>",
            "https://shop.example/a/?q=%E9%26%231046%3B",
        ),
        ("<form action=mailto:x><input name=q>", ""),
    ],
)
def test_a_get(html: str, url: str) -> None:
    """The entries replace the query of the action, in the encoding of the form or the page."""
    assert sent(html) == url


@pytest.mark.parametrize("field", ["type=password name=p", "name=user_passwd", "name=Passwort"])
def test_a_password_in_a_url(field: str) -> None:
    """It is refused in one line without it, since a URL is in logs and states; an empty one is none, and a POST has none."""
    form = f"<form action=/in><input name=user><input {field}></form>"
    name = field.partition("name=")[2]
    page = Page.from_html(form, URL)
    with pytest.raises(ValueError, match=f"would send its field '{name}' in the URL") as caught:
        page.form().fill({"user": "me", name: "s3cret"}).submit()
    assert "s3cret" not in str(caught.value)
    assert page.form().fill(user="me").submit().url == f"https://shop.example/in?user=me&{name}="
    posted = Page.from_html(form.replace("<form", "<form method=post"), URL)
    assert posted.form().fill({name: "s3cret"}).submit().request


def test_multipart_and_plain_text() -> None:
    """A file is sent with its name; the same form has the same body."""
    html = "<form method=post enctype=multipart/form-data><input type=file name=f><input name='a\"' value=1>"
    body = sent(html, f=("x.txt", b"bytes"))
    boundary = body.partition("\r\n")[0]
    assert body == (
        f'{boundary}\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n'
        "Content-Type: text/plain\r\n\r\nbytes\r\n"
        f'{boundary}\r\nContent-Disposition: form-data; name="a%22"\r\n\r\n1\r\n{boundary}--\r\n'
    )
    assert sent(html, f=("x.txt", b"bytes")) == body
    with pytest.raises(ValueError, match="give a pair of its name and its bytes"):
        sent(html, f="x")
    assert sent("<form method=post enctype=text/plain><input name=a value='b c'>") == "a=b c\r\n"


def test_several_files() -> None:
    """A field that takes several sends each as a part of its own, by its type; without a file it sends an empty one."""
    html = "<form method=post enctype=multipart/form-data><input type=file multiple name=f><input type=file name=g>"
    body = sent(html, f=[("a.png", b"1"), ("b\n", b"2")])
    assert body.count('name="f"') == 2
    assert 'name="f"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n1\r\n' in body
    assert 'filename="b%0A"\r\nContent-Type: application/octet-stream\r\n\r\n2' in body
    assert 'name="g"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n' in body
    with pytest.raises(ValueError, match="give a pair of its name and its bytes"):
        sent(html, g=[("a", b"1"), ("b", b"2")])


@pytest.mark.parametrize(
    ("inner", "body"),
    [
        ("<select name=s><option selected disabled value=''>Choose<option>a</select>", ""),
        ("<select name=s size=3><option>a<option>b</select>", ""),
        ("<select name=s size=1><option disabled>a<option>b</select>", "s=b"),
        ("<select name=s><option selected>a<option selected>b</select>", "s=b"),
        (
            "<input type=radio name=r value=1 checked><input type=radio name=r checked value=2>",
            "r=2",
        ),
        ("<input type=radio name=r checked><input type=radio name=r value=2 checked disabled>", ""),
        ("<input type=range name=r><input type=range name=s min=10 max=20 value=99>", "r=50&s=20"),
        (
            "<input type=color name=c><input type=color name=d value=#ABCDEF>",
            "c=%23000000&d=%23abcdef",
        ),
        ("<input type=number name=n value=x><input type=date name=d value=1.1.>", "n=&d="),
        ("<input name=t value='a\nb'><input type=email name=e value=' a@b '>", "t=ab&e=a%40b"),
        ("<input type=hidden name=h value='a\nb'>", "h=a%0D%0Ab"),
        ("<input name=q dirname=d value=x>", "q=x&d=ltr"),
        ("<p dir=RTL><textarea name=q dirname=d>x</textarea>", "q=x&d=rtl"),
    ],
)
def test_values_that_a_browser_holds(inner: str, body: str) -> None:
    """Not always what is written in the page: its type, the other buttons of its group and its lines decide."""
    assert sent(f"<form method=post>{inner}</form>") == body


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<table>FORM<tr><td><input name=a value=1></table></form><input name=b>", "a=1"),
        ("<table>FORM<tr><td><input name=a value=1></table><input name=b>", "a=1&b="),
        ("<div>FORM<input name=a></div>\r\n<input name=b></form><input name=c>", "a=&b="),
        ("FORM<input name=a><table></form><tr><td><input name=c></table>", "a=&c="),
        ("<div>FORM</div><!--</form>--><script>'</form>'</script><input name=a></form>", "a="),
        ("FORM<template><form><input name=t></form></template><input name=a></form>", "a="),
        ("FORM<input name=a><form><input name=b></form><input name=c>", "a=&b="),
        ("<table>FORM</form><tr><td><form><input name=a></table>", ""),
        ("<form><input name=a form=f></form>".replace("<form>", "FORM", 1), ""),
    ],
)
def test_to_which_form_a_control_belongs(html: str, body: str) -> None:
    """It is the form whose tags are around it, wherever the tree of the page has put the two."""
    assert sent(html.replace("FORM", "<form method=post>", 1)) == body


def test_the_options_of_a_link() -> None:
    """A form takes them, too."""
    form = Page.from_html(LOGIN, URL).form()
    link = form.submit(priority=3, idempotent=True, headers={"X-A": "1"})
    assert isinstance(link, Link)
    assert link.request is not None
    assert (link.priority, link.request.idempotent) == (3, True)
    assert link.request.headers == (("X-A", "1"),)


@pytest.mark.parametrize(
    "html",
    ["<form method=dialog><button>x</button></form>", "<form><button formmethod=dialog>x</button>"],
)
def test_a_form_that_closes_a_dialog(html: str) -> None:
    """A browser sends nothing for it, which is said; another button may send the form."""
    with pytest.raises(ValueError, match="its method is dialog"):
        sent(html)

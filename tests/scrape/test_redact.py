"""No message repeats a secret that a user gave, wherever the mistake is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.cli.main import main
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.redact import hidden, of_body, redacted, remember, shown
from scraper_cpn.scrape.settings import UsageError

SECRET = "Hunter2secret"
SEED = "http://127.0.0.1:9/"
ONCE = ("--retries", "0", "--robots", "ignore")
"""What some of these commands ask for is not there; they ask once."""
CREDENTIALS = (
    "http:/u:{}@h/", "http:\\\\u:{}@h/", "ftp://u:{}@h/", "socks5://u:{}@h:1", "//u:{}@h/", "u:{}@h",
    "http://bob:{} PW@h", "http://bob:PW {}@h", "http://u:{}@h:port", "http://u:{}@h:0/", "http://{}@h:99999/",
    "http://u:p/{}@h", "http://u:a@{}@h", "h.example:80:u:{}", "http://h.example:80:u:{}",
    "http://u:{}@h\t", "http://h:99999/?api_key={}", "http://u:80 slots={}@h", "http://u:80 {}=1@h",
    "authorization:{}", "Cookie:{}", "X-Api-Key:{}", "sid={}", "PHPSESSID={}", "api_key={}", "--http:/u:{}@h/",
)  # fmt: skip
HEADERS = (
    "Authorization: Bearer {}\r", "Authorization: Bearer {}\n", "Authorization: {}\x00", "Cookie: a={}\x85",
    "X-Key\t: {}", "Auth orization: {}", "{}", "Host: {}", "Proxy-Authorization: Basic {}", ": {}",
    "Referer: http://u:{}@h/\r",
)  # fmt: skip


def message(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What the command says of a mistake."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    return out + err


@pytest.mark.parametrize(
    ("number", "text"), list(enumerate(each.format(SECRET) for each in CREDENTIALS))
)
def test_credentials_are_hidden_wherever_they_are_given(
    number: int,
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As a URL, as a proxy, in a file of either, in a configuration file, and as the value of some options.

    Each option has two of the texts.
    """
    monkeypatch.chdir(tmp_path)
    line = text.strip()
    Path("list.txt").write_text(f"{line}\n", "utf-8")
    quoted = line.replace("\\", "\\\\")
    for key in ("proxy", "header", "delay", "scope", "domains"):
        Path(f"{key}.toml").write_text(f'{key} = "{quoted}"\n', "utf-8")
    commands = [
        [text, *ONCE], ["-i", "list.txt", *ONCE], ["-x", text, SEED, *ONCE], ["--proxies", "list.txt", SEED, *ONCE],
        ["-i", text],
        [f"--{text}", SEED], ["--format", text, SEED], ["-o", text, SEED], ["status", text], ["explain", "x.db", text], ["resume", text], ["run", text], ["simulate", text],
        ["check", text], ["export", text], ["retry", text],
        *(["--config", f"{key}.toml", SEED, *ONCE] for key in ("proxy", "header", "delay", "scope", "domains")),
    ]  # fmt: skip
    mine = [*OPTIONS[number % 10 :: 10], *OPTIONS[(number + 5) % 10 :: 10]]
    commands += [
        [f"--{option.name}", text, "--delay", "nonsense", SEED]
        for option in mine
        if option.kind.metavar
        and option.on_command_line
        and option.key not in {"user_agent", "run"}
    ]
    for argv in commands:
        main(argv)
        out, err = capsys.readouterr()
        assert SECRET not in out + err, argv


@pytest.mark.parametrize("text", [each.format(SECRET) for each in HEADERS])
def test_headers_are_hidden(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The value of a header is in no message: given right, wrong, as a URL, or to another option."""
    wrong = [["-H", text, SEED], ["--delay", f"X-Key: {SECRET}", SEED], [f"X-Key: {SECRET}"]]
    for argv in wrong:
        assert SECRET not in message(capsys, *argv), argv
    for options in ({"header": text}, {"header": [text, 5]}, {"header": {"A": f"{SECRET}\n"}}):
        with pytest.raises(UsageError) as caught:
            Crawl(**options)
        assert SECRET not in str(caught.value)


def test_a_bug_of_ours_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback hides the headers and passwords of the command, whatever the library says."""

    def broken(job: object) -> int:
        raise RuntimeError(f"bad value {SECRET!r}, bad proxy http://u:other-{SECRET}@h:1")

    monkeypatch.setattr("scraper_cpn.cli.crawl.run_job", broken)
    assert main(["-H", f"X-Key: {SECRET}", "-x", f"http://u:other-{SECRET}@h:1", SEED]) == 70
    said = capsys.readouterr().err
    assert "RuntimeError" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "text",
    [
        "htp://a.example",
        "500 ms",
        "a:b",
        "name=a@href",
        "me@example.org",
        "http://h/?x=1",
        "[0-9",
        "12:30",
        "monkey:80",
        "postgres://me@h/d?name=x",
        "monkey=.a",
    ],
)
def test_what_is_no_secret_is_shown(text: str) -> None:
    """A mistake can be seen for what it is."""
    assert shown(text) == repr(text)


def test_what_is_left_says_where_to_look() -> None:
    """Scheme, host, port and the name of a header stay."""
    assert hidden("ftp://u:p@h.example:21/x") == "ftp://***@h.example:21/x"
    assert hidden("Authorization: Basic abc") == "Authorization: ***"
    assert hidden("h.example:80:u:p") == "h.example:80:***"
    assert shown("http://h:x/" + "a" * 300).endswith("...'")


@given(st.text(min_size=6), st.text())
def test_a_remembered_secret_is_in_no_text(secret: str, around: str) -> None:
    """Whatever stands around it."""
    remember(secret)
    assert secret not in redacted(around + secret + around) or secret in "***@ bearer"


@pytest.mark.parametrize("where", ["no file at {}", "{}", "scrape {} -o x"])
@pytest.mark.parametrize(
    "url",
    ["http://u:p@{}@h/", "http://@u:{}@/", "u:p@{}@h", "//u:{}@x:{}@h", "postgres://u:p@{}@h/d"],
)
def test_a_password_with_signs_in_it(where: str, url: str) -> None:
    """The last @ ends it, in a sentence, too."""
    assert SECRET not in redacted(where.format(url.replace("{}", SECRET)))


def test_a_password_whose_rest_is_missing() -> None:
    """What stands in the place of a port and is none may be a password, as of a line that was parted."""
    assert hidden(f"http://a:{SECRET}") == "http://a:***"
    for url in ("http://h:80", "http://h:80/x:y", "http://h/a:b", "http://[::1]:8/", "http://h:"):
        assert hidden(url) == url


def test_the_name_of_a_scheme_is_no_secret() -> None:
    """It is not hidden with the token that was given, so that it is seen before another one."""
    remember(f"Bearer {SECRET}")
    said = redacted(f"Bearer {SECRET}, Bearer other-{SECRET}, bearer of news")
    assert SECRET not in said
    assert said == "***, Bearer ***, bearer *** news"


@pytest.mark.parametrize(
    "body",
    [
        "user=me&password={}&go=1",
        "pw={}",
        "a=1&user[passwd]={}",
        '{{"user":"me","password": "{} \\"x"}}',
        '{{"a":{{"api_key":"{}"}}}}',
        '--b\r\nContent-Disposition: form-data; name="pwd"\r\n\r\n{}\r\n--b--',
    ],
)
def test_the_body_of_a_request(body: str) -> None:
    """What is named like a password is hidden; all else can be compared, such as the words of a search."""
    assert SECRET not in of_body(body.format(SECRET))
    assert of_body(body.format(SECRET)) == of_body(body.format("another"))


def test_the_body_of_a_search_is_shown() -> None:
    """Names that only begin like those of passwords hide nothing."""
    for body in ("keyword=passwords&page=2", '{"q":"password","pinned":"1"}', "passenger=me"):
        assert of_body(body) == body

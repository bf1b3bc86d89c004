"""Removing secrets from text for messages.

Owns: recognising possible secrets in a text, and hiding them. Every message that repeats an option, a URL or a
line of a file uses `shown`; error messages of libraries go through `redacted`.
Must not know: which options there are, where a message goes.
"""

import re
from collections.abc import Iterable

HARMLESS_HEADERS = frozenset(
    {"accept", "accept-language", "cache-control", "dnt", "from", "pragma", "referer"}
)
"""Headers that may be shown and stored; any other header may contain a secret."""

HIDDEN = "***"
_SHOWN_CHARS_MAX = 200
_SECRET_CHARS_MIN = 6
"""The least length of secrets that are searched in other texts: shorter ones would match parts of words."""

_START = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:[/\\]+|[/\\]{2,})")
"""The part of a URL before its user, password and host."""
_DATABASE = re.compile(r"\s*postgres(?:ql)?://", re.IGNORECASE)
_WITHIN = re.compile(
    r"((?<![A-Za-z0-9+.-])(?!postgres(?:ql)?://[^:/\\?#'\"@\s]*+@)-*+[A-Za-z][A-Za-z0-9+.-]*+:[/\\]++"
    r"|(?<!postgres:)(?<!postgresql:)[/\\]{2,}+)(?:[^/\\?#'\"@]*+@)++"
    r"|(?<![^\s'\"(=])(?!mailto:)[^\s@/\\'\":]*+:(?:[^\s@/\\'\"]++@)++"
)
"""User and password of a URL within a sentence. Nothing is tried twice: a text may be as long as a page.

The user alone of a database's address is no secret, and belongs to a command to copy.
"""
_SOLD = re.compile(r"((?<![\w.-])(?:[\w-]++\.)++[\w-]++:\d{1,5}):[^\s:]++:\S++")
"""A proxy in the usual form of sold lists: host:port:user:password."""
_NO_PORT = re.compile(r"^([^:/\\?#\[\]]*+):(?!\d*(?:[/\\?#]|$))[^/\\?#]*")
"""What stands in the place of a port and is none: a password whose rest is missing."""
_HEADER = re.compile(
    r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\s\x00].*"
    r"|((?:proxy-)?authorization|(?:set-)?cookie2?|(?:[\w-]*-)?(?:key|secret|token)|x-[\w-]*auth[\w-]*):.*",
    re.DOTALL | re.IGNORECASE,
)
"""A header, which has a space after its colon; a host with a port has none. The second kind needs no space."""
_COOKIE = re.compile(
    r"^(\s*(?:[\w-]*(?:sid|sessid|sessionid|session_id|session)|(?:[\w-]*[_-])?(?:auth|api_?key|passwd|password|pwd|secret|token))=).+",
    re.IGNORECASE | re.DOTALL,
)
"""A cookie, or a field of a form, that was given to another option."""
_QUERY = re.compile(
    r"([?&;][\w.-]{0,64}(?:auth|key|passw|pwd|secret|session|sig|token)[\w.-]{0,64}=)[^&;#\s]+",
    re.IGNORECASE,
)
_LIKE_A_KEY = (
    r"(?:[^=&\"]{0,64}(?:passw|pwd|passphrase|secret|credential|api[_-]?key|access[_-]?token)[^=&\"]{0,64}"
    r"|pw|pass|pin|otp)"
)
_SENT = re.compile(
    rf"((?:^|&){_LIKE_A_KEY}=)[^&]+"
    rf'|("{_LIKE_A_KEY}"\s*:\s*)(?:"(?:[^"\\]|\\.)*"|[0-9]+)'
    rf'|(name="{_LIKE_A_KEY}"\r\n\r\n)[^\r]*',
    re.IGNORECASE,
)
"""A field that is likely to hold a password, in a form, in JSON and in a part of a multipart form."""
_SCHEMES = ("bearer", "basic", "digest", "negotiate")
_SCHEME = re.compile(rf"(?i)\b({'|'.join(_SCHEMES)})\s+[^\s,;]+")

_remembered = set[str]()
"""The known secrets of this process, which are hidden in texts of libraries."""


_words = dict[str, str]()
"""Words of the command line with what looks like a secret, and what a complaint says in their place."""


def remember(secret: str) -> None:
    """Hide a secret (the value of a header, or a password) in all texts from now on."""
    parts = (part for part in secret.split() if part.lower() not in _SCHEMES)
    _remembered.update(part for part in (secret, *parts) if len(part) >= _SECRET_CHARS_MIN)


def shown(value: object, most: int = _SHOWN_CHARS_MAX) -> str:
    """Return the `repr` of what a user gave, for a message: cut after *most* characters, without secrets.

    It hides the user and password of a URL or a proxy, even a malformed one, the value of a header, and the
    value of a part of a query such as `token=`.
    """
    if not isinstance(value, str):
        return redacted(repr(value)[:most])
    text = hidden(value)
    return repr(text if len(text) <= most else f"{text[:most]}...")


def hidden(text: str) -> str:
    """Return a text that a user gave, without secrets; see `shown`."""
    found = _HEADER.fullmatch(text.strip())
    if found and (name := found[1] or found[2]).lower() not in HARMLESS_HEADERS:
        return f"{name}: {HIDDEN}"
    return of_no_header(_COOKIE.sub(rf"\1{HIDDEN}", text))


def of_no_header(text: str) -> str:
    """Return a text that a user gave and that is no header, without secrets; see `shown`."""
    return redacted(_QUERY.sub(rf"\1{HIDDEN}", _without_userinfo(text)))


def _without_userinfo(text: str) -> str:
    """Hide what may be a user and a password, or a token, before the last @ of a text."""
    found, at = _START.match(text), text.rfind("@")
    start = found.end() if found else 0
    before, after = text[start:at], text[at + 1 :]
    if at < 0 and found:
        return text[:start] + _NO_PORT.sub(rf"\1:{HIDDEN}", text[start:], count=1)
    if at < start or text.lstrip().lower().startswith("mailto:"):
        return text
    if _DATABASE.match(text) and ":" not in before:
        return text
    alone = found and not re.search(r"[/\\?#]", before)
    if ":" in before or alone or re.match(r"\S+:\d", after):
        return f"{text[:start]}{HIDDEN}@{after}"
    return text


def of_body(text: str) -> str:
    """Return the body of a request without the values of fields that are named like passwords, for a file that is kept."""
    return redacted(_SENT.sub(lambda found: f"{found[1] or found[2] or found[3]}{HIDDEN}", text))


def redacted(text: str) -> str:
    """Return a sentence or a traceback without known secrets and texts that look like secrets."""
    for secret in sorted(_remembered, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _WITHIN.sub(lambda match: f"{match[1] or ''}{HIDDEN}@", text)
    text = _SOLD.sub(rf"\1:{HIDDEN}", text)
    return _SCHEME.sub(rf"\1 {HIDDEN}", text)


def writable(text: str) -> str:
    """Return what a program says, which may be anything, without secrets, and such that it can be written as UTF-8."""
    return redacted(text.encode(errors="replace").decode())


def of_command(words: Iterable[str]) -> None:
    """Hide in complaints what looks like a secret in the words of a command line, whatever they were meant as."""
    _words.clear()
    for word in words:
        text = word.partition("=")[2] if word.startswith("-") else word
        for each in (text, " ".join(text.split()), re.sub("/+", "/", text)):
            if (safe := hidden(each)) != each:
                _words[each] = safe
                _words.update(dict.fromkeys(_parts(each, safe), HIDDEN))


def _parts(text: str, safe: str) -> list[str]:
    """The parts of what is hidden in a text: a complaint may repeat one without what told that it is a secret."""
    parts = (each for each in re.split(r"[\s:=@/]+", text) if each not in safe)
    return [each for each in parts if len(each) >= _SECRET_CHARS_MIN]


def complaint(line: str) -> str:
    """Return a message that ends the command, without secrets; it may repeat a word of the command line as it is."""
    for word, safe in _words.items():
        line = line.replace(word, safe)
    return redacted(line)

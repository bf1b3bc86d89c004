"""The name of a crawler in robots.txt.

Owns: the product token in a User-Agent header, and in the line of a robots.txt.
Must not know: rules, settings.
"""

import re
from functools import lru_cache

_TOKEN = re.compile(r"[A-Za-z_-]+")
_FIRST_WORD = re.compile(r"[^\s/]*")
_COMPATIBLE = re.compile(r"[(;]\s*compatible;\s*([^\s/;()]+)")
_WITH_A_LINK = re.compile(r"[(;]\s*([A-Za-z_-]+)/[^\s;()]+;\s*\+?https?:")
_BROWSERS = frozenset({"msie", "konqueror"})


def is_token(name: str) -> bool:
    """Return whether *name* is a product token: letters, `-` and `_` (RFC 9309 section 2.2.1)."""
    return _TOKEN.fullmatch(name) is not None


@lru_cache(64)
def product_token(user_agent: str) -> str:
    """Return the name of a crawler in robots.txt.

    It is the first word of its User-Agent header, up to a `/`. For a crawler that says Mozilla it is the name in the
    comment: ExampleBot for `Mozilla/5.0 (compatible; ExampleBot/0.1; https://www.example.com/bot.html)`. A name of
    several words without a version is not a product token, and is returned unchanged: only the group of `*` applies.
    """
    if " " in user_agent.strip() and "/" not in user_agent:
        return user_agent
    first = _FIRST_WORD.match(user_agent)
    assert first is not None  # the pattern also matches an empty text
    if first[0].lower() != "mozilla":
        return first[0]
    found = _COMPATIBLE.search(user_agent) or _WITH_A_LINK.search(user_agent)
    return found[1] if found and found[1].lower() not in _BROWSERS else first[0]


def doubtful_name(user_agent: str) -> str | None:
    """Return in one line why robots.txt can't name the crawler of a User-Agent header; None if it can."""
    token = product_token(user_agent)
    if token.lower() == "mozilla":
        why = "robots.txt knows it as Mozilla, like nearly all browsers"
    elif not any(character.isalpha() for character in token) or " " in token:
        why = "no group of a robots.txt can name it"
    else:
        return None
    return f"the user agent {user_agent!r} is not specific to this crawler: {why}; name it with --robots-agent NAME"


def names(value: str, token: str) -> bool:
    """Return whether the *value* of a user-agent line names the crawler *token*.

    Only the value's leading letters, `-` and `_` are compared. A *token* with digits, which is not a product token,
    is compared with the value up to the first space or `/`.
    """
    mine = token.lower()
    letters, word = _TOKEN.match(value), _FIRST_WORD.match(value)
    return bool(mine) and (
        (letters is not None and letters[0].lower() == mine)
        or (word is not None and word[0].lower() == mine)
    )

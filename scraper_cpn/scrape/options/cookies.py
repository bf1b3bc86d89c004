"""Reading the cookies that a user gives.

Owns: the spelling of `--cookie`, and the check of `--cookie-file`.
Must not know: where cookies go.
"""

import re

from scraper_cpn.scrape.options.values import file, file_text
from scraper_cpn.scrape.redact import remember
from scraper_cpn.scrape.settings import UsageError

_NEVER = r"\x00-\x1f\x7f;\ud800-\udc7f\udd00-\udfff"
"""Control characters, and halves of characters that stand for no byte."""
_COOKIE = re.compile(rf"([^{_NEVER}=\s][^{_NEVER}=]*)=([^{_NEVER}]*)")


def cookie(value: object) -> tuple[str, str]:
    """Read `name=value`; the value is hidden in messages from now on. Raises `ValueError`, which does not repeat it."""
    found = _COOKIE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError("this is no cookie; give name=value, and one --cookie for each")
    content = found[2].strip()
    remember(content)
    return found[1].strip(), content


def cookie_file(value: object) -> str:
    """Read the path of a file of cookies in the Netscape format; their values are hidden in messages from now on.

    Raises `ValueError` for a file that can't be read, or has a line that is no cookie.
    """
    from scraper_cpn.scrape.fetch.cookies import cookies_in

    path = file(value)
    try:
        for line in cookies_in(path, file_text(path).split("\n")):
            remember(line.value)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return path

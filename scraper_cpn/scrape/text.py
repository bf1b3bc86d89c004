"""Text that people read: one line of bearable length."""

LINE_CHARS_MAX = 300
"""A longer complaint is cut: it quotes the item, and an item may be as long as a page."""


def one_line(text: str) -> str:
    """Return *text* as one line of bearable length; its end, which names the path, is kept."""
    text = " ".join(text.split())
    if len(text) <= LINE_CHARS_MAX:
        return text
    return f"{text[: LINE_CHARS_MAX - 103]}...{text[-100:]}"

"""Bytes in, links and values out: character sets, pages, handlers, parsing."""

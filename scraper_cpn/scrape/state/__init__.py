"""A crawl that is kept: opening, resuming, retrying, explaining, checking, exporting."""

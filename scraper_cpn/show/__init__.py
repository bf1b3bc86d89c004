"""How a crawl is shown to people: the live view, the summary, the net."""

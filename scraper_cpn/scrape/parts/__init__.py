"""The parts of the scrape net: each has its places and transitions; `scrape/net.py` connects them."""

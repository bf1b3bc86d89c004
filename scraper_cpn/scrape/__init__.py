"""The scraper: its net (`net.py`), its colours, its policy, and its effects."""

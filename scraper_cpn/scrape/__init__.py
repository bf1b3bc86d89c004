"""The scraper: its net on one screen (`net.py`), its colours, its policy, and its effects."""

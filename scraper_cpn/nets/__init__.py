"""Nets that have nothing to do with scraping, on the same kernel."""

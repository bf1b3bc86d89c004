"""scraper_cpn: a polite web scraper whose whole coordination is a coloured Petri net."""

__version__ = "0.1.0"

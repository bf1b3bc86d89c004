"""The driver of Scrapy; it runs in an environment of its own."""

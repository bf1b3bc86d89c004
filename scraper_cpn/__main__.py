"""`python -m scraper_cpn` is the `scrape` command."""

import sys

from scraper_cpn.cli import main

sys.exit(main())

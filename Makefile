# Two commands do everything: `make demo` and `make test`. Both set up .venv first, once.

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
# More processes than two processors: many tests wait for servers and children. In their own order the long tests of crashes come early; by number of tests they would come last, alone.
SPREAD := -n 4 --dist loadfile --no-loadscope-reorder

.PHONY: help demo cluster test lint types tests explore others docs kills chaos bench states peers report clean
help:  ## Say what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

.venv/stamp: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 is needed; install one, or say make PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: $(PYTHON) lacks venv or ensurepip; on Debian: apt install python3-venv"; exit 1; }
	@echo "setting up .venv with $(PYTHON)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	@$(BIN)/python -m pip install --quiet -c constraints.txt --group dev -e .
	@touch $@

demo: .venv/stamp  ## Crawl a synthetic web of 40 hosts through 8 proxies and judge the wire log
	@$(BIN)/python -m mocks.demo

cluster: .venv/stamp  ## Crawl a synthetic web with PostgreSQL and three workers, kill one, and judge the wire log
	@$(BIN)/python -m mocks.cluster

test: lint types tests  ## Style, types and the usual tests on this Python; some minutes

lint: .venv/stamp  ## Style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: .venv/stamp  ## mypy --strict
	$(BIN)/mypy

tests: .venv/stamp  ## The usual tests on this Python; those of net/ run 99 % of its branches
	$(BIN)/python -m pytest -q $(SPREAD) -m 'not slow' --cov=scraper_cpn.net --cov-report=
	$(BIN)/coverage report --include='scraper_cpn/net/*' --fail-under=99 --skip-covered --show-missing

explore: .venv/stamp  ## The tests that are slow: long searches at random, planted faults, native kernels, kills; some minutes
	$(BIN)/python -m pytest -q $(SPREAD) -m slow

# What depends most on the version of Python: the net and its executions, the shell, stores, clients.
ON_OTHERS := tests/net tests/run tests/store tests/scrape/fetch --ignore-glob='*mutants*'

others: .venv/stamp  ## The quick tests of the package on every other Python that works here
	@mine=$$($(BIN)/python -c 'import sys; print("%d.%d" % sys.version_info[:2])'; ); \
	for version in 3.11 3.12 3.13; do \
		test $$version = $$mine && continue; \
		found=; \
		for python in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python; do \
			$$python -c 'import venv, ensurepip' >/dev/null 2>&1 && { found=$$python; break; }; \
		done; \
		test -n "$$found" || { echo "Python $$version is not here; its quick tests are left out"; continue; }; \
		echo "quick tests on Python $$version"; \
		env=.venv-$$version; \
		test $$env/stamp -nt constraints.txt || { \
			$$found -m venv --clear $$env && \
			$$env/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip && \
			$$env/bin/python -m pip install --quiet -c constraints.txt --group dev -e . && \
			touch $$env/stamp; } || exit 1; \
		$$env/bin/python -m pytest -q $(SPREAD) -m 'not slow' $(ON_OTHERS) || exit 1; \
	done

docs: .venv/docs  ## The documentation, with its links checked, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "the documentation is in site/index.html"

.venv/docs: .venv/stamp
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --group docs
	@touch $@

ROUNDS ?= 2000
kills: .venv/stamp  ## Crawls that are killed until they are done: 2000 of them, or ROUNDS=...
	@$(BIN)/python -m tests.crash.kills --rounds $(ROUNDS)

chaos: .venv/stamp  ## Workers and a database that are killed, frozen and cut off: 2000 faults, or ROUNDS=...
	@$(BIN)/python -m tests.cluster.chaos --rounds $(ROUNDS)

bench: .venv/stamp  ## Decisions a second beside the scheduler by hand, and whole crawls; half an hour
	@$(BIN)/python -m bench decisions --out bench/results/decisions.json --plots bench/results
	@$(BIN)/python -m bench crawl --out bench/results/crawl.json
	@$(BIN)/python -m bench page

states: .venv/stamp  ## What a state costs: durable firings, the journal, resume, memory
	@$(BIN)/python -m bench durability

peers:  ## Other crawlers and other engines for nets, which are measured beside ours, in environments of their own
	@for peer in snakes==0.9.33 simpn==1.10.0; do \
		env=.venv-peers-$${peer%%==*}; \
		$(PYTHON) -m venv $$env && $$env/bin/pip install --quiet --disable-pip-version-check $$peer || exit 1; \
	done

PEERS := bench/peers/spider/target/release/spider-peer
peers: .venv-peers-scrapy/stamp .venv-peers-crawlee/stamp $(PEERS)

.venv-peers-%/stamp: bench/peers/%/requirements.txt
	@echo "setting up .venv-peers-$* with $(PYTHON)"
	@$(PYTHON) -m venv --clear .venv-peers-$*
	@.venv-peers-$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(PEERS): bench/peers/spider/Cargo.toml bench/peers/spider/Cargo.lock bench/peers/spider/src/main.rs
	@command -v cargo >/dev/null || { echo "spider is left out: it needs Rust 1.85 or later (https://rustup.rs)"; exit 0; }; \
	echo "building spider's driver: about ten minutes on one processor"; \
	cd bench/peers/spider && cargo build --release --locked --quiet

report: .venv/stamp  ## The comparison with a scheduler by hand and other crawlers, in report-out/
	@$(BIN)/python -m bench.report --crawl
	@echo "to write it into docs/comparison.md: $(BIN)/python -m bench.report --docs"

clean:  ## Remove what the other targets made
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* .import_linter_cache demo-out kills-out report-out site bench/peers/spider/target build dist

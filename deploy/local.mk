# The whole system on this machine, private to RUN_DIR (default .run).
STACK := /usr/bin/python3 deploy/local/stack.py
export RUN_DIR PORT SANDBOX_PORT COPIES BROKERS BUILD
JOBS ?= $(shell nproc)

.PHONY: deps build-run run up down status demo clean-data
deps: ## install the packages that are missing (says which)
	@deploy/install-deps.sh
# What run and up need: a second make, because flags of packages are asked for when make begins.
build-run:
	@deploy/install-deps.sh --group build --group run
	@deploy/kafka/fetch.sh > /dev/null & fetch=$$!; $(MAKE) --no-print-directory -s -j$(JOBS) all; status=$$?; \
	  wait $$fetch && exit $$status
run: build-run ## install, build and run everything here until Ctrl-C
	@exec $(STACK) run
up: build-run ## the same in the background; with COPIES=validation=3 also scales what runs
	@$(STACK) up
down: ## stop what make up started
	@$(STACK) down
status: ## what runs, and whether it is ready
	@$(STACK) status
clean-data: ## forget the data of RUN_DIR
	@$(STACK) clean-data
demo: ## walk one student through everything against the running system
	@/usr/bin/python3 tests/demo/demo.py

.PHONY: install
DESTDIR ?=
PREFIX ?= /usr/local
install: all ## programs, migrations and configuration below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/shengyuan
	install -m 755 $(filter-out %/sy-gen-docs,$(BINARIES)) $(DESTDIR)$(PREFIX)/bin/
	cp -R deploy/db deploy/edge deploy/kafka deploy/redis $(DESTDIR)$(PREFIX)/share/shengyuan/
	install -m 644 LICENSE docs/openapi.yaml docs/asyncapi.yaml $(DESTDIR)$(PREFIX)/share/shengyuan/

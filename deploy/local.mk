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
demo: ## walk three students through everything against the running system
	@/usr/bin/python3 tests/demo/demo.py

.PHONY: install
DESTDIR ?=
PREFIX ?= /usr/local
UNIT_DIR ?= /etc/systemd/system
install: all ## programs, units, migrations and configuration below $(DESTDIR)$(PREFIX)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/shengyuan
	install -m 755 $(filter-out %/sy-gen-docs,$(BINARIES)) $(DESTDIR)$(PREFIX)/bin/
	cp -R deploy/db deploy/edge deploy/kafka deploy/redis deploy/prometheus deploy/grafana deploy/backup \
	  $(DESTDIR)$(PREFIX)/share/shengyuan/
	install -m 644 LICENSE docs/openapi.yaml docs/asyncapi.yaml $(DESTDIR)$(PREFIX)/share/shengyuan/
	cp -R docs/runbook $(DESTDIR)$(PREFIX)/share/shengyuan/
	install -d $(DESTDIR)$(UNIT_DIR) $(DESTDIR)$(PREFIX)/share/shengyuan/env
	for unit in deploy/systemd/*.service deploy/systemd/*.target deploy/systemd/*.timer; do \
	  sed 's|/usr/local/|$(PREFIX)/|g' "$$unit" > $(DESTDIR)$(UNIT_DIR)/$${unit##*/} || exit 1; done
	install -m 644 deploy/systemd/*.example $(DESTDIR)$(PREFIX)/share/shengyuan/env/

# Tests. Every unit program tests/unit/**/test_*.c links the library; cmocka runs them.
UNIT_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c tests/unit/*/*/test_*.c))
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/unit/%)
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS) -lcmocka -lm
# The pure decisions of a service: its domain.o and nothing else of it.
$(BUILD)/tests/unit/service/test_%_domain: $(BUILD)/obj/tests/unit/service/test_%_domain.o $(BUILD)/obj/services/%/domain.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS) -lcmocka -lm
COMPONENT_SOURCES := $(sort $(wildcard tests/component/test_*.c))
COMPONENT_PROGRAMS := $(COMPONENT_SOURCES:tests/component/%.c=$(BUILD)/tests/component/%)
$(BUILD)/tests/component/%: $(BUILD)/obj/tests/component/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS) -lcmocka -lm
.SECONDARY: $(COMPONENT_SOURCES:%.c=$(BUILD)/obj/%.o) $(UNIT_SOURCES:%.c=$(BUILD)/obj/%.o)
# What tests/property asks line by line.
$(BUILD)/property/rules: $(BUILD)/obj/tests/property/rules.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS) -lm
.SECONDARY: $(BUILD)/obj/tests/property/rules.o
.PHONY: unit-programs
unit-programs: $(UNIT_PROGRAMS) $(BUILD)/property/rules
.PHONY: component-programs
component-programs: $(COMPONENT_PROGRAMS)

# Instrumented builds live beside the ordinary one. How the thread sanitizer comes to see the threads
# of librdkafka: tests/sanitize/c11_threads.c.
ASAN := BUILD=$(BUILD)/asan SANITIZE=address
TSAN := BUILD=$(BUILD)/tsan SANITIZE=thread
.PHONY: test check lint docs test-programs
test-programs:
	@$(MAKE) --no-print-directory -s -j$(JOBS) all unit-programs component-programs $(BUILD)/bench/burst $(BUILD)/torture/fail.so
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(ASAN) all unit-programs component-programs fuzz-replay-programs torture-programs
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(TSAN) component-programs
test: ## everything: style, unit, component, integration on real servers; ends in `N passed, N failed`
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory test-programs
	@/usr/bin/python3 tests/run.py
check: ## unit and style only, seconds, no servers
	@deploy/install-deps.sh --group build --group test
	@$(MAKE) --no-print-directory -s -j$(JOBS) all unit-programs fuzz-replay-programs
	@/usr/bin/python3 tests/run.py style unit contract
lint: ## clang-tidy, cppcheck, style, and a build with the other compiler
	@deploy/install-deps.sh --group build --group test
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@$(MAKE) --no-print-directory -s -j$(JOBS) CC=clang BUILD=$(BUILD)/clang all unit-programs
	@/usr/bin/python3 tests/run.py style lint
.PHONY: coverage
COVERAGE := BUILD=build/coverage HARDEN= CFLAGS='-O0 -g --coverage' LDFLAGS=--coverage CC=gcc
coverage: ## lines and branches of rules and decisions that the unit tests reach; fails below all of them
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(COVERAGE) unit-programs
	@BUILD=build/coverage /usr/bin/python3 tests/coverage.py
docs: ## generate docs/reference from the tables
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/bin/sy-gen-docs
	@$(BUILD)/bin/sy-gen-docs docs/reference
# Faults: docs/FAULTS.md. ROUNDS, SEED, BROKERS, EVERY, RATE, ONLY, RUN_DIR are read by the program.
export ROUNDS SEED EVERY RATE ONLY TRIES MINUTES SUBMISSIONS READS OLD ORDER BACK
.PHONY: faults
faults: ## load, a seeded schedule of faults, a checker: five numbers; ROUNDS=n SEED=s BROKERS=1 or 3
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BUILD)/torture/fail.so
	@/usr/bin/python3 tests/faults/run.py
.PHONY: faults-planted
faults-planted: ## bugs planted into a copy must each turn the fault runs red (half an hour)
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@/usr/bin/python3 tests/faults/planted.py
.PHONY: faults-upgrade
faults-upgrade: ## a release and back under load, the build of commit OLD beside this one, copy by copy
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@/usr/bin/python3 tests/faults/upgrade.py
.PHONY: availability
availability: ## a steady load and a fault each minute: success, p99, memory, descriptors; MINUTES=30
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BUILD)/faults/steady
	@/usr/bin/python3 tests/faults/availability.py
.PHONY: units
units: ## boots a bare Debian in a container: README's commands, then the systemd units and what they promise (root)
	@tests/systemd/boot.sh
$(BUILD)/faults/%: $(BUILD)/obj/tests/faults/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS)
.SECONDARY: $(BUILD)/obj/tests/faults/steady.o
# The benchmark's programs: the load, and the floor it is compared with.
BENCH_PROGRAMS := $(BUILD)/bench/load $(BUILD)/bench/floor_intake $(BUILD)/bench/floor_worker
$(BUILD)/bench/load: $(BUILD)/obj/tests/bench/judged.o
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(PKG_LIBS)
.SECONDARY: $(BENCH_PROGRAMS:$(BUILD)/bench/%=$(BUILD)/obj/tests/bench/%.o)
BURST_PROGRAM := $(BUILD)/bench/burst
.SECONDARY: $(BUILD)/obj/tests/bench/burst.o
.PHONY: burst
burst: ## ten times the load for a while: what is admitted stays fast, the rest is told when to come back
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BURST_PROGRAM)
	@/usr/bin/python3 tests/bench/burst.py
.PHONY: season
season: ## a whole season by SEED with STUDENTS people, and an account of it kept apart
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@/usr/bin/python3 tests/season/season.py
.PHONY: bench-judge
bench-judge: ## processor time of the rules alone, a record of a realistic mix
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/bench/judge
	@$(BUILD)/bench/judge 400000
.SECONDARY: $(BUILD)/obj/tests/bench/judge.o
.PHONY: bench profile
profile: ## where the product's processor time goes, by process and function (perf)
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BENCH_PROGRAMS)
	@/usr/bin/python3 tests/bench/profile.py
bench: ## accept, drain, end to end beside the shortest program with the same I/O
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BENCH_PROGRAMS)
	@/usr/bin/python3 tests/bench/bench.py
.PHONY: faults-cut
faults-cut: ## cut PostgreSQL's connection after every byte of the judging transaction (ten minutes)
	@deploy/install-deps.sh
	@deploy/kafka/fetch.sh > /dev/null
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@CUTS=all /usr/bin/python3 -m pytest -q -p no:cacheprovider -rP -k f11 tests/integration/test_fault_rows.py

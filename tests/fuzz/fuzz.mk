# Fuzz targets: tests/fuzz/t<n>_<name>.c, known by their number. One source, two programs: with
# libFuzzer (clang; make fuzz) and with replay.c (whatever compiler BUILD uses; make fuzz-replay).
FUZZ_SOURCES := $(sort $(wildcard tests/fuzz/t[0-9]*_*.c))
FUZZ_NAMES := $(FUZZ_SOURCES:tests/fuzz/%.c=%)
FUZZ_REPLAYS := $(FUZZ_NAMES:%=$(BUILD)/fuzz/replay/%)
FUZZ_ENGINES := $(FUZZ_NAMES:%=$(BUILD)/fuzz/engine/%)
# What a target needs of a service: its pure decisions.
FUZZ_DOMAINS := $(foreach service,authorization binding intake validation,$(BUILD)/obj/services/$(service)/domain.o)
# Validation's reading of a message; only that target says what stands around one.
$(BUILD)/fuzz/replay/t12_submission $(BUILD)/fuzz/engine/t12_submission: $(BUILD)/obj/services/validation/decode.o
FUZZ_SHARED := $(BUILD)/obj/tests/fuzz/fuzz.o $(BUILD)/obj/tests/fuzz/second_json.o $(BUILD)/obj/tests/fuzz/second_http.o $(FUZZ_DOMAINS) $(LIB)
$(BUILD)/fuzz/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_SHARED)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -ljansson -lm
$(BUILD)/fuzz/engine/%: $(BUILD)/obj/tests/fuzz/%.o $(FUZZ_SHARED)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(PKG_LIBS) -ljansson -lm
.SECONDARY: $(FUZZ_SOURCES:%.c=$(BUILD)/obj/%.o) $(patsubst %,$(BUILD)/obj/tests/fuzz/%.o,fuzz second_json second_http replay)
.PHONY: fuzz-replay-programs fuzz-engines fuzz fuzz-replay
fuzz-replay-programs: $(FUZZ_REPLAYS)
fuzz-engines: $(FUZZ_ENGINES)
FUZZER := BUILD=$(BUILD)/libfuzzer SANITIZE=fuzzer CC=clang
fuzz: ## fuzz TARGET=t1 for SECONDS=60 with libFuzzer; KEEP=1 keeps what is new in the corpus
	@deploy/install-deps.sh --group build --group test
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(FUZZER) fuzz-engines
	@/usr/bin/python3 tests/fuzz/run.py --engines $(BUILD)/libfuzzer/fuzz/engine --seconds $(or $(SECONDS),60) \
	    $(if $(KEEP),--keep) $(or $(TARGET),$(error which TARGET? $(FUZZ_NAMES)))
fuzz-replay: ## run every fuzz target over its corpus, without an engine, under ASan and UBSan
	@deploy/install-deps.sh --group build --group test
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(ASAN) fuzz-replay-programs
	@/usr/bin/python3 tests/run.py fuzz

# docs/openapi.yaml asked of a running system (RUN_DIR), or of one of its own.
.PHONY: schemathesis
schemathesis: build-run ## ask the API all that its document allows and forbids: EXAMPLES=300 SEED=1
	@deploy/install-deps.sh --group test
	@/usr/bin/python3 tests/schemathesis/run.py --examples=$(or $(EXAMPLES),300) --seed=$(or $(SEED),1)

# Torture: the n-th call fails, for every n (tests/torture/torture.c).
TORTURE := $(BUILD)/torture/torture $(BUILD)/torture/fail.so
# With C11 threads made of POSIX threads, of which the leak sanitizer knows.
$(BUILD)/torture/torture: $(patsubst %,$(BUILD)/obj/tests/torture/%.o,torture scenarios scenario_stores scenario_kafka) $(BUILD)/obj/tests/sanitize/c11_threads.o $(BUILD)/obj/tests/fuzz/fuzz.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -ldl
# Not instrumented: it stands between a program and its sanitizer.
$(BUILD)/torture/fail.so: tests/torture/fail.c
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g $(WARN_COMMON) -Wno-pedantic $(PKG_CFLAGS) -shared -fPIC -o $@ $< -ldl
.PHONY: torture-programs torture
torture-programs: $(TORTURE)
torture: ## the n-th malloc, read, write, connect, libpq, hiredis or Kafka call fails, for all n
	@deploy/install-deps.sh --group build --group test
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(ASAN) torture-programs
	@/usr/bin/python3 tests/torture/run.py --long --programs $(BUILD)/asan/torture

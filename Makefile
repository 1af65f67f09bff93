# Shengyuan (生源). `make help` lists what there is.
#
#   BUILD=dir       where objects and binaries go            (default build)
#   CC=gcc|clang    compiler                                  (default gcc)
#   SANITIZE=address|thread|fuzzer   instrumented build; use another BUILD with it

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
VERSION := 0.1.0
COMMIT := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
.DEFAULT_GOAL := help

WARN_COMMON := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual \
  -Wstrict-prototypes -Wmissing-prototypes -Wredundant-decls -Wwrite-strings -Wvla -Wundef \
  -Wswitch-enum -Wformat=2 -Wnull-dereference -Walloca -Werror
WARN_gcc := -Wcast-align=strict -Wformat-signedness -Wduplicated-cond -Wduplicated-branches \
  -Wlogical-op -Wimplicit-fallthrough=5 -Wbidi-chars=any
# -Wpedantic of clang objects to the statement expression of TAKE(), which style allows.
WARN_clang := -Wimplicit-fallthrough -Wmissing-variable-declarations \
  -Wno-gnu-statement-expression -Wno-gnu-zero-variadic-macro-arguments
COMPILER := $(if $(findstring clang,$(CC)),clang,gcc)

PACKAGES := rdkafka hiredis libcjson libpq libcurl libcrypto libjpeg libpng
PKG_CFLAGS := $(subst -I,-isystem ,$(shell pkg-config --cflags $(PACKAGES) 2>/dev/null))
PKG_LIBS := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null)

HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection -fcf-protection=full
ifdef SANITIZE
SANITIZE_address := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZE_thread := -fsanitize=thread -fno-omit-frame-pointer
SANITIZE_fuzzer := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN := $(SANITIZE_$(SANITIZE))
SANITIZE_LINK := $(SANITIZE_$(SANITIZE))
ifeq ($(SANITIZE),thread)
SANITIZE_OBJECTS := $(BUILD)/obj/tests/sanitize/c11_threads.o
SANITIZE_LINK += -Wl,-u,thrd_create -Wl,-u,pthread_rwlock_rdlock
endif
endif

CPPFLAGS += -Icommon -I. -I$(BUILD)/gen -D_GNU_SOURCE -DSY_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN_COMMON) $(WARN_$(COMPILER)) $(HARDEN) -fPIE -pthread $(PKG_CFLAGS)
ALL_LDFLAGS = $(LDFLAGS) $(SANITIZE_LINK) -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed

COMMON_SOURCES := $(sort $(wildcard common/*/*.c common/*/*/*.c))
GEN_SOURCES :=
include common/schema/gen.mk
COMMON_OBJECTS := $(COMMON_SOURCES:%.c=$(BUILD)/obj/%.o) $(GEN_SOURCES:%.c=%.o) $(SANITIZE_OBJECTS)
LIB := $(BUILD)/lib/libshengyuan.a

SERVICES := authorization binding intake validation notification office sandbox
BINARIES := $(SERVICES:%=$(BUILD)/bin/sy-%) $(BUILD)/bin/syctl $(BUILD)/bin/sy-gen-docs

.PHONY: all
all: $(BINARIES) ## build every program into $(BUILD)/bin

$(BUILD)/gen/build_id.h: FORCE
	@mkdir -p $(@D)
	@printf '#pragma once\n#define SY_COMMIT "%s"\n' '$(COMMIT)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: FORCE
FORCE:

$(BUILD)/obj/%.o: %.c $(BUILD)/gen/build_id.h | $(GEN_HEADERS)
	@mkdir -p $(@D)
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/gen/%.o: $(BUILD)/gen/%.c
	@echo "  CC $<"
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(LIB): $(COMMON_OBJECTS)
	@mkdir -p $(@D)
	@rm -f $@
	@ar rcs $@ $^

define SERVICE_PROGRAM
$(1)_OBJECTS := $$(patsubst %.c,$$(BUILD)/obj/%.o,$$(sort $$(wildcard services/$(1)/*.c)))
$$(BUILD)/bin/$(2): $$($(1)_OBJECTS) $$(LIB)
	@mkdir -p $$(@D)
	@echo "  LD $$@"
	@$$(CC) $$(ALL_LDFLAGS) -o $$@ $$($(1)_OBJECTS) $$(LIB) $$(PKG_LIBS) -lm
endef
$(foreach service,$(SERVICES),$(eval $(call SERVICE_PROGRAM,$(service),sy-$(service))))
$(eval $(call SERVICE_PROGRAM,syctl,syctl))
# The documentation generator links every service's tables, but no main().
GENDOCS_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard docs/gen/*.c) $(wildcard services/*/config.c)))
$(BUILD)/bin/sy-gen-docs: $(GENDOCS_OBJECTS) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(GENDOCS_OBJECTS) $(LIB) $(PKG_LIBS) -lm

include services/sql.mk
include deploy/db/migrations.mk
include tests/tests.mk
include tests/fuzz/fuzz.mk
include deploy/local.mk

.PHONY: format clean
format: ## clang-format every C file
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i
clean: ## remove $(BUILD)
	rm -rf $(BUILD)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | sort | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

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
.PHONY: unit-programs
unit-programs: $(UNIT_PROGRAMS)
.PHONY: component-programs
component-programs: $(COMPONENT_PROGRAMS)


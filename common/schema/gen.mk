# Tables generated from common/schema/data by awk.
SCHEMA_GEN := $(BUILD)/gen/code_data.c $(BUILD)/gen/alias_data.c $(BUILD)/gen/area_data.c $(BUILD)/gen/rules_edition.c
GEN_SOURCES += $(SCHEMA_GEN)
$(BUILD)/gen/code_data.c: common/schema/field.h common/schema/data/codes.csv common/schema/gen_codes.awk
	@mkdir -p $(@D)
	@awk -f common/schema/gen_codes.awk common/schema/field.h common/schema/data/codes.csv > $@.new && mv $@.new $@
$(BUILD)/gen/alias_data.c: common/schema/data/aliases.csv common/schema/gen_aliases.awk
	@mkdir -p $(@D)
	@awk -f common/schema/gen_aliases.awk $< > $@.new && mv $@.new $@
$(BUILD)/gen/area_data.c: common/schema/data/areacodes.csv common/schema/gen_areas.awk
	@mkdir -p $(@D)
	@sed '1s/^\xEF\xBB\xBF//' $< | awk -f common/schema/gen_areas.awk > $@.new && mv $@.new $@
# The edition of the rules: a hash of everything that decides what a record's findings are.
RULE_SOURCES := $(sort $(wildcard common/schema/rule*.[ch] common/schema/data/*.csv) $(addprefix common/schema/, \
  area.c campaign.c code.c field.c field.h gen_areas.awk gen_codes.awk person.c person.h))
$(BUILD)/gen/rules_edition.c: $(RULE_SOURCES)
	@mkdir -p $(@D)
	@cat $^ | sha256sum | sed -E 's/^(.{12}).*/#include "schema\/rule.h"\n\nconst char rules_edition[] = "\1";/' > $@.new && mv $@.new $@

# Tables generated from common/schema/data by awk.
SCHEMA_GEN := $(BUILD)/gen/code_data.c $(BUILD)/gen/area_data.c
GEN_SOURCES += $(SCHEMA_GEN)
$(BUILD)/gen/code_data.c: common/schema/data/codes.csv common/schema/gen_codes.awk
	@mkdir -p $(@D)
	@awk -f common/schema/gen_codes.awk $< > $@.new && mv $@.new $@
$(BUILD)/gen/area_data.c: common/schema/data/areacodes.csv common/schema/gen_areas.awk
	@mkdir -p $(@D)
	@sed '1s/^\xEF\xBB\xBF//' $< | awk -f common/schema/gen_areas.awk > $@.new && mv $@.new $@

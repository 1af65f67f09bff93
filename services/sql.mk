# services/<name>/sql/*.sql, one named statement a file, become $(BUILD)/gen/<name>_sql.h with
# `static const struct pg_statement SQL_<FILE>`. Lines beginning with "--" are comments.
SQL_SERVICES := $(sort $(patsubst services/%/sql/,%,$(dir $(wildcard services/*/sql/*.sql))))
define SQL_HEADER
$$(BUILD)/gen/$(1)_sql.h: $$(sort $$(wildcard services/$(1)/sql/*.sql)) services/sql.mk services/sql.awk
	@mkdir -p $$(@D)
	@awk -v service=$(1) -f services/sql.awk $$(filter %.sql,$$^) > $$@.new && mv $$@.new $$@
$$(patsubst %.c,$$(BUILD)/obj/%.o,$$(wildcard services/$(1)/*.c)): $$(BUILD)/gen/$(1)_sql.h
endef
$(foreach service,$(SQL_SERVICES),$(eval $(call SQL_HEADER,$(service))))

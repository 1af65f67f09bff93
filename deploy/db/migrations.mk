# The migrations this build was made for: names and checksums, as migrate.sh keeps them.
MIGRATIONS := $(sort $(wildcard deploy/db/migrations/*.sql))
$(BUILD)/gen/migrations.h: $(MIGRATIONS) deploy/db/migrations.mk
	@mkdir -p $(@D)
	@sha256sum $(MIGRATIONS) | awk 'BEGIN { print "#pragma once\nstatic const struct {\n    const char *name;\n    const char *sha256;\n} migrations[] = {" } \
	    { sub(".*/", "", $$2); printf "    {\"%s\", \"%s\"},\n", $$2, $$1 } END { print "};" }' > $@.new && mv $@.new $@
$(BUILD)/obj/common/runtime/preflight.o: $(BUILD)/gen/migrations.h

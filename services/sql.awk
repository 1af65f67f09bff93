# Writes a C header of struct pg_statement from SQL files.
BEGIN { print "#pragma once\n#include \"io/pg.h\"" }
FNR == 1 {
    if (open) print "};"
    file = FILENAME; sub(/.*\//, "", file); sub(/\.sql$/, "", file)
    printf "static const struct pg_statement SQL_%s = {\n    \"%s_%s\",\n", toupper(file), service, file
    open = 1
}
/^[ \t]*--/ { next }
/^[ \t]*$/ { next }
{ gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); printf "    \"%s\\n\"\n", $0 }
END { if (open) print "};" }

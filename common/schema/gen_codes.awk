# field.h and codes.csv (sorted by table, edition descending, code) to a C file of code tables.
BEGIN { FS = ","; print "#include \"schema/code.h\"\n" }
NR == FNR { # rows of FIELD_TABLE: which table a field's codes are of
    if (/^ *X\([A-Z]+,/) {
        gsub(/[ "]/, "")
        sub(/^X\(/, "", $1)
        if ($9 != "NULL") field_of[$9] = field_of[$9] " " $1
    }
    next
}
FNR == 1 { next }
{
    key = $1 "_" $2
    if (key != last) {
        if (last != "") print "};"
        printf "static const struct code_row rows_%s[] = {\n", key
        order[++tables] = key; table[tables] = $1; edition[tables] = $2; last = key
    }
    printf "    {\"%s\", \"%s\"},\n", $3, $4
    count[key]++
}
END {
    print "};\n\nconst struct code_table code_tables[] = {"
    for (i = 1; i <= tables; i++)
        printf "    {\"%s\", \"%s\", rows_%s, %d},\n", table[i], edition[i], order[i], count[order[i]]
    printf "};\nconst size_t code_table_count = %d;\n", tables
    print "\nconst struct code_table *const code_of_field[FIELD_COUNT_] = {"
    for (i = 1; i <= tables; i++) {
        if (table[i] in done) continue
        done[table[i]] = 1
        count_of = split(field_of[table[i]], names, " ")
        for (k = 1; k <= count_of; k++) printf "    [FIELD_%s] = &code_tables[%d],\n", names[k], i - 1
    }
    print "};"
}

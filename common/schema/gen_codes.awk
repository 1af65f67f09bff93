# codes.csv (sorted by table, edition descending, code) to a C file of code tables.
BEGIN { FS = ","; print "#include \"schema/code.h\"\n" }
NR == 1 { next }
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
}

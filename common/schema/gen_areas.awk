# areacodes.csv to a C array of struct area, sorted by code and year (the file is sorted by code; its
# records of one code follow each other). Level: 1 province, 2 prefecture, 3 county.
BEGIN {
    FS = ","
    print "#include \"schema/area.h\"\n\nconst struct area area_rows[] = {"
}
NR == 1 { next }
{
    sub(/\r$/, "")
    level = $5 ~ /省/ ? 1 : $5 ~ /地/ ? 2 : 3
    gsub(/\[[0-9]*\]/, "", $9)
    printf "    {%d, %d, %d, %d, \"%s\", \"%s\", \"%s\", \"%s\"},\n", $1, $7, $8 + 0, level, $2, $3, $4, $9
    count++
}
END { printf "};\nconst size_t area_count = %d;\n", count }

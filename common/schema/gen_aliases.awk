# aliases.csv to a C array: what stands in files in the place of a code.
BEGIN { FS = ","; print "#include \"schema/code.h\"\n\nconst struct code_alias code_aliases[] = {" }
NR == 1 { next }
{ printf "    {\"%s\", \"%s\", \"%s\"},\n", $1, $2, $3; count++ }
END { printf "};\nconst size_t code_alias_count = %d;\n", count }

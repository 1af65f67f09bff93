# rules for generated tables

/*
 * What a process does so that its memory, which must hold people's data in clear while it works on
 * them, is never written to a file: no core file, whatever limit or pattern the machine has; one
 * that a debugger of root makes is empty of memory; no other process of the account may look in.
 */
#pragma once

/* At the very beginning of main(). */
void secrecy_begin(void);
/* At its end: the leak check of an instrumented build looks at its own process from outside. */
void secrecy_end(void);

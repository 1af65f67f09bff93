/*
 * Tells systemd how the process is: the datagrams of sd_notify(3), without its library. Does
 * nothing where NOTIFY_SOCKET is not set. Thread-safe after notify_open.
 */
#pragma once

/* Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment. */
void notify_open(void);
/* "READY=1\nSTATUS=…", "STOPPING=1", "WATCHDOG=1": see sd_notify(3). */
void notify_send(const char *state);

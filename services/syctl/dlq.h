/* Shared by the commands about dead letters. */
#pragma once

#include "services/syctl/command.h"

enum { DLQ_TIMEOUT_MS = 10000, DLQ_HEADERS_MAX = 64 };

bool is_dead_letter_topic(const char *topic);

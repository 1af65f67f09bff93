/* The sandbox as service_main wants it. */
#pragma once

#include "runtime/service.h"

extern const struct service sandbox_service;

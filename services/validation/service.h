/* The validation service as service_main wants it. */
#pragma once

#include "runtime/service.h"

extern const struct service validation_service;

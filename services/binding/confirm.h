/* The path without a face check. */
#pragma once

#include "services/binding/domain.h"
#include "services/binding/service.h"

/* Files a binding for the school to confirm, and answers. Values, limits and phone code were
 * checked. */
void confirmation_file(struct api_call *call, const struct binding_request *request,
                       const char *document_index, const char *phone_index);

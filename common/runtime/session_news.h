/* What becomes of live sessions when news of their account comes. Any service that makes or reads
 * such news may tell it: who comes later finds it told. */
#pragma once

#include "runtime/session.h"
#include "schema/identity_event.h"

/* Brings a live session up to date with news of its account. False when there is nothing to change:
 * the session knows these or newer news already. A face check says nothing about a binding. Pure.
 */
bool session_take_news(struct session *session, const struct identity_changed *news);
/* All of the account's. */
enum err_code session_tell_news(struct redis *redis, const struct identity_changed *news,
                                struct arena *arena, struct err *err) MUST_CHECK;

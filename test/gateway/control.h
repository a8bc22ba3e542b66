/*
 * control.h
 *	  What a test tells the world to do.
 */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include "protocol.h"

/* Answers a control request (all but truth); the HTTP status. */
extern int	control_answer(const char *path, Call *control, Out *o);

/* The body of such a request is not parameters but bytes, which are kept. */
extern bool control_takes_bytes(const char *path);

#endif							/* GATEWAY_CONTROL_H */

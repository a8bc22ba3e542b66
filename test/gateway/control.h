/*
 * control.h
 *	  What a test tells the world to do.
 */
#ifndef GATEWAY_CONTROL_H
#define GATEWAY_CONTROL_H

#include "protocol.h"

/* Answers a control request (all but truth); the HTTP status. */
extern int	control_answer(const char *path, Call *control, Out *o);

#endif							/* GATEWAY_CONTROL_H */

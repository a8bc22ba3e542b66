/*
 * pages.h
 *	  One page of a list.
 */
#ifndef GATEWAY_PAGES_H
#define GATEWAY_PAGES_H

#include "arguments.h"
#include "render.h"

extern void write_page(Call *call, const ListInfo *info, const Selection *sel, const Hits *hits,
					   const Query *q, Out *o);

/* The form in which this call's records go out. */
extern void read_wire(Call *call, Wire *w);

#endif							/* GATEWAY_PAGES_H */

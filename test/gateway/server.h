/*
 * server.h
 *	  The HTTP side: requests in, answers and misbehaviour out.
 */
#ifndef GATEWAY_SERVER_H
#define GATEWAY_SERVER_H

#include <stdbool.h>

typedef struct ServerOptions
{
	const char *bind;
	int			port;			/* 0: the kernel chooses */
	bool		gzip;
} ServerOptions;

/* Starts serving in a thread of its own; the port, or -1 with errno told on stderr. */
extern int	server_start(const ServerOptions *options);

#endif							/* GATEWAY_SERVER_H */

/*
 * tap.h
 *	  Test Anything Protocol: one stream for the rules and the simulation.
 */
#ifndef ORDERSYNC_TEST_TAP_H
#define ORDERSYNC_TEST_TAP_H

/* One line of the stream; returns ok. */
extern bool tap_ok(bool ok, const char *format,...) pg_attribute_printf(2, 3);
extern void tap_note(const char *format,...) pg_attribute_printf(1, 2);

/* The plan at the end; the exit code. */
extern int	tap_done(void);

extern void test_rules(void);

#endif							/* ORDERSYNC_TEST_TAP_H */

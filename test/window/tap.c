/*
 * tap.c
 *	  Test Anything Protocol: one stream for the rules and the simulation.
 */
#include "compat.h"

#include "tap.h"

static int	tests;
static int	failures;

bool
tap_ok(bool ok, const char *format,...)
{
	va_list		args;

	printf("%sok %d - ", ok ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failures += !ok;
	return ok;
}

void
tap_note(const char *format,...)
{
	va_list		args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
}

int
tap_done(void)
{
	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}

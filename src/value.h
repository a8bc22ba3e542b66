/*
 * value.h
 *	  Reads the platform's scalar values exactly, or not at all.
 */
#ifndef ORDERSYNC_VALUE_H
#define ORDERSYNC_VALUE_H

#include "compat.h"

/* 'YYYY-MM-DD HH:MM:SS' */
#define VALUE_TIME_LEN 19

/* An integer within [min, max]: digits with an optional minus, nothing else. */
extern bool value_integer(const char *text, size_t len, int64 min, int64 max, int64 *result);

/* Yuan as hundredths, within numeric(18,2); false for what is not exact to the cent. */
extern bool value_money(const char *text, size_t len, int64 *cents);

/* A moment of Asia/Shanghai (always +08:00) as epoch seconds. */
extern bool value_time(const char *text, size_t len, int64 *epoch_s);

/* true or false, in any case. */
extern bool value_boolean(const char *text, size_t len, bool *result);

/* The moment as the platform writes it; buffer has VALUE_TIME_LEN + 1 bytes. */
extern void value_write_time(int64 epoch_s, char *buffer);

#endif							/* ORDERSYNC_VALUE_H */

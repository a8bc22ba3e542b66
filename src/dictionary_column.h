/*
 * dictionary_column.h
 *	  What the generated dictionary.h is made of: how one field of a record is
 *	  read into one column.
 */
#ifndef ORDERSYNC_DICTIONARY_COLUMN_H
#define ORDERSYNC_DICTIONARY_COLUMN_H

typedef enum ReadKind
{
	READ_TEXT,
	READ_WORD,					/* text of which 'null' is NULL */
	READ_TIME,
	READ_MONEY,
	READ_BIGINT,
	READ_ID,					/* bigint of which 0 is NULL */
	READ_INT,
	READ_SMALLINT,
	READ_BOOLEAN,
	READ_SKU_ID					/* id before the bar of a refund's sku */
} ReadKind;

typedef struct DictionaryColumn
{
	const char *column;
	const char *field;
	int			field_len;
	const char *member;			/* of the field's object; NULL: the field itself */
	ReadKind	kind;
	bool		of_trade;		/* a line's, of its trade */
} DictionaryColumn;

#endif							/* ORDERSYNC_DICTIONARY_COLUMN_H */

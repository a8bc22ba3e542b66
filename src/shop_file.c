/*
 * shop_file.c
 *	  A file of shops: comma-separated values, or an object of JSON on each line.
 *
 * What is wrong with a line is a value of it, in constant words: a file holds
 * keys, so nothing of it is ever quoted, whichever column it stands in.
 *
 * A key is the platform's, of printable ASCII: what else is there was pasted
 * along with it.  An empty cell says nothing, as does null.
 *
 * Pure: no I/O; of the server only its memory and its check of UTF-8.
 */
#include "compat.h"

#include "mb/pg_wchar.h"

#include "json_scan.h"
#include "shop_file.h"

#define MAX_VALUE 65536
#define MAX_KEY 1024
#define BAD_STRING "a string has a control character, or an escape that stands for no character"

static const struct
{
	const char *name;
	ShopColumn	column;
}			names[] = {
	{"shop_id", SHOP_ID},
	{"seller_nick", SHOP_NICK},
	{"data_key", SHOP_KEY},
	{"session_key", SHOP_KEY},
	{"gateway", SHOP_GATEWAY},
	{"options", SHOP_OPTIONS},
	{"expires_at", SHOP_EXPIRES_AT}
};

static bool is_blank(char c);
static const char *read_header(ShopFile *file);
static bool column_of(const char *name, ShopColumn *column);
static void read_cells(ShopFile *file, CsvRecord *record, ShopLine *line);
static void take_cell(ShopLine *line, ShopColumn column, CsvCell *cell);
static bool next_json_line(CsvReader *reader, CsvRecord *record);
static void read_object(const CsvRecord *record, ShopLine *line);
static const char *take_member(ShopLine *line, ShopColumn column, JsonText value);
static char *exact_text(JsonText value);
static bool has_control(JsonText value);
static const char *text_problem(const char *at, size_t len);
static const char *clean_key(char **key);

const char *
shop_file_begin(ShopFile *file, char *text, size_t len)
{
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
	{
		text += 3;
		len -= 3;
	}
	csv_begin(&file->reader, text, len);
	while (len > 0 && is_blank(*text))
	{
		text++;
		len--;
	}
	if (len == 0)
		return "it is empty";
	if (*text == '[')
		return "it is an array of JSON, not one object on each line";
	file->is_json = *text == '{';
	return file->is_json ? NULL : read_header(file);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The names of the columns, of the first line. */
static const char *
read_header(ShopFile *file)
{
	CsvRecord	record;
	bool		given[SHOP_COLUMNS] = {false};
	const char *problem;

	if (!csv_next(&file->reader, &record))
		return "it is empty";
	problem = record.problem != NULL ? record.problem : text_problem(record.at, record.len);
	if (problem != NULL)
		return problem;
	if (record.ncells > CSV_MAX_CELLS)
		return "its header has too many columns";
	csv_resolve(&record);
	for (int i = 0; i < record.ncells; i++)
	{
		if (!column_of(record.cells[i].at, &file->columns[i]))
			return "its header has an unknown column";
		if (given[file->columns[i]])
			return "its header has a column twice";
		given[file->columns[i]] = true;
	}
	if (!given[SHOP_ID])
		return "its header has no column shop_id";
	file->ncolumns = record.ncells;
	return NULL;
}

/* By its name, whatever blanks are around it and however its letters are written. */
static bool
column_of(const char *name, ShopColumn *column)
{
	size_t		len;

	while (*name == ' ' || *name == '\t')
		name++;
	len = strlen(name);
	while (len > 0 && (name[len - 1] == ' ' || name[len - 1] == '\t'))
		len--;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i].name) == len && pg_strncasecmp(names[i].name, name, len) == 0)
		{
			*column = names[i].column;
			return true;
		}
	}
	return false;
}

bool
shop_file_next(ShopFile *file, ShopLine *line)
{
	CsvRecord	record;

	memset(line, 0, sizeof(*line));
	if (!(file->is_json ? next_json_line(&file->reader, &record) : csv_next(&file->reader, &record)))
		return false;

	line->line = record.line;
	line->problem = record.problem != NULL ? record.problem : text_problem(record.at, record.len);
	if (line->problem != NULL)
		return true;
	if (file->is_json)
		read_object(&record, line);
	else
		read_cells(file, &record, line);
	if (line->problem == NULL && !line->has_id)
		line->problem = "shop_id is missing";
	if (line->problem == NULL && line->values[SHOP_KEY] != NULL)
		line->problem = clean_key(&line->values[SHOP_KEY]);
	return true;
}

static void
read_cells(ShopFile *file, CsvRecord *record, ShopLine *line)
{
	if (record->ncells != file->ncolumns)
	{
		line->problem = record->ncells < file->ncolumns ?
			"it has fewer cells than the header" : "it has more cells than the header";
		return;
	}
	csv_resolve(record);
	for (int i = 0; i < record->ncells && line->problem == NULL; i++)
		take_cell(line, file->columns[i], &record->cells[i]);
}

static void
take_cell(ShopLine *line, ShopColumn column, CsvCell *cell)
{
	if (cell->len > MAX_VALUE)
		line->problem = "a value is longer than 65536 bytes";
	else if (column == SHOP_ID)
	{
		JsonText	digits = {cell->at, cell->len};

		while (digits.len > 0 && *digits.at == ' ')
		{
			digits.at++;
			digits.len--;
		}
		while (digits.len > 0 && digits.at[digits.len - 1] == ' ')
			digits.len--;
		line->has_id = json_int64(digits, &line->shop_id);
		if (!line->has_id && digits.len > 0)
			line->problem = "shop_id is not a whole number";
	}
	else if (cell->len > 0)
		line->values[column] = cell->at;
}

/* The next line that is not blank, in the form of a record. */
static bool
next_json_line(CsvReader *reader, CsvRecord *record)
{
	while (reader->at < reader->end)
	{
		char	   *line_end = memchr(reader->at, '\n', reader->end - reader->at);
		char	   *next = line_end != NULL ? line_end + 1 : reader->end;
		const char *said = reader->at;

		record->at = reader->at;
		record->len = (line_end != NULL ? line_end : reader->end) - reader->at;
		record->line = reader->line++;
		record->problem = NULL;
		reader->at = next;
		while (said < record->at + record->len && is_blank(*said))
			said++;
		if (said < record->at + record->len)
			return true;
	}
	return false;
}

static void
read_object(const CsvRecord *record, ShopLine *line)
{
	JsonCursor	cursor;
	JsonText	key;
	JsonText	value;
	bool		given[SHOP_COLUMNS] = {false};

	json_begin(&cursor, record->at, record->len);
	if (json_enter(&cursor, '{'))
	{
		while (line->problem == NULL && json_member(&cursor, &key) && json_value(&cursor, &value))
		{
			char		name[16];
			int			len = json_key_decode(key, name, sizeof(name) - 1);
			ShopColumn	column;

			if (len >= 0)
				name[len] = '\0';
			if (len < 0 || !column_of(name, &column))
				line->problem = "it has an unknown member";
			else if (given[column])
				line->problem = "it has a member twice";
			else
			{
				given[column] = true;
				line->problem = take_member(line, column, value);
			}
		}
	}
	if (line->problem == NULL && (cursor.failed || !json_at_end(&cursor)))
		line->problem = "it is not an object of JSON";
}

/* What is wrong with it, or NULL. */
static const char *
take_member(ShopLine *line, ShopColumn column, JsonText value)
{
	if (value.len == 4 && memcmp(value.at, "null", 4) == 0)
		return NULL;
	if (value.len > MAX_VALUE)
		return "a value is longer than 65536 bytes";
	if (column == SHOP_ID)
	{
		line->has_id = json_int64(value, &line->shop_id);
		return line->has_id ? NULL : "shop_id is not a whole number";
	}
	if (column == SHOP_OPTIONS)
	{
		/* a string of them too, as in a cell */
		line->values[column] = *value.at == '"' ? exact_text(value) : pnstrdup(value.at, value.len);
		return line->values[column] != NULL ? NULL : BAD_STRING;
	}
	if (*value.at != '"')
		return "a value that must be a string is none";
	line->values[column] = exact_text(value);
	if (line->values[column] == NULL)
		return BAD_STRING;
	if (line->values[column][0] == '\0')
		line->values[column] = NULL;
	return NULL;
}

/*
 * A string of JSON, or NULL where json_text() would put something else in the
 * place of what has no meaning: nothing is stored that nobody wrote.
 */
static char *
exact_text(JsonText value)
{
	char	   *text;
	int			marks = 0;

	if (has_control(value))
		return NULL;
	text = json_text(value, value.len);
	for (const char *at = text; *at != '\0'; at++)
		marks += *at == '?';
	for (size_t i = 0; i < value.len; i++)
		marks -= value.at[i] == '?';
	/* "\u003f" is one, too: who writes a question mark so is not understood */
	return marks == 0 ? text : NULL;
}

/* Is there a control character in a string of JSON, escaped or as it is? */
static bool
has_control(JsonText value)
{
	for (size_t i = 0; i < value.len; i++)
	{
		unsigned char c = value.at[i];
		uint32		code;

		if (c < 0x20 || c == 0x7F)
			return true;
		if (c != '\\' || ++i >= value.len)
			continue;
		if (strchr("bfnrt", value.at[i]) != NULL)
			return true;
		if (value.at[i] == 'u' &&
			(!json_hex4(value.at + i + 1, value.at + value.len, &code) || code < 0x20 || code == 0x7F))
			return true;
	}
	return false;
}

/* What keeps bytes from being text, or NULL. */
static const char *
text_problem(const char *at, size_t len)
{
	if (memchr(at, '\0', len) != NULL)
		return "it contains a NUL byte";
	if (!pg_verify_mbstr(PG_UTF8, at, (int) len, true))
		return "it is not UTF-8";
	return NULL;
}

/* Without the blanks around it; what is wrong with it, or NULL. */
static const char *
clean_key(char **key)
{
	char	   *at = *key;
	size_t		len;

	while (is_blank(*at))
		at++;
	len = strlen(at);
	while (len > 0 && is_blank(at[len - 1]))
		at[--len] = '\0';
	*key = len > 0 ? at : NULL;
	if (len > MAX_KEY)
		return "the key is longer than 1024 characters";
	for (size_t i = 0; i < len; i++)
	{
		if (at[i] < 0x21 || at[i] > 0x7E)
			return "the key contains white space or a character that is not ASCII";
	}
	return NULL;
}

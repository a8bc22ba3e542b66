/*
 * cppcheck.h
 *	  What cppcheck is told of the server's macros, whose headers it does not read.
 */
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
#define dlist_foreach_modify(iter, list) for (iter.cur = (list)->head.next; iter.cur != &(list)->head; iter.cur = iter.next)

/* from ERROR on they do not return */
#define DEBUG1 14
#define LOG 15
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) ereport(level, __VA_ARGS__)
#define Assert(condition) do { if (!(condition)) abort(); } while (0)

/* it reads as many elements as it is told, not all that the array has room for */
#define qsort(array, n, size, compare) ((void) (n))

/*
 * private_file.c
 *	  Files on the server that hold secrets, read for whoever may read files of
 *	  the server, as for COPY.
 *
 * A file that others could read or write is refused.  The caller wipes what was
 * read.
 */
#include "compat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "private_file.h"

static void check_private(const char *path, const struct stat *status, size_t max);

char *
private_file_read(const char *path, size_t max, size_t *len)
{
	struct stat status;
	char	   *bytes;
	ssize_t		got;
	int			fd;

	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to read a file of the server"),
				 errdetail("Only roles with privileges of the \"pg_read_server_files\" role may."),
				 errhint("A superuser can have it read, or GRANT pg_read_server_files TO %s.",
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	/* a pipe that nobody writes to must not be waited for */
	fd = OpenTransientFile(path, O_RDONLY | O_NONBLOCK | PG_BINARY);
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path),
				 errhint("The file must be on the server and belong to the server's user; a relative path begins at the data directory.")));
	if (fstat(fd, &status) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	check_private(path, &status, max);

	*len = (size_t) status.st_size;
	bytes = palloc(*len + 1);
	for (size_t done = 0; done < *len; done += got)
	{
		got = read(fd, bytes + done, *len - done);
		if (got < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read file \"%s\": %m", path)));
		if (got == 0)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("file \"%s\" became shorter while it was read", path),
					 errhint("Try again when it is whole.")));
		CHECK_FOR_INTERRUPTS();
	}
	bytes[*len] = '\0';
	CloseTransientFile(fd);
	return bytes;
}

static void
check_private(const char *path, const struct stat *status, size_t max)
{
	if (!S_ISREG(status->st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a regular file", path),
				 errhint("Give the path of a file.")));
	if (status->st_uid != geteuid())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" does not belong to the server's user", path),
				 errdetail("It holds keys, so only the server may be able to read it."),
				 errhint("In a shell of root: chown --reference='%s' '%s'; chmod 600 '%s'", DataDir, path, path)));
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" can be used by others than the server", path),
				 errdetail("Its mode is %04o. It holds keys, so only the server may be able to read it.",
						   (unsigned int) (status->st_mode & 07777)),
				 errhint("In a shell of the server's user: chmod 600 '%s'", path)));
	if (status->st_size > (off_t) max)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("file \"%s\" is too large", path),
				 errdetail("It has %lld bytes; the maximum is %lld.", (long long) status->st_size, (long long) max)));
}

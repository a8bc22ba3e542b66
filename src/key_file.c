/*
 * key_file.c
 *	  The file with the keys that seal secrets; SQL cannot reach it.
 *
 * It holds keys of 32 random bytes each, the newest first, and has mode 0600
 * (0640 where the data directory is open to a group).  The newest seals; the
 * others open what was sealed before, in whichever database of the server.
 *
 * It is made when the first secret is to be sealed, and only where none is sealed
 * yet: written under another name, flushed, then linked to its own, so that it is
 * there whole or not at all, and the slower of two backends takes the faster
 * one's.  When keys are added or dropped, a file that was written and flushed
 * takes its place by rename(): whenever the server dies, one of the two is there.
 * Whoever reads has opened either.
 *
 * A file that the server cannot replace (mounted, of root) is changed by hand in
 * the same way: a new key is 32 bytes before the others.
 */
#include "compat.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "guc.h"
#include "key_file.h"

static ssize_t read_ring(int fd, KeyRing *ring);
static char *key_file_problem(int fd);
static bool is_private(const struct stat *status);
static void write_ring(const char *path, KeyRing *ring);
static void new_key(unsigned char key[KEY_SIZE]);
static void read_ring_or_error(KeyRing *ring);
static void replace_file(KeyRing *ring);
static void sync_directory(const char *path);

KeyFileState
key_file_read(KeyRing *ring, char **why)
{
	int			fd = OpenTransientFile(guc_key_file, O_RDONLY | PG_BINARY);

	memset(ring, 0, sizeof(KeyRing));
	if (fd < 0)
	{
		bool		missing = errno == ENOENT;

		*why = missing ? psprintf("the key file \"%s\" does not exist", guc_key_file) :
			psprintf("the key file \"%s\" cannot be opened: %s", guc_key_file,
					 strerror(errno));
		return missing ? KEY_FILE_MISSING : KEY_FILE_UNUSABLE;
	}

	*why = key_file_problem(fd);
	if (*why == NULL)
	{
		ssize_t		got = read_ring(fd, ring);

		if (got <= 0 || got % KEY_SIZE != 0)
			*why = psprintf("the key file cannot be read: %s",
							got < 0 ? strerror(errno) : "it is too short");
		ring->n = (int) Max(got, 0) / KEY_SIZE;
	}
	CloseTransientFile(fd);
	if (*why == NULL)
		return KEY_FILE_READY;
	key_ring_wipe(ring);
	return KEY_FILE_UNUSABLE;
}

/* All that there is; -1: an error. */
static ssize_t
read_ring(int fd, KeyRing *ring)
{
	ssize_t		done = 0;
	ssize_t		got;

	while ((got = read(fd, (char *) ring->keys + done, sizeof(ring->keys) - done)) > 0)
		done += got;
	return got < 0 ? got : done;
}

void
key_ring_wipe(KeyRing *ring)
{
	OPENSSL_cleanse(ring, sizeof(KeyRing));
}

/* Of a hash: it tells nothing of the key. */
uint32
key_id(const unsigned char key[KEY_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint32		id = 0;

	if (EVP_Digest(key, KEY_SIZE, digest, NULL, EVP_sha256(), NULL) == 1)
		memcpy(&id, digest, sizeof(id));
	ERR_clear_error();
	return id != 0 ? id : 1;
}

/* A key that others can read is not a key.  NULL when the file is as it should be. */
static char *
key_file_problem(int fd)
{
	struct stat status;

	if (fstat(fd, &status) != 0)
		return psprintf("the key file cannot be looked at: %s", strerror(errno));
	if (!S_ISREG(status.st_mode))
		return pstrdup("the key file is not a regular file");
	if (status.st_size == 0 || status.st_size % KEY_SIZE != 0 || status.st_size > KEY_FILE_MAX_KEYS * KEY_SIZE)
		return psprintf("the key file must hold %d bytes for each of at most %d keys, not %lld",
						KEY_SIZE, KEY_FILE_MAX_KEYS, (long long) status.st_size);
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return pstrdup("the key file does not belong to the server's user");
	if (!is_private(&status))
		return psprintf("the key file can be used by others than the server's user: "
						"chmod it to 0600 (its mode is %04o)",
						(unsigned int) (status.st_mode & 07777));
	return NULL;
}

/*
 * As the server judges its own files: a group may read in a data directory that
 * is open to it, and what root owns, as mounted secrets are.
 */
static bool
is_private(const struct stat *status)
{
	mode_t		shared = status->st_mode & (S_IRWXG | S_IRWXO);

	if (status->st_uid == 0 || (pg_file_create_mode & S_IRGRP) != 0)
		shared &= ~S_IRGRP;
	return shared == 0;
}

/*
 * Whole or not at all, and not twice: link() refuses a name that is taken, and
 * then the other one's key is as good.
 */
void
key_file_make(void)
{
	char		temporary[MAXPGPATH];
	KeyRing		ring = {.n = 1};
	int			linked;
	int			error;

	snprintf(temporary, sizeof(temporary), "%s.%d.tmp", guc_key_file, MyProcPid);
	new_key(ring.keys[0]);
	write_ring(temporary, &ring);
	linked = link(temporary, guc_key_file);
	error = errno;
	unlink(temporary);
	if (linked != 0 && error != EEXIST)
	{
		errno = error;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create the key file: %m"),
				 errhint("Check the directory of the file that ordersync.key_file names.")));
	}
	sync_directory(guc_key_file);
}

static void
new_key(unsigned char key[KEY_SIZE])
{
	if (!pg_strong_random(key, KEY_SIZE))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes")));
}

/* Keys under that name, on disk; they are wiped. */
static void
write_ring(const char *path, KeyRing *ring)
{
	ssize_t		len = ring->n * KEY_SIZE;
	bool		written = false;
	int			error;
	int			fd;

	unlink(path);				/* of an earlier process of this number */
	fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   pg_file_create_mode & (S_IRUSR | S_IWUSR | S_IRGRP));
	errno = fd < 0 ? errno : 0;
	if (fd >= 0)
		written = write(fd, ring->keys, len) == len && pg_fsync(fd) == 0;
	error = errno != 0 ? errno : ENOSPC;
	key_ring_wipe(ring);
	if (fd >= 0)
		CloseTransientFile(fd);
	if (written)
		return;
	if (fd >= 0)
		unlink(path);
	errno = error;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not write the key file \"%s\": %m", path),
			 errhint("Check the directory of the file that ordersync.key_file names.")));
}

void
key_file_add(void)
{
	KeyRing		ring;

	read_ring_or_error(&ring);
	if (ring.n >= KEY_FILE_MAX_KEYS)
	{
		key_ring_wipe(&ring);
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the key file has %d keys already", KEY_FILE_MAX_KEYS),
				 errhint("Drop the ones that no database uses: SELECT ordersync_forget_old_keys().")));
	}
	memmove(ring.keys[1], ring.keys[0], ring.n * KEY_SIZE);
	new_key(ring.keys[0]);
	ring.n++;
	replace_file(&ring);
}

int
key_file_drop_old(void)
{
	KeyRing		ring;
	int			dropped;

	read_ring_or_error(&ring);
	dropped = ring.n - 1;
	ring.n = 1;
	if (dropped > 0)
		replace_file(&ring);
	key_ring_wipe(&ring);
	return dropped;
}

static void
read_ring_or_error(KeyRing *ring)
{
	char	   *why;

	if (key_file_read(ring, &why) != KEY_FILE_READY)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("could not read the key file"),
				 errdetail("%s.", why),
				 errhint("Check the file that ordersync.key_file names.")));
}

/* A link stays one: its target is replaced.  The keys are wiped. */
static void
replace_file(KeyRing *ring)
{
	char		target[PATH_MAX];
	char		temporary[MAXPGPATH];

	if (realpath(guc_key_file, target) == NULL)
	{
		key_ring_wipe(ring);
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find the key file \"%s\": %m", guc_key_file)));
	}
	if (snprintf(temporary, sizeof(temporary), "%s.new", target) >= (int) sizeof(temporary))
	{
		key_ring_wipe(ring);
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("the path of the key file is too long")));
	}
	write_ring(temporary, ring);
	if (rename(temporary, target) != 0)
	{
		int			error = errno;

		unlink(temporary);
		errno = error;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not replace the key file \"%s\": %m", target)));
	}
	sync_directory(target);
}

static void
sync_directory(const char *path)
{
	char		directory[MAXPGPATH];

	strlcpy(directory, path, sizeof(directory));
	get_parent_directory(directory);
	fsync_fname(directory[0] == '\0' ? "." : directory, true);
}

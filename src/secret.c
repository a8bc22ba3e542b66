/*
 * secret.c
 *	  Seals and opens secrets: AES-256-GCM, the key in a file that SQL cannot
 *	  reach.
 *
 * The key file holds 32 random bytes, mode 0600 (0640 where the data directory
 * is open to a group).  It is made when the first secret is to be sealed, and
 * only where none is sealed yet: written under another name, flushed, then
 * linked to its own, so that it is there whole or not at all, and the slower of
 * two backends takes the faster one's.  Nothing ever replaces it.
 *
 * That the file cannot be used is a state of the server, which passes; that a
 * secret does not open with it is a state of that secret, which was sealed with
 * another key.  The two are never taken for each other.
 *
 * Sealed: one byte of version, 12 of nonce, the cipher text, 16 of tag.  The
 * purpose is authenticated along with it (whose secret it is, and where it may be
 * sent), so that one shop's sealed key cannot be passed off as another's, and no
 * key goes where it was not given for.
 *
 * Sealing happens in backends and errors out; opening happens in workers, one
 * secret of a thousand may be bad, so there it is a value.  The key is read
 * anew each time and wiped: a dump of this process's memory shall not hold it
 * longer than it must.
 */
#include "compat.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "guc.h"
#include "secret.h"

#define SEALED_VERSION 2		/* 1 knew no destination */
#define KEY_SIZE 32
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define SEALED_OVERHEAD (1 + NONCE_SIZE + TAG_SIZE)

static KeyFileState read_key(unsigned char key[KEY_SIZE], char **why);
static char *key_file_problem(int fd);
static bool is_private(const struct stat *status);
static void write_key(const char *path);
static bool encrypt(const unsigned char *key, const char *purpose, const char *plain,
					size_t len, unsigned char *sealed);
static bool decrypt(const unsigned char *key, const char *purpose,
					const unsigned char *sealed, size_t len, char *plain);

void
secret_look(KeyFile *found)
{
	unsigned char key[KEY_SIZE];
	unsigned char digest[EVP_MAX_MD_SIZE];

	found->mark = 0;
	found->state = read_key(key, &found->why);
	if (found->state != KEY_FILE_READY)
		return;
	if (EVP_Digest(key, sizeof(key), digest, NULL, EVP_sha256(), NULL) == 1)
		memcpy(&found->mark, digest, sizeof(found->mark));
	OPENSSL_cleanse(key, sizeof(key));
	ERR_clear_error();
}

bytea *
secret_seal(const char *plain, size_t len, const char *purpose)
{
	unsigned char key[KEY_SIZE];
	bytea	   *sealed;
	char	   *why;
	bool		done;

	if (read_key(key, &why) != KEY_FILE_READY)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("could not seal the secret"),
				 errdetail("%s.", why),
				 errhint("Check the file that ordersync.key_file names.")));

	sealed = palloc(VARHDRSZ + len + SEALED_OVERHEAD);
	SET_VARSIZE(sealed, VARHDRSZ + len + SEALED_OVERHEAD);
	done = encrypt(key, purpose, plain, len, (unsigned char *) VARDATA(sealed));
	OPENSSL_cleanse(key, sizeof(key));
	if (!done)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not seal the secret"),
				 errdetail("The cipher AES-256-GCM failed.")));
	return sealed;
}

char *
secret_open(const bytea *sealed, const char *purpose, SecretTrouble *trouble)
{
	unsigned char key[KEY_SIZE];
	size_t		len = VARSIZE_ANY_EXHDR(sealed);
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(sealed);
	char	   *plain;
	bool		opened;

	trouble->key_file = false;
	if (len < SEALED_OVERHEAD || data[0] != SEALED_VERSION)
	{
		trouble->why = pstrdup("it is not sealed in a form that this version knows");
		return NULL;
	}
	if (read_key(key, &trouble->why) != KEY_FILE_READY)
	{
		trouble->key_file = true;
		return NULL;
	}

	plain = palloc(len - SEALED_OVERHEAD + 1);
	opened = decrypt(key, purpose, data, len, plain);
	OPENSSL_cleanse(key, sizeof(key));
	if (opened)
		return plain;
	pfree(plain);
	trouble->why = pstrdup("it was sealed with another key than the one in ordersync.key_file, or given for another destination");
	return NULL;
}

char *
secret_purpose(const char *kind, const char *name, const char *destination)
{
	return psprintf("%s/%s for %s", kind, name, destination);
}

/* The compiler may not leave it out. */
void
secret_wipe(char *plain)
{
	if (plain != NULL)
		OPENSSL_cleanse(plain, strlen(plain));
}

/* Reads the key file; why is set unless it was read.  Never errors out. */
static KeyFileState
read_key(unsigned char key[KEY_SIZE], char **why)
{
	int			fd = OpenTransientFile(guc_key_file, O_RDONLY | PG_BINARY);
	ssize_t		got;

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
		got = read(fd, key, KEY_SIZE);
		if (got != KEY_SIZE)
			*why = psprintf("the key file cannot be read: %s",
							got < 0 ? strerror(errno) : "it is too short");
	}
	CloseTransientFile(fd);
	return *why == NULL ? KEY_FILE_READY : KEY_FILE_UNUSABLE;
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
	if (status.st_size != KEY_SIZE)
		return psprintf("the key file must hold %d bytes, not %lld",
						KEY_SIZE, (long long) status.st_size);
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
secret_make_key(void)
{
	char		temporary[MAXPGPATH];
	char		directory[MAXPGPATH];
	int			linked;
	int			error;

	snprintf(temporary, sizeof(temporary), "%s.%d.tmp", guc_key_file, MyProcPid);
	write_key(temporary);
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
	strlcpy(directory, guc_key_file, sizeof(directory));
	get_parent_directory(directory);
	fsync_fname(directory[0] == '\0' ? "." : directory, true);
}

/* A new key under that name, on disk. */
static void
write_key(const char *path)
{
	unsigned char key[KEY_SIZE];
	int			fd;
	bool		written;

	if (!pg_strong_random(key, sizeof(key)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random bytes")));
	unlink(path);				/* of an earlier process of this number */
	fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
							   pg_file_create_mode & (S_IRUSR | S_IWUSR | S_IRGRP));
	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create the key file: %m"),
				 errhint("Check the directory of the file that ordersync.key_file names.")));

	errno = 0;
	written = write(fd, key, sizeof(key)) == sizeof(key) && pg_fsync(fd) == 0;
	OPENSSL_cleanse(key, sizeof(key));
	if (!written)
	{
		int			error = errno ? errno : ENOSPC;

		CloseTransientFile(fd);
		unlink(path);
		errno = error;
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write the key file: %m")));
	}
	CloseTransientFile(fd);
}

/* Writes len + SEALED_OVERHEAD bytes. */
static bool
encrypt(const unsigned char *key, const char *purpose, const char *plain,
		size_t len, unsigned char *sealed)
{
	unsigned char *nonce = sealed + 1;
	unsigned char *text = nonce + NONCE_SIZE;
	EVP_CIPHER_CTX *cipher;
	int			n;
	bool		done;

	sealed[0] = SEALED_VERSION;
	if (!pg_strong_random(nonce, NONCE_SIZE))
		return false;
	cipher = EVP_CIPHER_CTX_new();
	done = cipher != NULL &&
		EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_EncryptUpdate(cipher, NULL, &n, (const unsigned char *) purpose,
						  (int) strlen(purpose)) == 1 &&
		EVP_EncryptUpdate(cipher, text, &n, (const unsigned char *) plain, (int) len) == 1 &&
		EVP_EncryptFinal_ex(cipher, text + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, text + len) == 1;
	EVP_CIPHER_CTX_free(cipher);
	ERR_clear_error();
	return done;
}

/* Writes len - SEALED_OVERHEAD bytes and a NUL; false when the tag does not fit. */
static bool
decrypt(const unsigned char *key, const char *purpose,
		const unsigned char *sealed, size_t len, char *plain)
{
	const unsigned char *nonce = sealed + 1;
	const unsigned char *text = nonce + NONCE_SIZE;
	int			text_len = (int) (len - SEALED_OVERHEAD);
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int			n;
	bool		done;

	plain[text_len] = '\0';
	done = cipher != NULL &&
		EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_DecryptUpdate(cipher, NULL, &n, (const unsigned char *) purpose,
						  (int) strlen(purpose)) == 1 &&
		EVP_DecryptUpdate(cipher, (unsigned char *) plain, &n, text, text_len) == 1 &&
		EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
							(void *) (text + text_len)) == 1 &&
		EVP_DecryptFinal_ex(cipher, (unsigned char *) plain + n, &n) == 1;
	EVP_CIPHER_CTX_free(cipher);
	ERR_clear_error();
	return done;
}

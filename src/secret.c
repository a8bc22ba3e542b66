/*
 * secret.c
 *	  Seals and opens secrets: AES-256-GCM, the keys in a file that SQL cannot
 *	  reach.
 *
 * That the file cannot be used is a state of the server, which passes; that a
 * secret does not open with it is a state of that secret, which was sealed with
 * another key.  The two are never taken for each other.
 *
 * Sealed: one byte of version, 4 that name the key, 12 of nonce, the cipher text,
 * 16 of tag.  The purpose is authenticated along with it (whose secret it is, and
 * where it may be sent), so that one shop's sealed key cannot be passed off as
 * another's, and no key goes where it was not given for.
 *
 * Sealing happens in backends and errors out; opening happens in workers, one
 * secret of a thousand may be bad, so there it is a value.  The keys are read
 * anew each time and wiped: a dump of this process's memory shall not hold them
 * longer than it must.
 */
#include "compat.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "secret.h"

#define SEALED_VERSION 3		/* 1 knew no destination, 2 one key only */
#define ID_SIZE 4
#define NONCE_SIZE 12
#define TAG_SIZE 16
#define HEAD_SIZE (1 + ID_SIZE)
#define SEALED_OVERHEAD (HEAD_SIZE + NONCE_SIZE + TAG_SIZE)

static bytea *seal_with(const unsigned char *key, const char *plain, size_t len, const char *purpose);
static char *open_with(const KeyRing *ring, const unsigned char *data, size_t len,
					   const char *purpose, SecretTrouble *trouble);
static void write_head(const unsigned char *key, unsigned char head[HEAD_SIZE]);
static bool encrypt(const unsigned char *key, const char *purpose, const char *plain,
					size_t len, unsigned char *sealed);
static bool decrypt(const unsigned char *key, const char *purpose,
					const unsigned char *sealed, size_t len, char *plain);

void
secret_look(KeyFile *found)
{
	KeyRing		ring;
	unsigned char digest[EVP_MAX_MD_SIZE];

	memset(found, 0, sizeof(KeyFile));
	found->state = key_file_read(&ring, &found->why);
	if (found->state != KEY_FILE_READY)
		return;
	if (EVP_Digest(ring.keys, ring.n * KEY_SIZE, digest, NULL, EVP_sha256(), NULL) == 1)
		memcpy(&found->mark, digest, sizeof(found->mark));
	found->keys = ring.n;
	found->newest = key_id(ring.keys[0]);
	key_ring_wipe(&ring);
	ERR_clear_error();
}

bytea *
secret_newest_head(void)
{
	KeyRing		ring;
	bytea	   *head = NULL;
	char	   *why;

	if (key_file_read(&ring, &why) == KEY_FILE_READY)
	{
		head = palloc(VARHDRSZ + HEAD_SIZE);
		SET_VARSIZE(head, VARHDRSZ + HEAD_SIZE);
		write_head(ring.keys[0], (unsigned char *) VARDATA(head));
	}
	key_ring_wipe(&ring);
	return head;
}

bytea *
secret_seal(const char *plain, size_t len, const char *purpose)
{
	KeyRing		ring;
	bytea	   *sealed;
	char	   *why;

	if (key_file_read(&ring, &why) != KEY_FILE_READY)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("could not seal the secret"),
				 errdetail("%s.", why),
				 errhint("Check the file that ordersync.key_file names.")));

	sealed = seal_with(ring.keys[0], plain, len, purpose);
	key_ring_wipe(&ring);
	if (sealed == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not seal the secret"),
				 errdetail("The cipher AES-256-GCM failed.")));
	return sealed;
}

/* NULL when the cipher fails. */
static bytea *
seal_with(const unsigned char *key, const char *plain, size_t len, const char *purpose)
{
	bytea	   *sealed = palloc(VARHDRSZ + len + SEALED_OVERHEAD);

	SET_VARSIZE(sealed, VARHDRSZ + len + SEALED_OVERHEAD);
	return encrypt(key, purpose, plain, len, (unsigned char *) VARDATA(sealed)) ? sealed : NULL;
}

char *
secret_open(const bytea *sealed, const char *purpose, SecretTrouble *trouble)
{
	KeyRing		ring;
	size_t		len = VARSIZE_ANY_EXHDR(sealed);
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(sealed);
	char	   *plain;

	trouble->key_file = false;
	if (len < SEALED_OVERHEAD || data[0] != SEALED_VERSION)
	{
		trouble->why = pstrdup("it is not sealed in a form that this version knows");
		return NULL;
	}
	if (key_file_read(&ring, &trouble->why) != KEY_FILE_READY)
	{
		trouble->key_file = true;
		return NULL;
	}
	plain = open_with(&ring, data, len, purpose, trouble);
	key_ring_wipe(&ring);
	return plain;
}

/* With the key that it names; NULL, with the trouble, where that does not open it. */
static char *
open_with(const KeyRing *ring, const unsigned char *data, size_t len,
		  const char *purpose, SecretTrouble *trouble)
{
	char	   *plain = palloc(len - SEALED_OVERHEAD + 1);

	for (int i = 0; i < ring->n; i++)
	{
		unsigned char head[HEAD_SIZE];

		write_head(ring->keys[i], head);
		if (memcmp(head, data, HEAD_SIZE) == 0 && decrypt(ring->keys[i], purpose, data, len, plain))
			return plain;
	}
	OPENSSL_cleanse(plain, len - SEALED_OVERHEAD);	/* the right key, another purpose */
	pfree(plain);
	trouble->why = pstrdup("it was sealed with another key than the one in ordersync.key_file, or given for another destination");
	return NULL;
}

bytea *
secret_renew(const bytea *sealed, const char *purpose)
{
	KeyRing		ring;
	SecretTrouble trouble;
	size_t		len = VARSIZE_ANY_EXHDR(sealed);
	const unsigned char *data = (const unsigned char *) VARDATA_ANY(sealed);
	unsigned char head[HEAD_SIZE];
	bytea	   *renewed = NULL;
	char	   *plain;

	if (len < SEALED_OVERHEAD || key_file_read(&ring, &trouble.why) != KEY_FILE_READY)
		return NULL;
	write_head(ring.keys[0], head);
	if (memcmp(head, data, HEAD_SIZE) != 0 &&
		(plain = open_with(&ring, data, len, purpose, &trouble)) != NULL)
	{
		renewed = seal_with(ring.keys[0], plain, len - SEALED_OVERHEAD, purpose);
		secret_wipe(plain);
	}
	key_ring_wipe(&ring);
	return renewed;
}

char *
secret_seal_id(const bytea *sealed)
{
	const unsigned char *data;
	char	   *id;

	if (sealed == NULL || VARSIZE_ANY_EXHDR(sealed) < SEALED_OVERHEAD)
		return NULL;
	data = (const unsigned char *) VARDATA_ANY(sealed);
	if (data[0] != SEALED_VERSION)
		return NULL;
	id = palloc(2 * NONCE_SIZE + 1);
	for (int i = 0; i < NONCE_SIZE; i++)
		snprintf(id + 2 * i, 3, "%02x", data[HEAD_SIZE + i]);
	return id;
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

/* What stands before all that a key has sealed: the version, and which key it was. */
static void
write_head(const unsigned char *key, unsigned char head[HEAD_SIZE])
{
	uint32		id = key_id(key);

	head[0] = SEALED_VERSION;
	memcpy(head + 1, &id, ID_SIZE);
}

/* Writes len + SEALED_OVERHEAD bytes. */
static bool
encrypt(const unsigned char *key, const char *purpose, const char *plain,
		size_t len, unsigned char *sealed)
{
	unsigned char *nonce = sealed + HEAD_SIZE;
	unsigned char *text = nonce + NONCE_SIZE;
	EVP_CIPHER_CTX *cipher;
	int			n;
	bool		done;

	write_head(key, sealed);
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
	const unsigned char *nonce = sealed + HEAD_SIZE;
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

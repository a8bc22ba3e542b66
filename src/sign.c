/*
 * sign.c
 *	  Canonical form and signature of a call's parameters.
 *
 * The canonical form is every parameter of query and body with a name and a
 * value, "sign" excepted, sorted by name in byte order, name and value
 * concatenated without separators and not URL-encoded.  The secret stands on
 * both sides of it for md5 and is the key for the two HMAC forms.
 *
 * OpenSSL is called directly and not through common/hmac.h: that one registers
 * its contexts with the current resource owner, and a call is signed while no
 * transaction, hence no resource owner, exists.  MD5 may be forbidden (FIPS);
 * that is an answer here, not an error.  The canonical form holds the data key
 * and is wiped before its memory goes back.
 */
#include "compat.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "lib/stringinfo.h"

#include "sign.h"

static int	compare_params(const void *a, const void *b);
static void append_canonical(StringInfo text, const SignParam *params, int nparams);
static char *upper_hex(const unsigned char *digest, unsigned int len);

/* See sign.h. */
char *
sign_params(const char *method, const char *secret, SignParam *params, int nparams,
			const char **error)
{
	bool		plain_md5 = strcmp(method, "md5") == 0;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len = 0;
	StringInfoData text;
	bool		done;

	*error = NULL;
	if (!plain_md5 && strcmp(method, "hmac") != 0 && strcmp(method, "hmac-sha256") != 0)
	{
		*error = "unknown sign_method; known are md5, hmac and hmac-sha256";
		return NULL;
	}

	qsort(params, nparams, sizeof(SignParam), compare_params);
	initStringInfo(&text);
	if (plain_md5)
		appendStringInfoString(&text, secret);
	append_canonical(&text, params, nparams);
	if (plain_md5)
	{
		appendStringInfoString(&text, secret);
		done = EVP_Digest(text.data, text.len, digest, &digest_len, EVP_md5(), NULL) == 1;
	}
	else
		done = HMAC(strcmp(method, "hmac") == 0 ? EVP_md5() : EVP_sha256(),
					secret, (int) strlen(secret),
					(unsigned char *) text.data, text.len, digest, &digest_len) != NULL;

	OPENSSL_cleanse(text.data, text.len);
	pfree(text.data);
	if (!done)
	{
		ERR_clear_error();		/* else the next user of OpenSSL here reads it as its own */
		*error = "this server's OpenSSL refuses the digest of sign_method; use hmac-sha256";
		return NULL;
	}
	return upper_hex(digest, digest_len);
}

/* Byte order of the names; equal names keep a fixed order by value. */
static int
compare_params(const void *a, const void *b)
{
	const SignParam *x = (const SignParam *) a;
	const SignParam *y = (const SignParam *) b;
	int			order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

/* Name and value of each parameter that counts, without separators. */
static void
append_canonical(StringInfo text, const SignParam *params, int nparams)
{
	for (int i = 0; i < nparams; i++)
	{
		const SignParam *param = &params[i];

		if (param->name[0] == '\0' || param->value[0] == '\0' ||
			strcmp(param->name, "sign") == 0)
			continue;
		appendStringInfoString(text, param->name);
		appendStringInfoString(text, param->value);
	}
}

/* Upper-case hex, as the platform compares it. */
static char *
upper_hex(const unsigned char *digest, unsigned int len)
{
	static const char digits[] = "0123456789ABCDEF";
	char	   *hex = palloc(len * 2 + 1);

	for (unsigned int i = 0; i < len; i++)
	{
		hex[i * 2] = digits[digest[i] >> 4];
		hex[i * 2 + 1] = digits[digest[i] & 15];
	}
	hex[len * 2] = '\0';
	return hex;
}

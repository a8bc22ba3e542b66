/*
 * http_certificates.c
 *	  The CA certificates that gateways are verified with: where libcurl looks for
 *	  them, whether they can be read there, and what a call is told of them.
 *
 * Where they are is asked by backends, which make no call, so libcurl is not set
 * up; what it was built with it tells without.  Whether a certificate is a good
 * one is seen when a gateway is called; here a file is good that has one.
 */
#include "compat.h"

#include <curl/curl.h>
#include <sys/stat.h>

#include "storage/fd.h"

#include "guc.h"
#include "http_certificates.h"

/* Seconds for which the certificates that were read are good for further calls. */
#define CA_CACHE_S 60L

static bool has_own_file(void);
static char *file_trouble(const char *path);
static char *directory_trouble(const char *path);

/* See http_certificates.h. */
const char *
http_default_certificates(void)
{
#if LIBCURL_VERSION_NUM >= 0x074600
	/* of this form since 7.70 */
	const curl_version_info_data *built = curl_version_info(CURLVERSION_NOW);

	if (built->age >= CURLVERSION_SEVENTH)
		return built->cainfo != NULL ? built->cainfo : built->capath;
#endif
	return NULL;
}

/* See http_certificates.h. */
char *
http_certificates_trouble(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return pstrdup(errno == ENOENT ? "does not exist" : strerror(errno));
	if (S_ISDIR(status.st_mode))
		return directory_trouble(path);
	/* a pipe would be waited for */
	return S_ISREG(status.st_mode) ? file_trouble(path) : pstrdup("is not a file");
}

static char *
file_trouble(const char *path)
{
	FILE	   *file = AllocateFile(path, PG_BINARY_R);
	char		line[256];
	bool		found = false;

	if (file == NULL)
		return psprintf("cannot be read: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = strncmp(line, "-----BEGIN ", 11) == 0 && strstr(line, "CERTIFICATE-----") != NULL;
	FreeFile(file);
	return found ? NULL : pstrdup("has no certificate");
}

static char *
directory_trouble(const char *path)
{
	DIR		   *directory = AllocateDir(path);
	struct dirent *entry;
	bool		found = false;

	if (directory == NULL)
		return psprintf("cannot be read: %s", strerror(errno));
	while (!found && (entry = ReadDirExtended(directory, path, LOG)) != NULL)
		found = entry->d_name[0] != '.';
	FreeDir(directory);
	return found ? NULL : pstrdup("is empty");
}

/* See http_certificates.h. */
bool
http_set_certificates(void *easy)
{
	bool		good = true;

#define SET(option, value) \
	(good = good && curl_easy_setopt(easy, option, value) == CURLE_OK)

	SET(CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_PROXY_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	if (has_own_file())
	{
		SET(CURLOPT_CAINFO, guc_ca_file);
		SET(CURLOPT_PROXY_CAINFO, guc_ca_file);
	}
#if LIBCURL_VERSION_NUM >= 0x075700
	/* else a file that was changed would count for a day as it was */
	SET(CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
#endif
#undef SET
	return good;
}

static bool
has_own_file(void)
{
	return guc_ca_file != NULL && guc_ca_file[0] != '\0';
}

/* See http_certificates.h. */
bool
http_certificate_refused(int result)
{
	switch (result)
	{
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_ISSUER_ERROR:
		case CURLE_SSL_INVALIDCERTSTATUS:
			return true;
		default:
			return false;
	}
}

/* See http_certificates.h. */
const char *
http_describe_refusal(const char *words)
{
	if (has_own_file())
		return psprintf("%s; the certificates to check by are those of ordersync.ca_file, \"%s\"",
						words, guc_ca_file);
	return psprintf("%s; the certificates to check by are the system's, ordersync.ca_file names no others",
					words);
}

/*
 * http_certificates.c
 *	  The CA certificates that gateways are verified with: where libcurl looks for
 *	  them, and whether they can be read there.
 *
 * It is asked by backends, which make no call, so libcurl is not set up; what it
 * was built with it tells without.  Whether a certificate is a good one is seen
 * when a gateway is called; here a file is good that has one.
 */
#include "compat.h"

#include <curl/curl.h>
#include <sys/stat.h>

#include "storage/fd.h"

#include "http_certificates.h"

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

#include "io/secret_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code
secret_file_open(const char *what, const char *path, FILE **ret_file, struct err *err)
{
    struct stat status;
    enum err_code code = ERR_OK;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return ERR(err, ERR_CONFIG, "cannot read %s '%s': %s", what, path, strerror(errno));
    if (fstat(fileno(file), &status) != 0 || !S_ISREG(status.st_mode))
        code = ERR(err, ERR_CONFIG, "%s '%s' is not a regular file", what, path);
    else if (status.st_mode & 077)
        code =
            ERR(err, ERR_CONFIG, "%s '%s' can be read by others; HINT: chmod 400 it", what, path);
    else if (status.st_uid != geteuid() && status.st_uid != 0)
        code = ERR(err, ERR_CONFIG,
                   "%s '%s' belongs to account %u, which can read and change it; HINT: chown it",
                   what, path, (unsigned)status.st_uid);
    if (code) {
        (void)fclose(file);
        return code;
    }
    (void)setvbuf(file, NULL, _IONBF, 0);
    *ret_file = file;
    return ERR_OK;
}

enum err_code
secret_file_check(const char *what, const char *path, struct err *err)
{
    FILE *file = NULL;
    enum err_code code = secret_file_open(what, path, &file, err);
    if (code == ERR_OK)
        (void)fclose(file);
    return code;
}

enum err_code
secret_file_read(const char *what, const char *path, char *out, size_t size, struct err *err)
{
    FILE *file = NULL;
    enum err_code code = secret_file_open(what, path, &file, err);
    if (code)
        return code;
    bool read = fgets(out, (int)size, file) != NULL;
    bool whole = read && (strchr(out, '\n') != NULL || fgetc(file) == EOF);
    (void)fclose(file);
    out[read ? strcspn(out, "\r\n") : 0] = '\0';
    if (out[0] == '\0')
        return ERR(err, ERR_CONFIG, "%s '%s' is empty", what, path);
    return whole ? ERR_OK
                 : ERR(err, ERR_CONFIG, "%s '%s' has more than %zu characters in its first line",
                       what, path, size - 1);
}

// Debian's folder: the headers are not on the usual path.
#include <postgresql/libpq-fe.h>

// Text that lies in a buffer: it has a length, and no NUL behind it.
#pragma once
#include "limit.h"

#include <strings.h>

struct text {
    const char *start;
    size_t count;
};

/// Takes the next whole line off the front of a buffer, without its CR-LF. False where none is left.
static inline bool next_line(struct text *rest, struct text *line) {
    const char *end = rest->count > 0 ? memchr(rest->start, '\n', rest->count) : NULL;
    if (end == NULL) return false;
    size_t count = (size_t)(end - rest->start);
    *line = (struct text){rest->start, count};
    if (count > 0 && end[-1] == '\r') line->count--;
    *rest = (struct text){end + 1, rest->count - count - 1};
    return true;
}

static inline bool begins_with(struct text text, const char *head) {
    size_t count = strlen(head);
    return text.count >= count && memcmp(text.start, head, count) == 0;
}

static inline bool equals(struct text text, const char *other) {
    return text.count == strlen(other) && begins_with(text, other);
}

static inline bool equals_in_any_case(struct text text, const char *other) {
    return text.count == strlen(other) && strncasecmp(text.start, other, text.count) == 0;
}

// limit-replay JOURNAL_FOLDER: how many records a second can be read out of a journal, checked and folded.
#include "limit.h"

#include <dirent.h>

#include "fold.h"

enum { READ_RECORDS = 4096, NAME_DIGITS = 20 };

static struct fold fold;
static uint64_t record_count;
static uint64_t damaged;
static _Alignas(64) struct tick_record chunk[READ_RECORDS];

/// Whether a file's name is that of a segment: 20 digits and `.journal`.
static int is_segment(const struct dirent *entry) {
    return strspn(entry->d_name, "0123456789") == NAME_DIGITS && strcmp(entry->d_name + NAME_DIGITS, ".journal") == 0;
}

/// A record counts when its checksum matches and its position is the one of its place.
static void take(const struct tick_record *record, uint64_t position) {
    if (record->position != position || !is_whole(record)) {
        damaged++;
        return;
    }
    record_count++;
    fold_record(&fold, record);
}

/// Whether the file has its header. A damaged one does not matter: the name says the first position.
static bool has_header(int file, const char *path) {
    struct segment_header header;
    ssize_t count = pread(file, &header, sizeof header, 0);
    if (count < 0) fail_errno("read", path);
    if ((size_t)count < sizeof header) return false;
    bool is_header_whole = header.checksum == header_checksum(&header);
    if (is_header_whole && (header.version != 1 || header.record_size != sizeof(struct tick_record))) {
        fail("%s is no segment of version 1 with records of 64 bytes", path);
    }
    return true;
}

static void read_segment(int folder, const char *name) {
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail_errno("open", name);
    uint64_t position = strtoull(name, NULL, 10);
    off_t offset = sizeof(struct segment_header);
    bool is_begun = has_header(file, name);
    while (is_begun) {
        ssize_t count = pread(file, chunk, sizeof chunk, offset);
        if (count < 0) fail_errno("read", name);
        size_t whole = (size_t)count / sizeof chunk[0];
        if (whole == 0) break;
        for (size_t index = 0; index < whole; index++) take(&chunk[index], position + index);
        position += whole;
        offset += (off_t)(whole * sizeof chunk[0]);
    }
    close(file);
}

int main(int count, char **arguments) {
    if (count != 2) usage("limit-replay JOURNAL_FOLDER");
    fold_begin(&fold);

    int64_t began = monotonic_ns();
    int folder = open(arguments[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) fail_errno("open", arguments[1]);
    struct dirent **names;
    int segments = scandirat(folder, ".", &names, is_segment, alphasort);
    if (segments < 0) fail_errno("read", arguments[1]);
    for (int index = 0; index < segments; index++) read_segment(folder, names[index]->d_name);
    int64_t ended = monotonic_ns();

    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, ", record_count, seconds_between(began, ended));
    print_fold(&fold);
    printf(", \"damaged\": %" PRIu64 "}\n", damaged);
    return 0;
}

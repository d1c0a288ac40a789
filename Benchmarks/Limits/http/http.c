// limit-http requests PORT TARGETS CONNECTIONS COUNT: asks for the targets of a file, one a line, in turn, each connection
// for its next one when it has the last answer. Prints each request's nanoseconds if there is one connection.
// limit-http streams PORT TARGET CONNECTIONS: says READY when all connections are answered, reads server-sent events
// until SIGTERM, and then until nothing has come for 1.5 s; prints how many ticks each connection got, and whether all
// got the same.
//
// A client that costs little, so that the server is what is measured. The server is at 127.0.0.1.
#include "limit.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#define USAGE "limit-http requests PORT TARGETS CONNECTIONS COUNT | limit-http streams PORT TARGET CONNECTIONS"

enum { CONNECTIONS_MAX = 1024, HEAD_MAX = 8192, READ_MAX = 65536, LINE_MAX_BYTES = 1024, REQUEST_MAX = 4096, QUIET_MILLISECONDS = 1500 };

static int connect_to(int64_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || connect(file, (struct sockaddr *)&address, sizeof address) != 0) fail_errno("connect to", "the server");
    int on = 1;
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return file;
}

static void ask(int file, const char *target, size_t count, int64_t port) {
    char request[REQUEST_MAX];
    int length = snprintf(request, sizeof request, "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", (int)count, target,
                          (int)port);
    if (length < 0 || (size_t)length >= sizeof request) fail("a target is too long");
    write_all(file, request, (size_t)length, "the request");
}

static int watch(const int files[], size_t count) {
    int queue = epoll_create1(EPOLL_CLOEXEC);
    if (queue < 0) fail_errno("make", "an epoll queue");
    for (size_t index = 0; index < count; index++) {
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = index};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, files[index], &event) != 0) fail_errno("watch", "a connection");
    }
    return queue;
}

/// The bytes that a connection has now.
static size_t take(int file, char *bytes) {
    ssize_t count = read(file, bytes, READ_MAX);
    if (count < 0) fail_errno("read", "an answer");
    if (count == 0) fail("the server closed a connection");
    return (size_t)count;
}

// MARK: Heads

/// The head of an answer as far as it has come.
struct head {
    char bytes[HEAD_MAX + 1];
    size_t count;
};

/// Takes bytes up to the head's end, and returns how many. `is_whole` says whether it is there.
static size_t take_head(struct head *head, const char *bytes, size_t count, bool *is_whole) {
    *is_whole = false;
    for (size_t index = 0; index < count; index++) {
        if (head->count == HEAD_MAX) fail("the head of an answer is too long");
        head->bytes[head->count++] = bytes[index];
        if (bytes[index] != '\n' || head->count < 4 || memcmp(head->bytes + head->count - 4, "\r\n\r\n", 4) != 0) continue;
        head->bytes[head->count] = 0;
        if (strncmp(head->bytes, "HTTP/1.1 200", 12) != 0) fail("the answer is %.60s", head->bytes);
        *is_whole = true;
        return index + 1;
    }
    return count;
}

static size_t content_length(const struct head *head) {
    const char *field = strcasestr(head->bytes, "\r\ncontent-length:");
    if (field == NULL) fail("an answer has no length");
    return strtoull(field + strlen("\r\ncontent-length:"), NULL, 10);
}

// MARK: Requests

struct exchange {
    struct head head;
    int64_t began;
    /// Bytes of the body that are still to come.
    size_t left;
    bool has_head;
};

struct targets {
    const char **starts;
    size_t *counts;
    size_t count;
};

static struct targets load_targets(const char *path) {
    struct bytes file = load_file(path);
    struct targets targets = {0};
    for (size_t index = 0; index < file.count; index++) targets.count += file.start[index] == '\n';
    if (targets.count == 0) fail("%s has no targets", path);
    targets.starts = allocate(targets.count, sizeof *targets.starts);
    targets.counts = allocate(targets.count, sizeof *targets.counts);
    const char *start = file.start;
    for (size_t number = 0; number < targets.count; number++) {
        const char *end = memchr(start, '\n', file.count - (size_t)(start - file.start));
        targets.starts[number] = start;
        targets.counts[number] = (size_t)(end - start);
        start = end + 1;
    }
    return targets;
}

/// Takes bytes of an answer. Returns whether it is whole.
static bool take_answer(struct exchange *exchange, const char *bytes, size_t count, uint64_t *body) {
    if (!exchange->has_head) {
        size_t used = take_head(&exchange->head, bytes, count, &exchange->has_head);
        if (!exchange->has_head) return false;
        exchange->left = content_length(&exchange->head);
        count -= used;
    }
    if (count > exchange->left) fail("an answer is longer than its head says");
    exchange->left -= count;
    *body += count;
    return exchange->left == 0;
}

static void print_latencies(const int64_t *taken, uint64_t count) {
    printf(", \"nanoseconds\": [");
    for (uint64_t number = 0; number < count; number++) printf(number == 0 ? "%" PRId64 : ", %" PRId64, taken[number]);
    putchar(']');
}

static void measure_requests(int64_t port, struct targets targets, size_t connections, uint64_t count) {
    int *files = allocate(connections, sizeof *files);
    struct exchange *exchanges = allocate(connections, sizeof *exchanges);
    int64_t *taken = allocate(count, sizeof *taken);
    char *bytes = allocate(READ_MAX, 1);
    uint64_t asked = 0, answered = 0, body = 0;
    for (size_t index = 0; index < connections; index++) files[index] = connect_to(port);
    int queue = watch(files, connections);
    int64_t began = monotonic_ns();
    for (size_t index = 0; index < connections && asked < count; index++, asked++) {
        exchanges[index].began = monotonic_ns();
        ask(files[index], targets.starts[asked % targets.count], targets.counts[asked % targets.count], port);
    }
    while (answered < count) {
        struct epoll_event events[64];
        int ready = epoll_wait(queue, events, 64, 10000);
        if (ready == 0) fail("no answer within 10 s");
        for (int place = 0; place < ready; place++) {
            struct exchange *exchange = &exchanges[events[place].data.u64];
            int file = files[events[place].data.u64];
            if (!take_answer(exchange, bytes, take(file, bytes), &body)) continue;
            taken[answered++] = monotonic_ns() - exchange->began;
            if (asked >= count) continue;
            *exchange = (struct exchange){.began = monotonic_ns()};
            ask(file, targets.starts[asked % targets.count], targets.counts[asked % targets.count], port);
            asked++;
        }
    }
    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, \"bytes\": %" PRIu64, answered,
           seconds_between(began, monotonic_ns()), body / answered);
    if (connections == 1) print_latencies(taken, answered);
    puts("}");
}

// MARK: Streams

/// What one client has heard.
struct listener {
    struct head head;
    bool has_head;
    /// The chunk's size as far as its line has come; -1 within its bytes and the line end behind them.
    long size;
    size_t chunk_left;
    char line[LINE_MAX_BYTES];
    size_t line_count;
    bool is_tick;
    uint64_t ticks, hash;
    char first[LINE_MAX_BYTES], last[LINE_MAX_BYTES];
    /// When each tick came, ns since 1970; only of some listeners.
    int64_t *moments;
    size_t moment_capacity;
};

static void note_moment(struct listener *listener) {
    if (listener->ticks == listener->moment_capacity) {
        listener->moment_capacity *= 2;
        listener->moments = realloc(listener->moments, listener->moment_capacity * sizeof *listener->moments);
        if (listener->moments == NULL) fail("out of memory");
    }
    listener->moments[listener->ticks] = clock_ns(CLOCK_REALTIME);
}

static void end_line(struct listener *listener) {
    listener->line[listener->line_count] = 0;
    if (strncmp(listener->line, "event: ", 7) == 0) {
        listener->is_tick = strcmp(listener->line + 7, "tick") == 0;
    } else if (listener->is_tick && strncmp(listener->line, "data: ", 6) == 0) {
        for (size_t index = 6; index < listener->line_count; index++) {
            listener->hash = (listener->hash ^ (uint8_t)listener->line[index]) * UINT64_C(1099511628211);
        }
        if (listener->ticks == 0) strcpy(listener->first, listener->line + 6);
        strcpy(listener->last, listener->line + 6);
        if (listener->moments != NULL) note_moment(listener);
        listener->ticks++;
        listener->is_tick = false;
    }
    listener->line_count = 0;
}

static void take_text(struct listener *listener, const char *bytes, size_t count) {
    for (size_t index = 0; index < count; index++) {
        if (bytes[index] == '\n') {
            end_line(listener);
        } else if (listener->line_count < LINE_MAX_BYTES - 1) {
            listener->line[listener->line_count++] = bytes[index];
        }
    }
}

static int digit(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    if ((byte | 32) >= 'a' && (byte | 32) <= 'f') return (byte | 32) - 'a' + 10;
    return -1;
}

/// Takes chunks: a size in hexadecimal and a line end, so many bytes, a line end.
static void take_chunks(struct listener *listener, const char *bytes, size_t count) {
    while (count > 0) {
        if (listener->chunk_left > 2) {
            size_t part = listener->chunk_left - 2 < count ? listener->chunk_left - 2 : count;
            take_text(listener, bytes, part);
            listener->chunk_left -= part;
            bytes += part;
            count -= part;
            continue;
        }
        char byte = *bytes++;
        count--;
        if (listener->chunk_left > 0) {
            listener->chunk_left--;
        } else if (byte == '\n') {
            listener->chunk_left = (size_t)listener->size + 2;
            if (listener->size == 0) fail("the server ended a stream");
            listener->size = 0;
        } else if (digit(byte) >= 0) {
            listener->size = listener->size * 16 + digit(byte);
        }
    }
}

static void print_listeners(const struct listener *listeners, size_t count) {
    uint64_t least = UINT64_MAX, most = 0;
    bool are_equal = true;
    for (size_t index = 0; index < count; index++) {
        if (listeners[index].ticks < least) least = listeners[index].ticks;
        if (listeners[index].ticks > most) most = listeners[index].ticks;
        are_equal = are_equal && listeners[index].hash == listeners[0].hash;
    }
    printf("{\"streams\": %zu, \"least\": %" PRIu64 ", \"most\": %" PRIu64 ", \"equal\": %s", count, least, most,
           are_equal ? "true" : "false");
    if (most > 0) printf(", \"first\": %s, \"last\": %s", listeners[0].first, listeners[0].last);
    for (size_t place = 0; place < 2; place++) {
        const struct listener *listener = &listeners[place == 0 ? 0 : count - 1];
        printf(", \"moments%zu\": [", place);
        for (uint64_t tick = 0; tick < listener->ticks; tick++) {
            printf(tick == 0 ? "%" PRId64 : ", %" PRId64, listener->moments[tick]);
        }
        putchar(']');
    }
    puts("}");
}

static void say_ready(void) {
    puts("READY");
    fflush(stdout);
}

static void listen_to(int64_t port, const char *target, size_t connections) {
    int *files = allocate(connections, sizeof *files);
    struct listener *listeners = allocate(connections, sizeof *listeners);
    char *bytes = allocate(READ_MAX, 1);
    for (size_t index = 0; index < connections; index++) {
        files[index] = connect_to(port);
        ask(files[index], target, strlen(target), port);
        listeners[index].hash = UINT64_C(14695981039346656037);
        if (index > 0 && index + 1 < connections) continue;
        listeners[index].moment_capacity = 4096;
        listeners[index].moments = allocate(listeners[index].moment_capacity, sizeof *listeners[index].moments);
    }
    int queue = watch(files, connections);
    size_t answered = 0;
    // After the signal too, as long as something comes.
    for (int ready = 0; !is_stopping || ready != 0;) {
        struct epoll_event events[64];
        ready = epoll_wait(queue, events, 64, QUIET_MILLISECONDS);
        for (int place = 0; place < ready; place++) {
            struct listener *listener = &listeners[events[place].data.u64];
            size_t count = take(files[events[place].data.u64], bytes), used = 0;
            if (!listener->has_head) {
                used = take_head(&listener->head, bytes, count, &listener->has_head);
                if (listener->has_head && ++answered == connections) say_ready();
            }
            take_chunks(listener, bytes + used, count - used);
        }
    }
    print_listeners(listeners, connections);
}

int main(int count, char **arguments) {
    if (count < 5) usage(USAGE);
    int64_t port = number_argument(arguments[2], 1, 65535, USAGE);
    stop_on_signals();
    if (strcmp(arguments[1], "requests") == 0 && count == 6) {
        size_t connections = (size_t)number_argument(arguments[4], 1, CONNECTIONS_MAX, USAGE);
        uint64_t requests = (uint64_t)number_argument(arguments[5], 1, 100000000, USAGE);
        measure_requests(port, load_targets(arguments[3]), connections, requests);
    } else if (strcmp(arguments[1], "streams") == 0 && count == 5) {
        listen_to(port, arguments[3], (size_t)number_argument(arguments[4], 1, CONNECTIONS_MAX, USAGE));
    } else {
        usage(USAGE);
    }
    return 0;
}

// limit-feed PORT_FILE LINES.txt RATE|max [LINES_A_FRAME] [SECONDS]: a Lightstreamer server that plays update lines to
// one client, at so many ticks a second or as fast as it takes them.
//
// Listens on 127.0.0.1 and writes the port to PORT_FILE. Plays once the client has subscribed to the heartbeat
// (subscription 1) and to every item of the file; at a rate, PORT_FILE.sent then says when each tick was sent, in ns of
// CLOCK_MONOTONIC, one a line. Afterwards it keeps the session alive until the client leaves or a signal comes.
#include "limit.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <poll.h>
#include <sys/prctl.h>

#include "tlcp.h"
#include "websocket.h"

#define USAGE "limit-feed PORT_FILE LINES.txt RATE|max [LINES_A_FRAME] [SECONDS]"

enum { BURST_BYTES_MAX = 65536, REQUEST_MAX = 50000, REPLY_MAX = 16384, REPLY_LINE_MAX = 256, LIST_MAX = 2048 };

// MARK: Script

/// What goes out with one call.
struct burst {
    /// Where it ends in the script's bytes.
    size_t end;
    uint32_t ticks;
};

/// All frames, made beforehand: the server shall not be what is measured.
struct script {
    uint8_t *bytes;
    size_t count, capacity;
    struct burst *bursts;
    size_t burst_count, burst_capacity;
    uint64_t ticks;
    unsigned items;
    /// Gathers several frames in a burst.
    bool is_gathered;
};

static void *grown(void *memory, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) return memory;
    *capacity = needed * 2 < 4096 ? 4096 : needed * 2;
    memory = realloc(memory, *capacity * size);
    if (memory == NULL) fail("out of memory");
    return memory;
}

static void add_frame(struct script *script, const char *lines, size_t count) {
    size_t needed = script->count + FRAME_HEADER_MAX + count;
    script->bytes = grown(script->bytes, &script->capacity, needed, 1);
    script->count += write_frame_header(script->bytes + script->count, OPCODE_TEXT, count);
    memcpy(script->bytes + script->count, lines, count);
    script->count += count;
}

static void add_heartbeat(struct script *script, int64_t second) {
    char line[64];
    int count = snprintf(line, sizeof line, "U,%d,1,%" PRId64 "\r\n", HEARTBEAT_SUBSCRIPTION, second * 1000);
    add_frame(script, line, (size_t)count);
}

/// Ends a burst behind what was added, or adds that to the burst before.
static void end_burst(struct script *script, uint32_t ticks) {
    size_t last = script->burst_count;
    size_t last_start = last > 1 ? script->bursts[last - 2].end : 0;
    script->ticks += ticks;
    if (script->is_gathered && last > 0 && script->count - last_start <= BURST_BYTES_MAX) {
        script->bursts[last - 1].end = script->count;
        script->bursts[last - 1].ticks += ticks;
        return;
    }
    script->bursts = grown(script->bursts, &script->burst_capacity, last + 1, sizeof *script->bursts);
    script->bursts[script->burst_count++] = (struct burst){script->count, ticks};
}

static unsigned count_known(const struct subscription items[SUBSCRIPTIONS_MAX]) {
    unsigned count = 0;
    for (int number = 0; number < SUBSCRIPTIONS_MAX; number++) count += items[number].is_known;
    return count;
}

/// Makes frames of so many lines, with a heartbeat between them where a new second of the ticks' time has begun.
static struct script make_script(const char *path, uint32_t lines_a_frame, bool is_gathered) {
    static struct subscription items[SUBSCRIPTIONS_MAX];
    struct script script = {.is_gathered = is_gathered};
    struct bytes file = load_file(path);
    struct text rest = {file.start, file.count}, line;
    struct tick_record tick;
    const char *frame = file.start;
    uint32_t gathered = 0;
    int64_t heartbeat = 0;
    while (next_line(&rest, &line)) {
        if (!read_tick(items, line, 0, &tick)) fail("%s has no tick in %.*s", path, (int)line.count, line.start);
        if (gathered == 0 && tick.broker_time / NS_PER_SECOND > heartbeat) {
            heartbeat = tick.broker_time / NS_PER_SECOND;
            add_heartbeat(&script, heartbeat);
        }
        if (++gathered < lines_a_frame) continue;
        add_frame(&script, frame, (size_t)(rest.start - frame));
        end_burst(&script, gathered);
        frame = rest.start;
        gathered = 0;
    }
    if (gathered > 0) {
        add_frame(&script, frame, (size_t)(rest.start - frame));
        end_burst(&script, gathered);
    }
    script.items = count_known(items);
    free(file.start);
    return script;
}

// MARK: Session

struct session {
    struct inbox inbox;
    bool is_open;
    bool is_subscribed[SUBSCRIPTIONS_MAX];
    unsigned subscriptions;
    char reply[REPLY_MAX];
    size_t reply_count;
};

static void send_reply(struct session *session) {
    if (session->reply_count == 0) return;
    session->is_open = send_frame(session->inbox.socket, OPCODE_TEXT, session->reply, session->reply_count);
    session->reply_count = 0;
}

/// Adds a line to the present reply.
__attribute__((format(printf, 2, 3))) static void reply(struct session *session, const char *format, ...) {
    if (session->reply_count + REPLY_LINE_MAX > REPLY_MAX) send_reply(session);
    va_list values;
    va_start(values, format);
    int count = vsnprintf(session->reply + session->reply_count, REPLY_LINE_MAX - 2, format, values);
    va_end(values);
    session->reply_count += (size_t)(count < REPLY_LINE_MAX - 3 ? count : REPLY_LINE_MAX - 3);
    session->reply[session->reply_count++] = '\r';
    session->reply[session->reply_count++] = '\n';
}

static void close_session(struct session *session) {
    send_reply(session);
    if (session->is_open) send_frame(session->inbox.socket, OPCODE_CLOSE, "\x03\xE8", 2);
    session->is_open = false;
}

// MARK: Requests

/// Copies a percent-decoded value. False where it does not fit.
static bool decode(struct text value, char *decoded, size_t size) {
    size_t count = 0;
    for (size_t at = 0; at < value.count; at++) {
        if (count + 1 >= size) return false;
        char character = value.start[at];
        if (character == '%' && at + 2 < value.count) {
            char digits[3] = {value.start[at + 1], value.start[at + 2], 0};
            character = (char)strtol(digits, NULL, 16);
            at += 2;
        }
        decoded[count++] = character;
    }
    decoded[count] = 0;
    return true;
}

/// Looks for a parameter in a line such as `a=1&b=2`; empty where it is missing or does not fit.
static bool parameter(struct text line, const char *name, char *value, size_t size) {
    size_t name_count = strlen(name);
    value[0] = 0;
    while (line.count > 0) {
        const char *ampersand = memchr(line.start, '&', line.count);
        size_t count = ampersand != NULL ? (size_t)(ampersand - line.start) : line.count;
        if (count > name_count && memcmp(line.start, name, name_count) == 0 && line.start[name_count] == '=') {
            return decode((struct text){line.start + name_count + 1, count - name_count - 1}, value, size);
        }
        size_t taken = ampersand != NULL ? count + 1 : count;
        line = (struct text){line.start + taken, line.count - taken};
    }
    return false;
}

static unsigned count_words(const char *text) {
    unsigned count = 0;
    for (bool is_inside = false; *text != 0; text++) {
        if (*text != ' ' && !is_inside) count++;
        is_inside = *text != ' ';
    }
    return count;
}

static void subscribe(struct session *session, struct text line, const char *request, uint64_t subscription) {
    char items[LIST_MAX], fields[LIST_MAX], mode[16], snapshot[16], acknowledge[8];
    if (subscription < 1 || subscription >= SUBSCRIPTIONS_MAX ||
        !parameter(line, "LS_group", items, sizeof items) || !parameter(line, "LS_schema", fields, sizeof fields) ||
        !parameter(line, "LS_mode", mode, sizeof mode)) {
        reply(session, "REQERR,%s,21,Invalid group", request);
        return;
    }
    parameter(line, "LS_snapshot", snapshot, sizeof snapshot);
    parameter(line, "LS_ack", acknowledge, sizeof acknowledge);
    session->subscriptions += !session->is_subscribed[subscription];
    session->is_subscribed[subscription] = true;

    unsigned item_count = count_words(items);
    if (strcmp(acknowledge, "false") != 0) reply(session, "REQOK,%s", request);
    reply(session, "SUBOK,%" PRIu64 ",%u,%u", subscription, item_count, count_words(fields));
    reply(session, "CONF,%" PRIu64 ",unlimited,filtered", subscription);
    bool has_snapshot = snapshot[0] != 0 && strcmp(snapshot, "false") != 0;
    if (!has_snapshot || strcmp(mode, "DISTINCT") != 0) return;
    for (unsigned item = 1; item <= item_count; item++) reply(session, "EOS,%" PRIu64 ",%u", subscription, item);
}

static bool is_request_id(const char *text) {
    if (*text == 0) return false;
    while (isalnum((unsigned char)*text)) text++;
    return *text == 0;
}

static void control(struct session *session, struct text line) {
    char request[32], operation[32], subscription_text[16];
    parameter(line, "LS_reqId", request, sizeof request);
    parameter(line, "LS_op", operation, sizeof operation);
    parameter(line, "LS_subId", subscription_text, sizeof subscription_text);
    uint64_t subscription = strtoull(subscription_text, NULL, 10);
    if (!is_request_id(request)) {
        reply(session, "ERROR,67,Malformed request");
    } else if (strcmp(operation, "add") == 0) {
        subscribe(session, line, request, subscription);
    } else if (strcmp(operation, "delete") == 0) {
        reply(session, "REQOK,%s", request);
        reply(session, "UNSUB,%" PRIu64, subscription);
    } else if (strcmp(operation, "destroy") == 0) {
        reply(session, "REQOK,%s", request);
        reply(session, "END,31,Destroy invoked by client");
        close_session(session);
    } else {
        reply(session, "REQERR,%s,65,Not supported here", request);
    }
}

static void open_session(struct session *session) {
    reply(session, "CONOK,S1,%d,5000,*", REQUEST_MAX);
    reply(session, "SERVNAME,limit-feed");
    reply(session, "CLIENTIP,127.0.0.1");
    reply(session, "CONS,unlimited");
}

/// A message: the request's name, then a line of parameters for each request.
static void take_message(struct session *session, struct text message) {
    struct text name, line;
    bool has_lines = next_line(&message, &name);
    if (!has_lines) name = message;
    if (equals(name, "wsok")) {
        reply(session, "WSOK");
    } else if (equals(name, "create_session")) {
        open_session(session);
    } else if (equals(name, "bind_session")) {
        reply(session, "CONERR,20,Session not found");
    } else if (equals(name, "control")) {
        while (session->is_open && next_line(&message, &line)) {
            if (line.count > 0) control(session, line);
        }
        if (session->is_open && message.count > 0) control(session, message);
    } else if (!equals(name, "heartbeat")) {
        reply(session, "ERROR,67,Unknown request");
    }
}

static void take_frame(struct session *session, const struct frame *frame) {
    switch (frame->opcode) {
    case OPCODE_TEXT:
        if (!frame->is_last) fail("the client sends messages in parts");
        take_message(session, (struct text){(const char *)frame->payload, frame->payload_count});
        break;
    case OPCODE_PING:
        session->is_open = frame->payload_count <= CONTROL_PAYLOAD_MAX &&
                           send_frame(session->inbox.socket, OPCODE_PONG, frame->payload, frame->payload_count);
        break;
    case OPCODE_PONG: break;
    case OPCODE_CLOSE: close_session(session); break;
    default: fail("the client sends frames of kind %u", frame->opcode);
    }
}

/// Takes all whole frames of the inbox, and answers.
static void take_frames(struct session *session) {
    struct inbox *inbox = &session->inbox;
    struct frame frame;
    enum frame_state state = FRAME_WHOLE;
    while (session->is_open) {
        state = read_frame(inbox->bytes, inbox->count, true, REQUEST_MAX, &frame);
        if (state != FRAME_WHOLE) break;
        take_frame(session, &frame);
        consume(inbox, frame.count);
    }
    if (state == FRAME_WRONG) fail("the client's frames cannot be read");
    if (session->is_open) send_reply(session);
}

/// Waits so long for a request of the client, and answers it.
static void serve(struct session *session, int64_t pause_ns) {
    struct timespec pause = {pause_ns / NS_PER_SECOND, pause_ns % NS_PER_SECOND};
    struct pollfd item = {.fd = session->inbox.socket, .events = POLLIN};
    if (ppoll(&item, 1, &pause, NULL) <= 0) return;
    enum receipt receipt = receive_some(&session->inbox, SIZE_MAX);
    if (receipt == RECEIPT_BYTES) take_frames(session);
    if (receipt == RECEIPT_END) session->is_open = false;
}

static bool goes_on(const struct session *session) { return session->is_open && !is_stopping; }

// MARK: Playing

struct pace {
    /// Ticks a second; 0: as fast as they are taken.
    int64_t rate;
    int64_t nanoseconds_max;
};

struct outcome {
    uint64_t ticks;
    int64_t began, ended;
    /// When each tick was sent, where there is a rate.
    int64_t *moments;
};

/// When a tick is due: counted from the beginning, so that no delay adds up.
static int64_t due(int64_t began, uint64_t tick, int64_t rate) {
    if (rate == 0) return began;
    uint64_t whole = tick / (uint64_t)rate, part = tick % (uint64_t)rate;
    return began + (int64_t)(whole * NS_PER_SECOND + part * NS_PER_SECOND / (uint64_t)rate);
}

static void serve_until(struct session *session, int64_t moment) {
    int64_t pause;
    do {
        pause = moment - monotonic_ns();
        serve(session, pause > 0 ? pause : 0);
    } while (goes_on(session) && monotonic_ns() < moment);
}

static struct outcome play(struct session *session, const struct script *script, struct pace pace) {
    struct outcome outcome = {.moments = pace.rate > 0 ? allocate(script->ticks, sizeof(int64_t)) : NULL};
    outcome.began = outcome.ended = monotonic_ns();
    size_t start = 0;
    for (size_t index = 0; index < script->burst_count; index++) {
        struct burst burst = script->bursts[index];
        int64_t moment = due(outcome.began, outcome.ticks, pace.rate);
        if (moment - outcome.began >= pace.nanoseconds_max) break;
        serve_until(session, moment);
        int64_t now = monotonic_ns();
        if (!goes_on(session) || now - outcome.began >= pace.nanoseconds_max) break;
        session->is_open = send_all(session->inbox.socket, script->bytes + start, burst.end - start);
        if (!session->is_open) break;
        for (uint32_t tick = 0; outcome.moments != NULL && tick < burst.ticks; tick++) {
            outcome.moments[outcome.ticks + tick] = now;
        }
        outcome.ticks += burst.ticks;
        start = burst.end;
    }
    outcome.ended = monotonic_ns();
    return outcome;
}

/// Says `PROBE` each second while the client stays.
static void keep_alive(struct session *session) {
    while (goes_on(session)) {
        serve_until(session, monotonic_ns() + NS_PER_SECOND);
        if (!goes_on(session)) break;
        reply(session, "PROBE");
        send_reply(session);
    }
}

// MARK: Files and sockets

/// Writes a file that appears when it is whole.
static void write_numbers(const char *path, const char *suffix, const int64_t *numbers, uint64_t count) {
    char name[4096], draft[4096 + 8];
    int length = snprintf(name, sizeof name, "%s%s", path, suffix);
    if (length >= (int)sizeof name) fail("the name %s is too long", path);
    snprintf(draft, sizeof draft, "%s.part", name);
    FILE *file = fopen(draft, "we");
    if (file == NULL) fail_errno("make", draft);
    for (uint64_t index = 0; index < count; index++) fprintf(file, "%" PRId64 "\n", numbers[index]);
    if (fclose(file) != 0) fail_errno("write", draft);
    if (rename(draft, name) != 0) fail_errno("make", name);
}

/// Listens on a port that the system chooses, and writes it down.
static int listen_locally(const char *port_file) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0) fail_errno("make", "a socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        fail_errno("listen on", "127.0.0.1");
    }
    int64_t port = ntohs(address.sin_port);
    write_numbers(port_file, "", &port, 1);
    return listener;
}

/// Waits for a client that asks for a WebSocket, and turns others away. False where a stop was asked for.
static bool wait_for_client(int listener, struct session *session) {
    struct pollfd item = {.fd = listener, .events = POLLIN};
    session->inbox = make_inbox(-1, REQUEST_MAX + FRAME_HEADER_MAX);
    while (!is_stopping) {
        if (poll(&item, 1, 1000) <= 0) continue;
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0) continue;
        set_up_socket(client);
        session->inbox.socket = client;
        session->inbox.count = 0;
        session->is_open = accept_websocket(&session->inbox);
        if (session->is_open) return true;
        close(client);
    }
    return false;
}

/// Answers requests until all subscriptions are there. False where the client left before, or a stop was asked for.
static bool wait_for_subscriptions(struct session *session, unsigned wanted) {
    take_frames(session);
    while (goes_on(session) && session->subscriptions < wanted) serve(session, NS_PER_SECOND);
    return goes_on(session);
}

int main(int count, char **arguments) {
    if (count < 4 || count > 6) usage(USAGE);
    struct pace pace = {.nanoseconds_max = INT64_MAX};
    if (strcmp(arguments[3], "max") != 0) pace.rate = number_argument(arguments[3], 1, 10000000, USAGE);
    uint32_t lines = count > 4 ? (uint32_t)number_argument(arguments[4], 1, 1000, USAGE) : 1;
    if (count > 5) pace.nanoseconds_max = number_argument(arguments[5], 1, 1000000, USAGE) * NS_PER_SECOND;
    stop_on_signals();
    // Sleeps end when they should, not up to 50 µs later.
    prctl(PR_SET_TIMERSLACK, 1UL);

    struct script script = make_script(arguments[2], lines, pace.rate == 0);
    int listener = listen_locally(arguments[1]);
    static struct session session;
    if (!wait_for_client(listener, &session)) return 0;
    close(listener);
    if (!wait_for_subscriptions(&session, script.items + 1)) {
        if (!is_stopping) fail("the client left with %u of %u subscriptions", session.subscriptions, script.items + 1);
        return 0;
    }

    struct outcome outcome = play(&session, &script, pace);
    if (outcome.moments != NULL) write_numbers(arguments[1], ".sent", outcome.moments, outcome.ticks);
    double seconds = seconds_between(outcome.began, outcome.ended);
    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f}\n", outcome.ticks, seconds);
    fflush(stdout);
    keep_alive(&session);
    close_session(&session);
    return 0;
}

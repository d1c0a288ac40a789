#include "chain.h"

#include <netdb.h>
#include <sys/random.h>

#include "bus.h"
#include "tlcp.h"
#include "websocket.h"

enum {
    /// What one read takes, and what one write of the journal takes.
    READ_BYTES = 262144,
    BURST_RECORDS = 4096,
    FRAME_BYTES_MAX = 1 << 20,
    LINE_BYTES_MAX = 4096,
    CONTROL_BYTES_MAX = 16384,
};

static struct bus bus;
static struct inbox inbox;
static int journal;
static const char *journal_path;

static struct subscription items[SUBSCRIPTIONS_MAX];
static struct tick_record burst[BURST_RECORDS];
static size_t gathered;
static uint64_t position;
static int64_t receive_time;

/// The beginning of a line whose end has not come.
static char unfinished[LINE_BYTES_MAX];
static size_t unfinished_count;

static uint64_t ticks, refused;
static int64_t began, ended;

// MARK: Journal and bus

static void open_journal(const char *path) {
    journal_path = path;
    journal = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
    if (journal < 0) fail_errno("make", path);
    struct segment_header header = segment_header(1);
    write_all(journal, &header, sizeof header, path);
}

/// Ends the burst: one write, then each record goes out.
static void commit(void) {
    if (gathered == 0) return;
    write_all(journal, burst, gathered * sizeof burst[0], journal_path);
    for (size_t index = 0; index < gathered; index++) bus_send(&bus, &burst[index]);
    gathered = 0;
}

/// Takes the record that was made at the end of the burst.
static void append(void) {
    seal(&burst[gathered], ++position);
    if (++gathered == BURST_RECORDS) commit();
}

// MARK: Requests

static void send_message(char *message, size_t count) {
    uint8_t mask[4];
    if (getrandom(mask, sizeof mask, 0) != sizeof mask) fail_errno("make", "a mask");
    if (!send_masked(inbox.socket, OPCODE_TEXT, message, count, mask)) fail("the server left");
}

static void create_session(void) {
    char proof[] = "wsok";
    char request[] =
        "create_session\r\nLS_adapter_set=DEFAULT&LS_cid=mgQkwtwdysogQz2BJ4Ji%20kOj2Bg&LS_supported_diffs=&"
        "LS_send_sync=false";
    send_message(proof, sizeof proof - 1);
    send_message(request, sizeof request - 1);
}

/// Asks for the heartbeat and the ticks of all pairs, in one message.
static void subscribe(void) {
    static char message[CONTROL_BYTES_MAX];
    size_t count = (size_t)snprintf(
        message, sizeof message,
        "control\r\nLS_reqId=1&LS_op=add&LS_subId=%d&LS_mode=MERGE&LS_group=TRADE%%3AHB.U.HEARTBEAT.IP&"
        "LS_schema=HEARTBEAT&LS_snapshot=true",
        HEARTBEAT_SUBSCRIPTION);
    for (int number = FIRST_TICK_SUBSCRIPTION; number < FIRST_TICK_SUBSCRIPTION + CROSSES; number++) {
        const char *pair = items[number].pair;
        count += (size_t)snprintf(
            message + count, sizeof message - count,
            "\r\nLS_reqId=%d&LS_op=add&LS_subId=%d&LS_mode=DISTINCT&LS_group=CHART%%3ACS.D.%.3s%.3s.CFD.IP%%3ATICK&"
            "LS_schema=BID%%20OFR%%20UTM&LS_snapshot=true",
            number, number, pair, pair + 4);
        if (count >= sizeof message) fail("the subscriptions are too long for a message");
    }
    send_message(message, count);
}

// MARK: Lines

/// Reads a heartbeat, seconds or milliseconds since 1970, into a clock record. False where the line is none.
static bool read_heartbeat(struct text line, struct tick_record *clock) {
    if (!begins_with(line, "U,1,1,")) return false;
    const char *end = line.start + line.count;
    uint64_t value;
    if (read_whole(line.start + 6, end, 15, &value) != end) return false;
    uint64_t millis = value < UINT64_C(100000000000) ? value * 1000 : value;
    if (millis >= UINT64_C(4102444800000)) return false;
    *clock = (struct tick_record){
        .kind = KIND_CLOCK,
        .broker_time = (int64_t)millis * NS_PER_MILLISECOND,
        .receive_time = receive_time,
    };
    return true;
}

/// What is no tick.
static void take_other(struct text line) {
    static const char *const failures[] = {"CONERR,", "END,", "REQERR,", "ERROR,", "LOOP,"};
    if (read_heartbeat(line, &burst[gathered])) {
        append();
    } else if (begins_with(line, "CONOK,")) {
        subscribe();
    } else if (is_update(line)) {
        refused++;
    }
    for (size_t index = 0; index < sizeof failures / sizeof failures[0]; index++) {
        if (begins_with(line, failures[index])) fail("the server says %.*s", (int)line.count, line.start);
    }
}

static void take_line(struct text line) {
    if (read_tick(items, line, receive_time, &burst[gathered])) {
        ticks++;
        append();
    } else {
        take_other(line);
    }
}

/// Keeps the end of some text for the text that follows.
static void keep_unfinished(struct text part) {
    if (part.count > sizeof unfinished - unfinished_count) fail("a line is longer than %d bytes", LINE_BYTES_MAX);
    if (part.count > 0) memcpy(unfinished + unfinished_count, part.start, part.count);
    unfinished_count += part.count;
}

/// Takes a piece of the stream: where messages end does not matter to lines.
static void take_text(struct text rest) {
    struct text line;
    const char *end = unfinished_count > 0 && rest.count > 0 ? memchr(rest.start, '\n', rest.count) : NULL;
    if (end != NULL) {
        size_t count = (size_t)(end + 1 - rest.start);
        keep_unfinished((struct text){rest.start, count});
        rest = (struct text){rest.start + count, rest.count - count};
        struct text whole = {unfinished, unfinished_count};
        if (next_line(&whole, &line)) take_line(line);
        unfinished_count = 0;
    }
    while (unfinished_count == 0 && next_line(&rest, &line)) take_line(line);
    keep_unfinished(rest);
}

// MARK: Frames

/// False where the server closes.
static bool take_frame(const struct frame *frame) {
    switch (frame->opcode) {
    case OPCODE_TEXT:
    case OPCODE_CONTINUATION:
        take_text((struct text){(const char *)frame->payload, frame->payload_count});
        return true;
    case OPCODE_PING: {
        uint8_t mask[4] = {0};
        return send_masked(inbox.socket, OPCODE_PONG, frame->payload, frame->payload_count, mask);
    }
    case OPCODE_PONG: return true;
    case OPCODE_CLOSE: return false;
    default: fail("the server sends frames of kind %u", frame->opcode);
    }
}

/// Takes all whole frames of the inbox. False where the server closes.
static bool take_frames(void) {
    size_t used = 0;
    struct frame frame;
    enum frame_state state = FRAME_WHOLE;
    bool goes_on = true;
    while (goes_on) {
        state = read_frame(inbox.bytes + used, inbox.count - used, false, FRAME_BYTES_MAX, &frame);
        if (state != FRAME_WHOLE) break;
        used += frame.count;
        goes_on = take_frame(&frame);
    }
    if (state == FRAME_WRONG) fail("the server's frames cannot be read");
    consume(&inbox, used);
    return goes_on;
}

/// Takes what has come, and ends the burst. False where the server closes.
static bool take_burst(void) {
    uint64_t ticks_before = ticks;
    int64_t now = monotonic_ns();
    receive_time = clock_ns(CLOCK_REALTIME);
    bool goes_on = take_frames();
    commit();
    if (ticks == ticks_before) return goes_on;
    if (ticks_before == 0) began = now;
    ended = monotonic_ns();
    return goes_on;
}

static void stream(void) {
    bool goes_on = inbox.count == 0 || take_burst();
    while (goes_on && !is_stopping) {
        enum receipt receipt = receive_some(&inbox, READ_BYTES);
        goes_on = receipt == RECEIPT_NOTHING || (receipt == RECEIPT_BYTES && take_burst());
    }
}

// MARK: Connecting

static int connect_to(const char *host, const char *port) {
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *addresses;
    int code = getaddrinfo(host, port, &hints, &addresses);
    if (code != 0) fail("cannot find %s: %s", host, gai_strerror(code));
    for (struct addrinfo *address = addresses; address != NULL; address = address->ai_next) {
        int connection = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
        if (connection >= 0 && connect(connection, address->ai_addr, address->ai_addrlen) == 0) {
            freeaddrinfo(addresses);
            return connection;
        }
        if (connection >= 0) close(connection);
    }
    fail_errno("connect to", host);
}

void run_ingest(const char *host, const char *port, const char *endpoint, const char *path) {
    name_subscriptions(items);
    open_journal(path);
    bus_bind(&bus, endpoint);
    if (!bus_wait_for_reader(&bus)) return;

    uint8_t nonce[16];
    if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce) fail_errno("make", "a key");
    inbox = make_inbox(connect_to(host, port), FRAME_BYTES_MAX + FRAME_HEADER_MAX + READ_BYTES);
    set_up_socket(inbox.socket);
    if (!request_websocket(&inbox, host, port, nonce)) fail("%s:%s does not open a WebSocket", host, port);
    create_session();
    stream();

    close(inbox.socket);
    bus_wait_for_end_of_reader(&bus);
    bus_close(&bus);
    if (close(journal) != 0) fail_errno("write", path);
    double seconds = seconds_between(began, ended);
    printf("{\"count\": %" PRIu64 ", \"seconds\": %.9f, \"refused\": %" PRIu64 "}\n", ticks, seconds, refused);
}

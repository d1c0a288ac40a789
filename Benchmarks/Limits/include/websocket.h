// WebSockets (RFC 6455), as much as both sides of a benchmark need: upgrade, whole frames, no extensions.
#pragma once
#include "text.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#define WEBSOCKET_PATH "/lightstreamer"
#define WEBSOCKET_PROTOCOL "TLCP-2.4.0.lightstreamer.com"

// MARK: Sockets

/// Bytes that came over a socket and are not used yet.
struct inbox {
    int socket;
    uint8_t *bytes;
    size_t count, capacity;
};

enum receipt { RECEIPT_BYTES, RECEIPT_NOTHING, RECEIPT_END };

static inline struct inbox make_inbox(int socket, size_t capacity) {
    return (struct inbox){.socket = socket, .bytes = allocate(capacity, 1), .capacity = capacity};
}

/// Small messages go at once, and nothing waits for more than a second, so that a stop is seen.
static inline void set_up_socket(int socket) {
    int on = 1;
    struct timeval second = {.tv_sec = 1};
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
}

/// Takes what is there, at most so much; waits for it up to a second.
static inline enum receipt receive_some(struct inbox *inbox, size_t most) {
    size_t room = inbox->capacity - inbox->count;
    ssize_t count = recv(inbox->socket, inbox->bytes + inbox->count, room < most ? room : most, 0);
    if (count > 0) {
        inbox->count += (size_t)count;
        return RECEIPT_BYTES;
    }
    bool is_pause = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
    return is_pause ? RECEIPT_NOTHING : RECEIPT_END;
}

/// Drops the bytes at the front.
static inline void consume(struct inbox *inbox, size_t count) {
    inbox->count -= count;
    if (inbox->count > 0) memmove(inbox->bytes, inbox->bytes + count, inbox->count);
}

/// Sends everything. False where the peer is gone or a stop was asked for.
static inline bool send_all(int socket, const void *bytes, size_t count) {
    const char *rest = bytes;
    while (count > 0) {
        ssize_t sent = send(socket, rest, count, MSG_NOSIGNAL);
        if (sent > 0) {
            rest += sent;
            count -= (size_t)sent;
        } else if ((errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || is_stopping) {
            return false;
        }
    }
    return true;
}

// MARK: SHA-1 and base64

static inline uint32_t rotated(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static inline void sha1_block(uint32_t state[5], const uint8_t block[64]) {
    uint32_t words[80];
    for (int at = 0; at < 16; at++) {
        const uint8_t *byte = &block[4 * at];
        words[at] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
    }
    for (int at = 16; at < 80; at++) {
        words[at] = rotated(words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16], 1);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int round = 0; round < 80; round++) {
        static const uint32_t constants[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
        uint32_t choice = round < 20                    ? (b & c) | (~b & d)
                          : round >= 40 && round < 60 ? (b & c) | (b & d) | (c & d)
                                                        : b ^ c ^ d;
        uint32_t next = rotated(a, 5) + choice + e + constants[round / 20] + words[round];
        e = d, d = c, c = rotated(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

enum { SHA1_BYTES = 20, SHA1_MESSAGE_MAX = 119 };

/// Of a message that fits two blocks, as those of an upgrade do.
static inline void sha1(const char *message, size_t count, uint8_t digest[SHA1_BYTES]) {
    uint8_t blocks[128] = {0};
    if (count > SHA1_MESSAGE_MAX) fail("a message of %zu bytes is too long for its digest", count);
    memcpy(blocks, message, count);
    blocks[count] = 0x80;
    size_t size = count + 9 > 64 ? 128 : 64;
    blocks[size - 2] = (uint8_t)(count * 8 >> 8);
    blocks[size - 1] = (uint8_t)(count * 8);

    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    for (size_t offset = 0; offset < size; offset += 64) sha1_block(state, blocks + offset);
    for (int at = 0; at < SHA1_BYTES; at++) digest[at] = (uint8_t)(state[at / 4] >> (24 - at % 4 * 8));
}

/// Writes the base64 of some bytes and a NUL: 4 characters for every 3 of them.
static inline void base64(const uint8_t *bytes, size_t count, char *text) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < count; at += 3) {
        uint32_t second = at + 1 < count ? bytes[at + 1] : 0, third = at + 2 < count ? bytes[at + 2] : 0;
        uint32_t group = (uint32_t)bytes[at] << 16 | second << 8 | third;
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = at + 1 < count ? digits[group >> 6 & 63] : '=';
        *text++ = at + 2 < count ? digits[group & 63] : '=';
    }
    *text = 0;
}

// MARK: Upgrade

enum { KEY_CHARACTERS = 24, ACCEPT_SIZE = 29, HEAD_MAX = 8192 };

/// What a server answers to a client's key.
static inline void accept_of_key(const char key[KEY_CHARACTERS], char accept[ACCEPT_SIZE]) {
    char message[KEY_CHARACTERS + 37];
    uint8_t digest[SHA1_BYTES];
    snprintf(message, sizeof message, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", KEY_CHARACTERS, key);
    sha1(message, strlen(message), digest);
    base64(digest, sizeof digest, accept);
}

/// Waits for the head of a request or answer and copies it. False where the peer left, or sent something else.
static inline bool receive_head(struct inbox *inbox, char head[HEAD_MAX], struct text *text) {
    uint8_t *end;
    while ((end = memmem(inbox->bytes, inbox->count, "\r\n\r\n", 4)) == NULL) {
        if (is_stopping || inbox->count >= HEAD_MAX) return false;
        if (receive_some(inbox, HEAD_MAX - inbox->count) == RECEIPT_END) return false;
    }
    *text = (struct text){head, (size_t)(end - inbox->bytes) + 2};
    memcpy(head, inbox->bytes, text->count);
    consume(inbox, text->count + 2);
    return true;
}

/// A header's value without spaces around it; empty where there is none.
static inline struct text header_value(struct text head, const char *name) {
    struct text line;
    while (next_line(&head, &line)) {
        const char *colon = memchr(line.start, ':', line.count);
        struct text found = {line.start, colon != NULL ? (size_t)(colon - line.start) : 0};
        if (colon == NULL || !equals_in_any_case(found, name)) continue;
        const char *start = colon + 1, *end = line.start + line.count;
        while (start < end && *start == ' ') start++;
        while (end > start && end[-1] == ' ') end--;
        return (struct text){start, (size_t)(end - start)};
    }
    return (struct text){"", 0};
}

/// Waits for a client's request and upgrades it. False where it is another one: the connection is of no use then.
static inline bool accept_websocket(struct inbox *inbox) {
    char head[HEAD_MAX], accept[ACCEPT_SIZE], answer[512];
    struct text request;
    if (!receive_head(inbox, head, &request)) return false;
    struct text key = header_value(request, "Sec-WebSocket-Key");
    if (!begins_with(request, "GET " WEBSOCKET_PATH " HTTP/1.1\r\n") || key.count != KEY_CHARACTERS ||
        !equals_in_any_case(header_value(request, "Upgrade"), "websocket") ||
        !equals(header_value(request, "Sec-WebSocket-Protocol"), WEBSOCKET_PROTOCOL)) {
        static const char refusal[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        send_all(inbox->socket, refusal, sizeof refusal - 1);
        return false;
    }
    accept_of_key(key.start, accept);
    int count = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: " WEBSOCKET_PROTOCOL "\r\n\r\n",
        accept);
    return send_all(inbox->socket, answer, (size_t)count);
}

/// Asks a server for the upgrade. False where it does not agree.
static inline bool request_websocket(struct inbox *inbox, const char *host, const char *port, const uint8_t nonce[16]) {
    char key[KEY_CHARACTERS + 1], head[HEAD_MAX], accept[ACCEPT_SIZE];
    base64(nonce, 16, key);
    int count = snprintf(
        head, sizeof head,
        "GET " WEBSOCKET_PATH " HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Protocol: " WEBSOCKET_PROTOCOL "\r\n\r\n",
        host, port, key);
    if (count >= (int)sizeof head || !send_all(inbox->socket, head, (size_t)count)) return false;
    struct text answer;
    if (!receive_head(inbox, head, &answer)) return false;
    accept_of_key(key, accept);
    return begins_with(answer, "HTTP/1.1 101") && equals(header_value(answer, "Sec-WebSocket-Accept"), accept) &&
           equals(header_value(answer, "Sec-WebSocket-Protocol"), WEBSOCKET_PROTOCOL);
}

// MARK: Frames

enum opcode { OPCODE_CONTINUATION = 0, OPCODE_TEXT = 1, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };
enum { FRAME_HEADER_MAX = 14, CONTROL_PAYLOAD_MAX = 125 };

struct frame {
    unsigned opcode;
    bool is_last;
    uint8_t *payload;
    size_t payload_count;
    /// Header and payload.
    size_t count;
};

enum frame_state { FRAME_WHOLE, FRAME_UNFINISHED, FRAME_WRONG };

/// Reads the frame at the front of some bytes. Those of clients are masked, and are unmasked where they lie.
static inline enum frame_state read_frame(
    uint8_t *bytes, size_t count, bool is_from_client, size_t payload_max, struct frame *frame) {
    if (count < 2) return FRAME_UNFINISHED;
    bool is_masked = (bytes[1] & 0x80) != 0;
    if ((bytes[0] & 0x70) != 0 || is_masked != is_from_client) return FRAME_WRONG;
    size_t length = bytes[1] & 0x7F, header = 2;
    size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (extra > 0) {
        if (count < header + extra) return FRAME_UNFINISHED;
        length = 0;
        for (size_t at = 0; at < extra; at++) length = length << 8 | bytes[header + at];
        header += extra;
    }
    const uint8_t *mask = bytes + header;
    header += is_masked ? 4 : 0;
    if (length > payload_max) return FRAME_WRONG;
    if (count < header + length) return FRAME_UNFINISHED;
    *frame = (struct frame){bytes[0] & 0x0F, (bytes[0] & 0x80) != 0, bytes + header, length, header + length};
    for (size_t at = 0; is_masked && at < length; at++) frame->payload[at] ^= mask[at % 4];
    return FRAME_WHOLE;
}

/// Writes the header of a whole message. Returns its size.
static inline size_t write_frame_header(uint8_t header[FRAME_HEADER_MAX], enum opcode opcode, size_t length) {
    size_t extra = length < 126 ? 0 : length <= UINT16_MAX ? 2 : 8;
    header[0] = (uint8_t)(0x80 | opcode);
    header[1] = (uint8_t)(extra == 0 ? length : extra == 2 ? 126 : 127);
    for (size_t at = 0; at < extra; at++) header[2 + at] = (uint8_t)(length >> (8 * (extra - 1 - at)));
    return 2 + extra;
}

/// Sends a message as a server does. False where the peer is gone.
static inline bool send_frame(int socket, enum opcode opcode, const void *payload, size_t length) {
    uint8_t header[FRAME_HEADER_MAX];
    return send_all(socket, header, write_frame_header(header, opcode, length)) && send_all(socket, payload, length);
}

/// Sends a message as a client does; masks the payload where it lies. False where the peer is gone.
static inline bool send_masked(int socket, enum opcode opcode, void *payload, size_t length, const uint8_t mask[4]) {
    uint8_t header[FRAME_HEADER_MAX], *bytes = payload;
    size_t size = write_frame_header(header, opcode, length);
    header[1] |= 0x80;
    memcpy(header + size, mask, 4);
    for (size_t at = 0; at < length; at++) bytes[at] ^= mask[at % 4];
    return send_all(socket, header, size + 4) && send_all(socket, bytes, length);
}

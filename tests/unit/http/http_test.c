// SPDX-License-Identifier: MIT
// HTTP as text: heads, paths, ranges, dates, tags, chunks; each refusal with its status.
#include <stdio.h>

#include "../../../drivers/tdihttpd/http.h"
#include "harness/harness.h"

static struct http_request request;

static int
head(const char *text)
{
    return http_head_read(text, strlen(text), &request);
}

static BOOLEAN
text_is(struct http_text text, const char *wanted)
{
    return text.at && text.bytes == strlen(wanted) && !memcmp(text.at, wanted, text.bytes);
}

// ---- heads ------------------------------------------------------------------------------------------------------------------------

TEST(a_head_is_read_with_its_fields_and_says_how_long_it_is)
{
    const char *text = "GET /a%20b?x=1 HTTP/1.1\r\nHost: nb\r\nRANGE:\t bytes=0-4 \r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\nnext";
    ck_assert_int_eq(head(text), (int)(strlen(text) - 4));
    ck_assert_int_eq(request.method, HTTP_GET);
    ck_assert_uint_eq(request.minor, 1);
    ck_assert(text_is(request.target, "/a%20b?x=1"));
    ck_assert(text_is(request.host, "nb"));
    ck_assert(text_is(request.range, "bytes=0-4"));
    ck_assert(text_is(request.if_none_match, "\"a\", W/\"b\""));
    ck_assert(!request.is_close && !request.has_length && !request.is_chunked);
}

TEST(a_head_that_is_not_whole_asks_for_more_at_every_length)
{
    const char *text = "\r\nPUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n";
    for (size_t bytes = 0; bytes < strlen(text); bytes++)
        ck_assert_int_eq(http_head_read(text, bytes, &request), 0);
    ck_assert_int_eq(head(text), (int)strlen(text));
    ck_assert(request.method == HTTP_PUT && request.has_length && request.expects_continue);
    ck_assert_uint_eq(request.length, 12);
}

TEST(a_lone_LF_ends_a_line_and_a_lone_CR_does_not)
{
    ck_assert_int_gt(head("GET / HTTP/1.0\n\n"), 0);
    ck_assert_int_eq(head("GET / HTTP/1.0\rX: y\n\n"), -400);
    ck_assert_int_eq(head("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"), -400);
}

TEST(a_connection_is_kept_as_the_version_and_the_field_say)
{
    ck_assert_int_gt(head("GET / HTTP/1.0\r\n\r\n"), 0);
    ck_assert(request.is_close);
    ck_assert_int_gt(head("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), 0);
    ck_assert(!request.is_close);
    ck_assert_int_gt(head("GET / HTTP/1.1\r\nHost: a\r\nConnection: te, close\r\n\r\n"), 0);
    ck_assert(request.is_close);
    ck_assert_int_gt(head("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n"), 0);
    ck_assert(request.is_close);
}

TEST(targets_are_taken_in_origin_and_absolute_form)
{
    ck_assert_int_gt(head("GET http://nb:80/x?y HTTP/1.1\r\nHost: nb\r\n\r\n"), 0);
    ck_assert(text_is(request.target, "/x?y"));
    ck_assert_int_gt(head("GET HTTP://nb HTTP/1.1\r\nHost: nb\r\n\r\n"), 0);
    ck_assert(text_is(request.target, "/"));
    ck_assert_int_gt(head("OPTIONS * HTTP/1.1\r\nHost: nb\r\n\r\n"), 0);
    ck_assert_int_eq(head("GET * HTTP/1.1\r\nHost: nb\r\n\r\n"), -400);
    ck_assert_int_eq(head("GET x HTTP/1.1\r\nHost: nb\r\n\r\n"), -400);
    ck_assert_int_eq(head("GET /a#b HTTP/1.1\r\nHost: nb\r\n\r\n"), -400);
    ck_assert_int_eq(head("GET /\x80 HTTP/1.1\r\nHost: nb\r\n\r\n"), -400);
    ck_assert_int_gt(head("CONNECT nb:80 HTTP/1.1\r\nHost: nb\r\n\r\n"), 0);
    ck_assert_int_eq(request.method, HTTP_KNOWN);
}

TEST(what_is_no_request_line_is_400_and_another_version_505)
{
    static const char *const bad[] = {"GET /\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", " GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1 \r\n\r\n",
                                      "GET / http/1.1\r\n\r\n", "GET / HTTP/11\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n", "GET / HTTP/1.x\r\n\r\n",
                                      "GET\t/ HTTP/1.1\r\n\r\n", "x\r\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(head(bad[i]) == -400, "%s: %d", bad[i], head(bad[i]));
    ck_assert_int_eq(head("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), -505);
    ck_assert_int_gt(head("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    ck_assert_int_eq(request.method, HTTP_UNKNOWN);
    ck_assert_int_gt(head("get / HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
    ck_assert_int_eq(request.method, HTTP_UNKNOWN);
}

TEST(fields_that_two_servers_could_read_differently_are_400)
{
    static const char *const bad[] = {"Host : a",
                                      "Host: a\r\n folded",
                                      ": a",
                                      "nothing",
                                      "Host: a\r\nHost: a",
                                      "Host: a\r\nContent-Length: 1\r\nContent-Length: 2",
                                      "Host: a\r\nContent-Length: 1, 1",
                                      "Host: a\r\nContent-Length: +1",
                                      "Host: a\r\nContent-Length: -1",
                                      "Host: a\r\nContent-Length:",
                                      "Host: a\r\nContent-Length: 99999999999999999999",
                                      "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
                                      "Host: a\r\nTransfer-Encoding: chunked, chunked",
                                      "Host: a\r\nTransfer-Encoding:",
                                      "Host: a\r\nX: a\x01",
                                      "Host: a/b",
                                      "Range: bytes=0-0"};
    char text[256];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "PUT / HTTP/1.1\r\n%s\r\n\r\n", bad[i]);
        ck_assert_msg(head(text) == -400, "%s: %d", bad[i], head(text));
    }
    ck_assert_int_eq(head("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), -400);
    ck_assert_int_gt(head("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n"), 0);
    ck_assert_int_gt(head("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"), 0);
    ck_assert(request.is_chunked);
    ck_assert_int_gt(head("GET / HTTP/1.1\r\nHost: a\r\nX: \xE4 b\r\n\r\n"), 0);
}

TEST(what_is_asked_for_and_not_had_is_refused_by_its_status)
{
    ck_assert_int_eq(head("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"), -501);
    ck_assert_int_eq(head("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), -501);
    ck_assert_int_eq(head("GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n"), -417);
    ck_assert_int_gt(head("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"), 0);
    ck_assert(!request.expects_continue);
}

TEST(a_head_that_is_too_long_is_431_and_a_target_that_is_414)
{
    static char text[HTTP_HEAD_MAX + 100];
    memset(text, 'a', sizeof text);
    memcpy(text, "GET /", 5);
    ck_assert_int_eq(http_head_read(text, sizeof text, &request), -414);
    ck_assert_int_eq(http_head_read(text, HTTP_HEAD_MAX - 1, &request), 0);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    ck_assert_int_eq(http_head_read(text, sizeof text, &request), -431);
    memset(text, '\n', sizeof text);
    ck_assert_int_lt(http_head_read(text, sizeof text, &request), 0);
}

// ---- paths ------------------------------------------------------------------------------------------------------------------------

static char path[HTTP_PATH_MAX];
static BOOLEAN is_directory;

static int
path_of(const char *target)
{
    memset(path, 'x', sizeof path);
    return http_path((struct http_text){target, strlen(target)}, path, sizeof path, &is_directory);
}

TEST(a_path_is_decoded_once_and_its_query_is_cut_off)
{
    ck_assert_int_eq(path_of("/"), 0);
    ck_assert_str_eq(path, "");
    ck_assert(is_directory);
    ck_assert_int_eq(path_of("/a/b%20c.txt?d/e"), 0);
    ck_assert_str_eq(path, "a\\b c.txt");
    ck_assert(!is_directory);
    ck_assert_int_eq(path_of("/a/"), 0);
    ck_assert_str_eq(path, "a");
    ck_assert(is_directory);
    ck_assert_int_eq(path_of("/%E2%82%AC%2525"), 0);
    ck_assert_str_eq(path, "\xE2\x82\xAC%25");
}

TEST(no_path_leads_out_of_the_root)
{
    static const char *const bad[] = {"/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/x", "/%2E./x", "/.", "/a/./b",
                                      "/%00", "/a%00.txt", "/%", "/%4", "/%4g", "/%C0%AE%C0%AE/x",
                                      "/%ED%A0%80", "/%F4%90%80%80", "/%E2%82", "/%FF", "", "x", "?/"};
    static const char *const absent[] = {"/a%2fb", "/a%5Cb", "/..%5c..%5cx", "/a:b", "/C:/x", "/a.txt::$DATA",
                                         "//", "//etc/passwd", "/a//b", "/...", "/a.",
                                         "/a%20", "/a%0ab", "/%7F", "/a%2A"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(path_of(bad[i]) == 400, "%s: %d %s", bad[i], path_of(bad[i]), path);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        ck_assert_msg(path_of(absent[i]) == 404, "%s: %d %s", absent[i], path_of(absent[i]), path);
}

TEST(a_path_that_does_not_fit_is_414_and_nothing_is_written_past_the_room)
{
    char small[8];
    struct http_text target = {"/1234567", 8};
    memset(small, '!', sizeof small);
    ck_assert_int_eq(http_path(target, small, 8, &is_directory), 0);
    ck_assert_str_eq(small, "1234567");
    memset(small, '!', sizeof small);
    ck_assert_int_eq(http_path(target, small, 7, &is_directory), 414);
    ck_assert_int_eq(small[7], '!');
    ck_assert_int_eq(http_path((struct http_text){"/1/2/3/4/5", 10}, small, 7, &is_directory), 414);
    ck_assert_int_eq(small[7], '!');
}

// ---- ranges -----------------------------------------------------------------------------------------------------------------------

static struct http_range ranges[HTTP_RANGES_MAX];

static int
ranges_of(const char *value, uint64_t size)
{
    return http_ranges((struct http_text){value, strlen(value)}, size, ranges);
}

TEST(ranges_are_cut_to_the_file_and_count_from_its_end)
{
    ck_assert_int_eq(ranges_of("bytes=0-9", 100), 1);
    ck_assert(ranges[0].first == 0 && ranges[0].last == 9);
    ck_assert_int_eq(ranges_of("bytes=90-", 100), 1);
    ck_assert(ranges[0].first == 90 && ranges[0].last == 99);
    ck_assert_int_eq(ranges_of("Bytes=90-1000", 100), 1);
    ck_assert(ranges[0].first == 90 && ranges[0].last == 99);
    ck_assert_int_eq(ranges_of("bytes=-5", 100), 1);
    ck_assert(ranges[0].first == 95 && ranges[0].last == 99);
    ck_assert_int_eq(ranges_of("bytes=-500", 100), 1);
    ck_assert(ranges[0].first == 0 && ranges[0].last == 99);
    ck_assert_int_eq(ranges_of("bytes=0-", 100), 1);
    ck_assert_int_eq(ranges_of("bytes=0-0, 50-59 ,-1", 100), 3);
    ck_assert(ranges[1].first == 50 && ranges[2].first == 99 && ranges[2].last == 99);
    ck_assert_int_eq(ranges_of("bytes=100-, 0-0", 100), 1);
    ck_assert(ranges[0].first == 0 && ranges[0].last == 0);
}

TEST(ranges_that_no_byte_is_in_are_416_and_what_is_malformed_is_passed_over)
{
    ck_assert_int_eq(ranges_of("bytes=100-", 100), -1);
    ck_assert_int_eq(ranges_of("bytes=-0", 100), -1);
    ck_assert_int_eq(ranges_of("bytes=0-0", 0), -1);
    ck_assert_int_eq(ranges_of("bytes=-1", 0), -1);
    static const char *const odd[] = {"bytes=5-4", "bytes=", "bytes=,", "bytes", "lines=0-1", "bytes=a-b", "bytes=1", "bytes=-",
                                      "bytes=0-1,x", "bytes=99999999999999999999-", "bytes= ", ""};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        ck_assert_msg(ranges_of(odd[i], 100) == 0, "%s: %d", odd[i], ranges_of(odd[i], 100));
}

TEST(ranges_that_only_cost_us_get_the_whole)
{
    ck_assert_int_eq(ranges_of("bytes=0-59,40-99", 100), 0);
    ck_assert_int_eq(ranges_of("bytes=0-49,50-99", 100), 2);
    ck_assert_int_eq(ranges_of("bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15", 100), 16);
    ck_assert_int_eq(ranges_of("bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16", 100), 0);
    ck_assert_int_eq(ranges_of("bytes=0-9223372036854775806", INT64_MAX), 1);
    ck_assert_int_eq(ranges_of("bytes=0-9223372036854775806,1-9223372036854775806", INT64_MAX), 0);
}

// ---- dates and tags -----------------------------------------------------------------------------------------------------------------

static uint64_t
date_of(const char *text)
{
    return http_date_read((struct http_text){text, strlen(text)});
}

TEST(the_three_forms_of_a_date_are_one_and_it_is_written_in_the_first)
{
    char text[HTTP_DATE_BYTES];
    uint64_t moment = date_of("Sun, 06 Nov 1994 08:49:37 GMT");
    ck_assert_uint_eq(moment, UINT64_C(784111777) + UINT64_C(11644473600));
    ck_assert_uint_eq(date_of("Sunday, 06-Nov-94 08:49:37 GMT"), moment);
    ck_assert_uint_eq(date_of("Sun Nov  6 08:49:37 1994"), moment);
    ck_assert_uint_eq(date_of("Sun Nov 16 08:49:37 1994"), moment + 10 * 86400);
    http_date_write(moment, text);
    ck_assert_str_eq(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(every_day_of_800_years_is_written_and_read_back)
{
    char text[HTTP_DATE_BYTES];
    for (uint64_t day = 1; day < 800 * 365; day++) {
        uint64_t moment = day * 86400 + day % 86400;
        http_date_write(moment, text);
        ck_assert_msg(date_of(text) == moment, "%s", text);
    }
}

TEST(what_is_no_date_is_none)
{
    static const char *const bad[] = {"",
                                      "Sun",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sun, 31 Feb 1994 08:49:37 GMT",
                                      "Sun, 29 Feb 1900 08:49:37 GMT",
                                      "Sun, 00 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 24:49:37 GMT",
                                      "Sun, 06 Nov 1600 08:49:37 GMT",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 nov 1994 08:49:37 GMT"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(date_of(bad[i]) == 0, "%s", bad[i]);
    ck_assert_uint_ne(date_of("Sun, 29 Feb 2000 08:49:37 GMT"), 0);
}

TEST(tags_match_strongly_only_when_neither_is_weak)
{
    struct http_text list = {"\"a\", W/\"b\" ,\"c\"", 15}, star = {"*", 1};
    ck_assert(http_tag_listed(list, "\"a\"", TRUE));
    ck_assert(!http_tag_listed(list, "\"b\"", TRUE));
    ck_assert(http_tag_listed(list, "\"b\"", FALSE));
    ck_assert(http_tag_listed(list, "\"c\"", TRUE));
    ck_assert(!http_tag_listed(list, "\"d\"", FALSE));
    ck_assert(http_tag_listed(star, "\"d\"", TRUE));
}

// ---- chunks -------------------------------------------------------------------------------------------------------------------------

// Fed in pieces of so many bytes; the data is collected. Returns the state.
static enum http_chunk_state
chunks_of(const char *text, size_t piece, char *data, size_t *left)
{
    struct http_chunks chunks = {0};
    size_t bytes = strlen(text), at = 0;
    *data = 0;
    while (at < bytes && chunks.state < HTTP_CHUNK_END) {
        struct http_text run;
        size_t count = bytes - at < piece ? bytes - at : piece;
        at += http_chunks_read(&chunks, text + at, count, &run);
        strncat(data, run.at, run.bytes);
    }
    *left = bytes - at;
    return chunks.state;
}

TEST(chunks_give_their_data_however_they_are_cut)
{
    const char *text = "5;x=\"y\"\r\nhello\r\n1 \r\n,\r\n00006\r\n world\r\n0\r\nTrailer: x\r\n\r\nGET";
    char data[64];
    size_t left;
    for (size_t piece = 1; piece < 70; piece++) {
        ck_assert_int_eq(chunks_of(text, piece, data, &left), HTTP_CHUNK_END);
        ck_assert_str_eq(data, "hello, world");
        ck_assert_uint_eq(left, 3);
    }
}

TEST(what_is_no_chunk_is_bad)
{
    static const char *const bad[] = {"\r\n", "g\r\n", "5hello", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX",
                                      "1000000000000000\r\n", "-1\r\n", "5\rx", "0\r\n\rx"};
    char data[64];
    size_t left;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(chunks_of(bad[i], 3, data, &left) == HTTP_CHUNK_BAD, "%s", bad[i]);
}

TEST(trailers_and_extensions_come_to_an_end)
{
    struct http_chunks chunks = {0};
    struct http_text data;
    static char trailer[40000] = "0\r\n";
    for (size_t i = 3; i < sizeof trailer; i++)
        trailer[i] = i % 20 == 19 ? '\n' : 'x';
    http_chunks_read(&chunks, trailer, sizeof trailer, &data);
    ck_assert_int_eq(chunks.state, HTTP_CHUNK_BAD);
}

// ---- text ---------------------------------------------------------------------------------------------------------------------------

TEST(text_that_does_not_fit_is_left_out_and_said)
{
    char room[8];
    struct http_out out = {room, 0, sizeof room, FALSE};
    http_put(&out, "1234");
    http_put_number(&out, 5678);
    ck_assert(!out.is_cut);
    http_put(&out, "9");
    ck_assert(out.is_cut);
    ck_assert_uint_eq(out.used, 8);
    ck_assert(!memcmp(room, "12345678", 8));
}

TEST(names_are_escaped_for_pages_and_for_addresses)
{
    char room[128];
    struct http_out out = {room, 0, sizeof room, FALSE};
    http_put_escaped(&out, (struct http_text){"<a href='x\"&", 12});
    http_put_percent(&out, (struct http_text){"a b/\xC3\xA4%", 7});
    room[out.used] = 0;
    ck_assert_str_eq(room, "&lt;a href=&#39;x&quot;&amp;a%20b/%C3%A4%25");
}

TEST(a_media_type_follows_from_the_ending_of_the_name)
{
    ck_assert_str_eq(http_media_type("a\\index.HTML"), "text/html; charset=utf-8");
    ck_assert_str_eq(http_media_type("a.html\\b"), "application/octet-stream");
    ck_assert_str_eq(http_media_type("big"), "application/octet-stream");
    ck_assert_str_eq(http_media_type("x.tar.png"), "image/png");
}

// SPDX-License-Identifier: MIT
// Dates in the three forms that a server must understand and the one that it writes [RFC 9110 5.6.7], as seconds since 1601; entity tags.
//   Sun, 06 Nov 1994 08:49:37 GMT      Sunday, 06-Nov-94 08:49:37 GMT      Sun Nov  6 08:49:37 1994
// The name of the day is passed over: it says nothing that the date does not.
#include "http.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "MonTueWedThuFriSatSun";   // 1601 began with a Monday

static BOOLEAN
is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 || year % 400 == 0);
}

static unsigned
days_in(unsigned month, unsigned year)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return lengths[month] + (month == 1 && is_leap(year));
}

// Days from the beginning of 1601 to that of the year.
static uint64_t
days_before(unsigned year)
{
    uint64_t n = year - 1601;
    return n * 365 + n / 4 - n / 100 + n / 400;
}

// What is left of a date's text. Each reader returns FALSE when it does not find what it wants.
struct cursor {
    const char *at, *end;
};

static BOOLEAN
eat(struct cursor *cursor, const char *text)
{
    size_t bytes = strlen(text);
    if ((size_t)(cursor->end - cursor->at) < bytes || memcmp(cursor->at, text, bytes))
        return FALSE;
    cursor->at += bytes;
    return TRUE;
}

static BOOLEAN
eat_digits(struct cursor *cursor, unsigned count, unsigned *number)
{
    *number = 0;
    for (unsigned i = 0; i < count; i++, cursor->at++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return FALSE;
        *number = *number * 10 + (unsigned)(*cursor->at - '0');
    }
    return TRUE;
}

static BOOLEAN
eat_month(struct cursor *cursor, unsigned *month)
{
    for (*month = 0; *month < 12; ++*month) {
        char name[4] = {months[*month * 3], months[*month * 3 + 1], months[*month * 3 + 2], 0};
        if (eat(cursor, name))
            return TRUE;
    }
    return FALSE;
}

struct date {
    unsigned year, month, day, hour, minute, second;
};

static BOOLEAN
eat_time(struct cursor *cursor, struct date *date)
{
    return eat_digits(cursor, 2, &date->hour) && eat(cursor, ":") && eat_digits(cursor, 2, &date->minute) && eat(cursor, ":") &&
           eat_digits(cursor, 2, &date->second);
}

// 06 Nov 1994 08:49:37 GMT
static BOOLEAN
read_fixed(struct cursor c, struct date *date)
{
    return eat_digits(&c, 2, &date->day) && eat(&c, " ") && eat_month(&c, &date->month) && eat(&c, " ") && eat_digits(&c, 4, &date->year) &&
           eat(&c, " ") && eat_time(&c, date) && eat(&c, " GMT") && c.at == c.end;
}

// 06-Nov-94 08:49:37 GMT. Two digits are of the century that puts them nearest to now; we take 1970 to 2069.
static BOOLEAN
read_old(struct cursor c, struct date *date)
{
    BOOLEAN is_good = eat_digits(&c, 2, &date->day) && eat(&c, "-") && eat_month(&c, &date->month) && eat(&c, "-") &&
                      eat_digits(&c, 2, &date->year) && eat(&c, " ") && eat_time(&c, date) && eat(&c, " GMT") && c.at == c.end;
    date->year += date->year < 70 ? 2000 : 1900;
    return is_good;
}

// Nov  6 08:49:37 1994
static BOOLEAN
read_asctime(struct cursor c, struct date *date)
{
    return eat_month(&c, &date->month) && eat(&c, " ") &&
           (eat(&c, " ") ? eat_digits(&c, 1, &date->day) : eat_digits(&c, 2, &date->day)) && eat(&c, " ") && eat_time(&c, date) &&
           eat(&c, " ") && eat_digits(&c, 4, &date->year) && c.at == c.end;
}

uint64_t
http_date_read(struct http_text text)
{
    struct date date;
    const char *blank = text.at ? memchr(text.at, ' ', text.bytes) : NULL;
    if (!blank)
        return 0;
    struct cursor rest = {blank + 1, text.at + text.bytes};
    if (!read_fixed(rest, &date) && !read_old(rest, &date) && !read_asctime(rest, &date))
        return 0;
    if (date.year < 1601 || !date.day || date.day > days_in(date.month, date.year) || date.hour > 23 || date.minute > 59 ||
        date.second > 60)
        return 0;
    uint64_t sum = days_before(date.year) + date.day - 1;
    for (unsigned month = 0; month < date.month; month++)
        sum += days_in(month, date.year);
    return sum * 86400 + date.hour * 3600 + date.minute * 60 + date.second;
}

void
http_date_write(uint64_t seconds, char text[HTTP_DATE_BYTES])
{
    struct http_out out = {text, 0, HTTP_DATE_BYTES, FALSE};
    uint64_t day = seconds / 86400;
    unsigned second = (unsigned)(seconds % 86400), year = 1601 + (unsigned)(day / 366), month = 0;
    const unsigned times[] = {second / 3600, second / 60 % 60, second % 60};
    char two[2];
    while (days_before(year + 1) <= day)
        year++;
    unsigned left = (unsigned)(day - days_before(year));
    while (left >= days_in(month, year))
        left -= days_in(month++, year);
    http_put_bytes(&out, days + day % 7 * 3, 3);
    http_put(&out, ", ");
    two[0] = (char)('0' + (left + 1) / 10), two[1] = (char)('0' + (left + 1) % 10);
    http_put_bytes(&out, two, 2);
    http_put(&out, " ");
    http_put_bytes(&out, months + month * 3, 3);
    http_put(&out, " ");
    http_put_number(&out, year);
    for (unsigned i = 0; i < 3; i++) {
        two[0] = (char)('0' + times[i] / 10), two[1] = (char)('0' + times[i] % 10);
        http_put(&out, i ? ":" : " ");
        http_put_bytes(&out, two, 2);
    }
    http_put(&out, " GMT");
    text[out.used < HTTP_DATE_BYTES ? out.used : HTTP_DATE_BYTES - 1] = 0;
}

BOOLEAN
http_tag_listed(struct http_text list, const char *tag, BOOLEAN is_strong)
{
    for (struct http_text one; http_list_next(&list, &one);) {
        BOOLEAN is_weak = one.bytes > 2 && one.at[0] == 'W' && one.at[1] == '/';
        if (one.bytes == 1 && one.at[0] == '*')
            return TRUE;
        if (is_weak && !is_strong)
            one = (struct http_text){one.at + 2, one.bytes - 2};
        if (one.bytes == strlen(tag) && !memcmp(one.at, tag, one.bytes))
            return TRUE;
    }
    return FALSE;
}

// SPDX-License-Identifier: MIT
// The nearest word: edit distance with insertion, deletion, replacement and swap of neighbours, ASCII case for half price.
// A word is near when at most a third of it (one letter at least, four at most) differs; of equals the first in the list wins.
#include <string.h>

#include "stack/stack.h"

#define WORD_MAX 64

static unsigned
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned)(c + 32) : (unsigned char)c;
}

// Distance in halves of a letter: a replacement 2, a difference of case 1.
static unsigned
distance_halves(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = (unsigned)(2 * j);
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = (unsigned)(2 * i);
        for (size_t j = 1; j <= b_length; j++) {
            unsigned cost = a[i - 1] == b[j - 1] ? 0 : lower(a[i - 1]) == lower(b[j - 1]) ? 1 : 2;
            unsigned best = above[j - 1] + cost;
            if (above[j] + 2 < best)
                best = above[j] + 2;
            if (row[j - 1] + 2 < best)
                best = row[j - 1] + 2;
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped && before[j - 2] + 2 < best)
                best = before[j - 2] + 2;
            row[j] = best;
        }
        unsigned *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[b_length];
}

const char *
stack_word_nearest(const char *typed, const char *const *words)
{
    size_t typed_length = strlen(typed);
    if (!typed_length || typed_length > WORD_MAX)
        return NULL;
    const char *best = NULL;
    unsigned best_halves = 0;
    for (size_t i = 0; words[i]; i++) {
        const char *word = words[i][0] == '?' ? words[i] + 1 : words[i];
        size_t length = strlen(word);
        if (!length || length > WORD_MAX)
            continue;
        size_t longer = length > typed_length ? length : typed_length;
        unsigned allowed = longer / 3 < 1 ? 1 : longer / 3 > 4 ? 4 : (unsigned)(longer / 3);
        unsigned halves = distance_halves(typed, typed_length, word, length);
        if (halves <= 2 * allowed && (!best || halves < best_halves)) {
            best = words[i];
            best_halves = halves;
        }
    }
    return best;
}

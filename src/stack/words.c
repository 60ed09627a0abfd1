// SPDX-License-Identifier: MIT
// The nearest word: edit distance with insertion, deletion, replacement and swap of neighbours; ASCII case makes no difference.
// A word is near when at most a third of it (one letter at least, four at most) differs; of equals the first in the list wins.
#include <string.h>

#include "stack/stack.h"

#define WORD_MAX 64

static unsigned
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned)(c + 32) : (unsigned char)c;
}

static unsigned
distance_letters(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_length; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned cost = lower(a[i - 1]) != lower(b[j - 1]);
            unsigned best = above[j - 1] + cost;
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]);
            if (swapped && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
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
    unsigned best_letters = 0;
    for (size_t i = 0; words[i]; i++) {
        const char *word = words[i][0] == '?' ? words[i] + 1 : words[i];
        size_t length = strlen(word);
        if (!length || length > WORD_MAX)
            continue;
        size_t longer = length > typed_length ? length : typed_length;
        unsigned allowed = longer / 3 < 1 ? 1 : longer / 3 > 4 ? 4 : (unsigned)(longer / 3);
        unsigned letters = distance_letters(typed, typed_length, word, length);
        if (letters <= allowed && (!best || letters < best_letters)) {
            best = words[i];
            best_letters = letters;
        }
    }
    return best;
}

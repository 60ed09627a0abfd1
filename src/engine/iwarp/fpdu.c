// SPDX-License-Identifier: MIT
// FPDUs: how large they are, where their markers lie, and the way through a received one [RFC 5044 4 and 6].
//   in   mpa_fpdu_read: is all of it there, is its CRC right, do its markers point at its start; then a reader over its ULPDU
//   out  run.c writes them; the sizes are decided here for both
// Positions count from the first byte of full operation, so that a marker lies at every multiple of 512. All FPDUs and markers are
// multiples of 4 bytes: neither a marker, nor the length, nor the CRC is ever cut by a marker.
#include "base/bytes.h"
#include "engine/iwarp/crc.h"
#include "engine/iwarp/mpa.h"

uint32_t
mpa_mulpdu(uint32_t emss_bytes, bool has_markers)
{
    uint32_t overhead = MPA_LENGTH_BYTES + MPA_CRC_BYTES + emss_bytes % 4;
    if (has_markers)
        overhead += MPA_MARKER_BYTES * ((emss_bytes + MPA_MARKER_EVERY - 1) / MPA_MARKER_EVERY);
    if (emss_bytes < overhead + MPA_ULPDU_LEAST)
        return MPA_ULPDU_LEAST;
    return emss_bytes - overhead < MPA_ULPDU_MAX ? emss_bytes - overhead : MPA_ULPDU_MAX;
}

uint32_t
mpa_markers(uint64_t position, uint32_t body_bytes)
{
    uint32_t before = (uint32_t)(-position % MPA_MARKER_EVERY), every = MPA_MARKER_EVERY - MPA_MARKER_BYTES;
    return body_bytes <= before ? 0 : (body_bytes - before + every - 1) / every;
}

void
mpa_reader_init(struct mpa_reader *reader, const struct mpa_input *input, uint64_t position, bool has_markers)
{
    *reader = (struct mpa_reader){
        .span = input->spans, .in_span = (uint32_t)input->skip_bytes, .position = position, .has_markers = has_markers};
}

// Of the raw stream, markers too.
static void
copy_raw(struct mpa_reader *reader, uint8_t *to, size_t count)
{
    reader->position += count;
    while (count) {
        size_t left = reader->span->count - reader->in_span, piece = left < count ? left : count;
        if (to) {
            if (piece)
                memcpy(to, reader->span->bytes + reader->in_span, piece);
            to += piece;
        }
        reader->in_span += (uint32_t)piece;
        count -= piece;
        if (reader->in_span == reader->span->count && count) {
            reader->span++;
            reader->in_span = 0;
        }
    }
}

void
mpa_reader_copy(struct mpa_reader *reader, void *to, size_t count)
{
    uint8_t *at = to;
    while (count) {
        size_t piece = count;
        if (reader->has_markers) {
            if (reader->position % MPA_MARKER_EVERY == 0)
                copy_raw(reader, NULL, MPA_MARKER_BYTES);
            size_t until = MPA_MARKER_EVERY - reader->position % MPA_MARKER_EVERY;
            piece = until < count ? until : count;
        }
        copy_raw(reader, at, piece);
        if (at)
            at += piece;
        count -= piece;
    }
}

// Every marker of an FPDU names the first byte of its length field; the low two bits are not looked at [RFC 5044 4.3].
static bool
markers_are_right(const struct mpa_input *input, uint64_t position, uint32_t wire_bytes)
{
    struct mpa_reader reader;
    uint32_t start = position % MPA_MARKER_EVERY == 0 ? MPA_MARKER_BYTES : 0;
    mpa_reader_init(&reader, input, position, false);
    for (uint32_t at = (uint32_t)(-position % MPA_MARKER_EVERY); at < wire_bytes; at += MPA_MARKER_EVERY) {
        uint8_t marker[MPA_MARKER_BYTES];
        copy_raw(&reader, NULL, (size_t)(position + at - reader.position));
        copy_raw(&reader, marker, sizeof marker);
        if ((bytes_load_be16(marker + 2) & 0xFFFC) != (at < start ? 0 : at - start))
            return false;
    }
    return true;
}

enum mpa_verdict
mpa_fpdu_read(struct mpa_fpdu *fpdu, const struct mpa_input *input, uint64_t position, bool has_markers, bool has_crc)
{
    uint8_t length[MPA_LENGTH_BYTES], sum[MPA_CRC_BYTES];
    uint32_t before = has_markers && position % MPA_MARKER_EVERY == 0 ? MPA_MARKER_BYTES : 0;
    fpdu->wire_bytes = before + MPA_LENGTH_BYTES;
    if (input->count < fpdu->wire_bytes)
        return MPA_MORE;
    mpa_reader_init(&fpdu->ulpdu, input, position, has_markers);
    mpa_reader_copy(&fpdu->ulpdu, length, sizeof length);
    fpdu->ulpdu_bytes = bytes_load_be16(length);
    fpdu->wire_bytes = mpa_fpdu_bytes(position, fpdu->ulpdu_bytes, has_markers);
    if (input->count < fpdu->wire_bytes)
        return MPA_MORE;
    if (has_crc) {
        uint32_t covered = fpdu->wire_bytes - MPA_CRC_BYTES;
        eng_spans_copy(input->spans, input->n_spans, input->skip_bytes + covered, sum, sizeof sum);
        uint32_t crc = crc_add_spans(CRC_START, input->spans, input->n_spans, input->skip_bytes, covered);
        if (crc_finish(crc) != bytes_load_le32(sum))
            return MPA_BAD_CRC;
    }
    return has_markers && !markers_are_right(input, position, fpdu->wire_bytes) ? MPA_BAD_MARKER : MPA_GOOD;
}

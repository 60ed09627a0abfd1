// SPDX-License-Identifier: MIT
// libFuzzer on the reader of trace files: whatever the bytes, it ends, reads within them, and gives a reason for an error.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/pcapng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    FILE *stream = fmemopen((void *)data, size, "r");
    struct pcapng_reader *reader = pcapng_reader_open_stream(stream);
    struct pcapng_record record;
    volatile uint64_t sum = 0;
    int rc;
    while ((rc = pcapng_reader_next(reader, &record)) == 1) {
        for (uint32_t i = 0; i < record.captured_bytes; i++)
            sum += record.data[i];
        sum += strlen(record.comment) + strlen(record.interface_name) + strlen(record.interface_description);
    }
    if (rc < 0 && !pcapng_reader_error(reader)[0])
        abort();
    pcapng_reader_close(reader);
    fclose(stream);
    return 0;
}

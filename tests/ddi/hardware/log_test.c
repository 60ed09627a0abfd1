// SPDX-License-Identifier: MIT
// The event log of protocol drivers.
#include <string.h>

#include "hw.h"

static char message[512];

static void
on_message(void *context, const char *text)
{
    if (strstr(text, "event log"))
        strncpy(message, text, sizeof message - 1);
}

static void
entries(void)
{
    PCWSTR strings[3] = {L"proto0", L"second", NULL};
    static WCHAR longest[200];
    UCHAR data[256];
    DRIVER_OBJECT *driver = io_image_find(kit.box, "proto0")->driver_object;
    memset(data, 0x5a, sizeof data);
    kit_start(false, 1);
    kit.box->on_message = on_message;
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, (NDIS_STATUS)0xc0001234, 77, 2, strings, 5, data), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(strstr(message, "driver proto0, error code 0xc0001234"));
    ck_assert_ptr_nonnull(strstr(message, "unique value 77: proto0"));
    message[0] = 0;
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, (NDIS_STATUS)0x40001234, 1, 0, NULL, 0, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(strstr(message, "0x40001234"));
    // The most that fits, and one more of each.
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 0, NULL, MAX_EVENT_LOG_DATA_SIZE, data), NDIS_STATUS_SUCCESS);
    message[0] = 0;
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 0, NULL, MAX_EVENT_LOG_DATA_SIZE + 1, data), NDIS_STATUS_BUFFER_TOO_SHORT);
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 0, NULL, 0xffffffff, data), NDIS_STATUS_BUFFER_TOO_SHORT);
    for (ULONG i = 0; i < MAX_EVENT_LOG_DATA_SIZE / 2 - 1; i++)
        longest[i] = 'x';
    strings[0] = longest;
    ck_assert_str_eq(message, "");
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 1, strings, 0, NULL), NDIS_STATUS_SUCCESS);
    message[0] = 0;
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 1, strings, 1, data), NDIS_STATUS_BUFFER_TOO_SHORT);   // padded to 4
    ck_assert_int_eq(NdisWriteEventLogEntry(driver, 1, 1, 2, strings, 0, NULL), NDIS_STATUS_BUFFER_TOO_SHORT);
    // No driver object, no record.
    ck_assert_int_eq(NdisWriteEventLogEntry(NULL, 1, 1, 0, NULL, 0, NULL), NDIS_STATUS_RESOURCES);
    ck_assert_str_eq(message, "");
    kit.box->on_message = NULL;
}

TEST(NdisWriteEventLogEntry_becomes_a_message_with_the_drivers_name_and_refuses_more_than_fits)
{
    hw_run(1, NULL, entries);
}

static void
strings_without_list(void)
{
    NdisWriteEventLogEntry(io_image_find(kit.box, "proto0")->driver_object, 1, 1, 2, NULL, 0, NULL);
}

TEST(NdisWriteEventLogEntry_with_a_number_of_strings_and_no_list_is_reported)
{
    hw_reported(NULL, strings_without_list, "without a list of strings NumStrings is zero");
}

static void
data_without_pointer(void)
{
    NdisWriteEventLogEntry(io_image_find(kit.box, "proto0")->driver_object, 1, 1, 0, NULL, 4, NULL);
}

TEST(NdisWriteEventLogEntry_with_a_size_and_no_data_is_reported)
{
    hw_reported(NULL, data_without_pointer, "without data DataSize");
}

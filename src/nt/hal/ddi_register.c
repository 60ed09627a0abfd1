// SPDX-License-Identifier: MIT
// Front doors: registers and ports of a device, one at a time or as a buffer. A register buffer is consecutive registers, a port buffer
// is the same port again and again. Both are functions here, also where x64 headers of Windows inline them, so that a model's handlers
// see each access (nbx/device.h). Any IRQL.
// [wdm/nf-wdm-read_register_ulong], [wdm/nf-wdm-read_port_buffer_uchar] and their kin
#include "nt/hal/hal.h"

NTAPI UCHAR
READ_REGISTER_UCHAR(volatile UCHAR *Register)
{
    return (UCHAR)hal_register_read(Register, 1);
}

NTAPI VOID
WRITE_REGISTER_UCHAR(volatile UCHAR *Register, UCHAR Value)
{
    hal_register_write(Register, 1, Value);
}

NTAPI VOID
READ_REGISTER_BUFFER_UCHAR(volatile UCHAR *Register, PUCHAR Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (UCHAR)hal_register_read(Register + i, 1);
}

NTAPI VOID
WRITE_REGISTER_BUFFER_UCHAR(volatile UCHAR *Register, PUCHAR Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_register_write(Register + i, 1, Buffer[i]);
}

NTAPI USHORT
READ_REGISTER_USHORT(volatile USHORT *Register)
{
    return (USHORT)hal_register_read(Register, 2);
}

NTAPI VOID
WRITE_REGISTER_USHORT(volatile USHORT *Register, USHORT Value)
{
    hal_register_write(Register, 2, Value);
}

NTAPI VOID
READ_REGISTER_BUFFER_USHORT(volatile USHORT *Register, PUSHORT Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (USHORT)hal_register_read(Register + i, 2);
}

NTAPI VOID
WRITE_REGISTER_BUFFER_USHORT(volatile USHORT *Register, PUSHORT Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_register_write(Register + i, 2, Buffer[i]);
}

NTAPI ULONG
READ_REGISTER_ULONG(volatile ULONG *Register)
{
    return (ULONG)hal_register_read(Register, 4);
}

NTAPI VOID
WRITE_REGISTER_ULONG(volatile ULONG *Register, ULONG Value)
{
    hal_register_write(Register, 4, Value);
}

NTAPI VOID
READ_REGISTER_BUFFER_ULONG(volatile ULONG *Register, PULONG Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (ULONG)hal_register_read(Register + i, 4);
}

NTAPI VOID
WRITE_REGISTER_BUFFER_ULONG(volatile ULONG *Register, PULONG Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_register_write(Register + i, 4, Buffer[i]);
}

NTAPI ULONG64
READ_REGISTER_ULONG64(volatile ULONG64 *Register)
{
    return (ULONG64)hal_register_read(Register, 8);
}

NTAPI VOID
WRITE_REGISTER_ULONG64(volatile ULONG64 *Register, ULONG64 Value)
{
    hal_register_write(Register, 8, Value);
}

NTAPI VOID
READ_REGISTER_BUFFER_ULONG64(volatile ULONG64 *Register, PULONG64 Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (ULONG64)hal_register_read(Register + i, 8);
}

NTAPI VOID
WRITE_REGISTER_BUFFER_ULONG64(volatile ULONG64 *Register, PULONG64 Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_register_write(Register + i, 8, Buffer[i]);
}

NTAPI UCHAR
READ_PORT_UCHAR(PUCHAR Port)
{
    return (UCHAR)hal_port_read((uintptr_t)Port, 1);
}

NTAPI VOID
WRITE_PORT_UCHAR(PUCHAR Port, UCHAR Value)
{
    hal_port_write((uintptr_t)Port, 1, Value);
}

NTAPI VOID
READ_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (UCHAR)hal_port_read((uintptr_t)Port, 1);
}

NTAPI VOID
WRITE_PORT_BUFFER_UCHAR(PUCHAR Port, PUCHAR Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_port_write((uintptr_t)Port, 1, Buffer[i]);
}

NTAPI USHORT
READ_PORT_USHORT(PUSHORT Port)
{
    return (USHORT)hal_port_read((uintptr_t)Port, 2);
}

NTAPI VOID
WRITE_PORT_USHORT(PUSHORT Port, USHORT Value)
{
    hal_port_write((uintptr_t)Port, 2, Value);
}

NTAPI VOID
READ_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (USHORT)hal_port_read((uintptr_t)Port, 2);
}

NTAPI VOID
WRITE_PORT_BUFFER_USHORT(PUSHORT Port, PUSHORT Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_port_write((uintptr_t)Port, 2, Buffer[i]);
}

NTAPI ULONG
READ_PORT_ULONG(PULONG Port)
{
    return (ULONG)hal_port_read((uintptr_t)Port, 4);
}

NTAPI VOID
WRITE_PORT_ULONG(PULONG Port, ULONG Value)
{
    hal_port_write((uintptr_t)Port, 4, Value);
}

NTAPI VOID
READ_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        Buffer[i] = (ULONG)hal_port_read((uintptr_t)Port, 4);
}

NTAPI VOID
WRITE_PORT_BUFFER_ULONG(PULONG Port, PULONG Buffer, ULONG Count)
{
    for (ULONG i = 0; i < Count; i++)
        hal_port_write((uintptr_t)Port, 4, Buffer[i]);
}

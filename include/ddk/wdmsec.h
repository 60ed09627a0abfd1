// SPDX-License-Identifier: MIT
// Device objects with a security descriptor given as text, and the usual descriptors.
//
// Windows links these from a library into the driver, under the names WdmlibXxx; here they are the runtime's own.
// Sources: [wdmsec/nf-wdmsec-wdmlibiocreatedevicesecure], [windows-driver-docs kernel/sddl-for-device-objects].
#ifndef NBX_DDK_WDMSEC_H
#define NBX_DDK_WDMSEC_H

#include "wdm.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NBX_SDDL(name, text) DECLSPEC_SELECTANY extern const UNICODE_STRING name; const UNICODE_STRING name = RTL_CONSTANT_STRING(text)
NBX_SDDL(SDDL_DEVOBJ_KERNEL_ONLY, L"D:P");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL, L"D:P(A;;GA;;;SY)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_ALL, L"D:P(A;;GA;;;SY)(A;;GA;;;BA)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RX, L"D:P(A;;GA;;;SY)(A;;GRGX;;;BA)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R, L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_R_RES_R, L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RW_RES_R, L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGW;;;WD)(A;;GR;;;RC)");
NBX_SDDL(SDDL_DEVOBJ_SYS_ALL_ADM_RWX_WORLD_RWX_RES_RWX, L"D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GRGWGX;;;WD)(A;;GRGWGX;;;RC)");
#define SDDL_DEVOBJ_INF_SUPPLIED SDDL_DEVOBJ_KERNEL_ONLY

NTKERNELAPI NTAPI NTSTATUS IoCreateDeviceSecure(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize, PUNICODE_STRING DeviceName,
                                                DEVICE_TYPE DeviceType, ULONG DeviceCharacteristics, BOOLEAN Exclusive,
                                                PCUNICODE_STRING DefaultSDDLString, LPCGUID DeviceClassGuid, PDEVICE_OBJECT *DeviceObject);
NTKERNELAPI NTAPI NTSTATUS IoValidateDeviceIoControlAccess(PIRP Irp, ULONG RequiredAccess);
NTKERNELAPI NTAPI NTSTATUS SeSddlSecurityDescriptorFromSDDL(PCUNICODE_STRING SecurityDescriptorString, BOOLEAN SuppliedByDefault,
                                                            PSECURITY_DESCRIPTOR *SecurityDescriptor);
#define WdmlibIoCreateDeviceSecure IoCreateDeviceSecure
#define WdmlibIoValidateDeviceIoControlAccess IoValidateDeviceIoControlAccess
#define WdmlibRtlInitUnicodeStringEx RtlInitUnicodeStringEx

#ifdef __cplusplus
}
#endif

#endif

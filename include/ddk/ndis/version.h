// SPDX-License-Identifier: MIT
// Which NDIS a driver is written for.
//
// A driver names its contract on the compiler's command line: NDIS620 or NDIS630 and so on for protocol and filter drivers,
// NDIS620_MINIPORT and so on for miniports, both for an intermediate driver. From that follow the version numbers it
// registers with, the NDIS_SUPPORT_NDISxxx switches that the structures of these headers test, and the number of slots in
// NET_BUFFER_LIST. Code that names no version (the runtime itself) gets the newest of everything, the slots that NDIS keeps
// for itself included, so that whatever it allocates is large enough for any driver.
// Source: [windows-driver-docs network/specifying-ndis-version-information].
#ifndef NBX_DDK_NDIS_VERSION_H
#define NBX_DDK_NDIS_VERSION_H
#define NBX_NDIS_NEWEST 89
#if defined(NDIS689_MINIPORT)
#define NBX_NDIS_MINIPORT 89
#elif defined(NDIS688_MINIPORT)
#define NBX_NDIS_MINIPORT 88
#elif defined(NDIS687_MINIPORT)
#define NBX_NDIS_MINIPORT 87
#elif defined(NDIS686_MINIPORT)
#define NBX_NDIS_MINIPORT 86
#elif defined(NDIS685_MINIPORT)
#define NBX_NDIS_MINIPORT 85
#elif defined(NDIS684_MINIPORT)
#define NBX_NDIS_MINIPORT 84
#elif defined(NDIS683_MINIPORT)
#define NBX_NDIS_MINIPORT 83
#elif defined(NDIS682_MINIPORT)
#define NBX_NDIS_MINIPORT 82
#elif defined(NDIS681_MINIPORT)
#define NBX_NDIS_MINIPORT 81
#elif defined(NDIS680_MINIPORT)
#define NBX_NDIS_MINIPORT 80
#elif defined(NDIS670_MINIPORT)
#define NBX_NDIS_MINIPORT 70
#elif defined(NDIS660_MINIPORT)
#define NBX_NDIS_MINIPORT 60
#elif defined(NDIS651_MINIPORT)
#define NBX_NDIS_MINIPORT 51
#elif defined(NDIS650_MINIPORT)
#define NBX_NDIS_MINIPORT 50
#elif defined(NDIS640_MINIPORT)
#define NBX_NDIS_MINIPORT 40
#elif defined(NDIS630_MINIPORT)
#define NBX_NDIS_MINIPORT 30
#elif defined(NDIS620_MINIPORT)
#define NBX_NDIS_MINIPORT 20
#elif defined(NDIS61_MINIPORT)
#define NBX_NDIS_MINIPORT 1
#elif defined(NDIS60_MINIPORT)
#define NBX_NDIS_MINIPORT 0
#endif
#if defined(NDIS689)
#define NBX_NDIS_PROTOCOL 89
#elif defined(NDIS688)
#define NBX_NDIS_PROTOCOL 88
#elif defined(NDIS687)
#define NBX_NDIS_PROTOCOL 87
#elif defined(NDIS686)
#define NBX_NDIS_PROTOCOL 86
#elif defined(NDIS685)
#define NBX_NDIS_PROTOCOL 85
#elif defined(NDIS684)
#define NBX_NDIS_PROTOCOL 84
#elif defined(NDIS683)
#define NBX_NDIS_PROTOCOL 83
#elif defined(NDIS682)
#define NBX_NDIS_PROTOCOL 82
#elif defined(NDIS681)
#define NBX_NDIS_PROTOCOL 81
#elif defined(NDIS680)
#define NBX_NDIS_PROTOCOL 80
#elif defined(NDIS670)
#define NBX_NDIS_PROTOCOL 70
#elif defined(NDIS660)
#define NBX_NDIS_PROTOCOL 60
#elif defined(NDIS651)
#define NBX_NDIS_PROTOCOL 51
#elif defined(NDIS650)
#define NBX_NDIS_PROTOCOL 50
#elif defined(NDIS640)
#define NBX_NDIS_PROTOCOL 40
#elif defined(NDIS630)
#define NBX_NDIS_PROTOCOL 30
#elif defined(NDIS620)
#define NBX_NDIS_PROTOCOL 20
#elif defined(NDIS61)
#define NBX_NDIS_PROTOCOL 1
#elif defined(NDIS60)
#define NBX_NDIS_PROTOCOL 0
#endif

#if defined(NBX_NDIS_MINIPORT) && (!defined(NBX_NDIS_PROTOCOL) || NBX_NDIS_MINIPORT >= NBX_NDIS_PROTOCOL)
#define NBX_NDIS_MINOR NBX_NDIS_MINIPORT
#elif defined(NBX_NDIS_PROTOCOL)
#define NBX_NDIS_MINOR NBX_NDIS_PROTOCOL
#else
#define NBX_NDIS_MINOR NBX_NDIS_NEWEST
#define NBX_NDIS_MINIPORT NBX_NDIS_NEWEST
#define NBX_NDIS_PROTOCOL NBX_NDIS_NEWEST
#ifndef NDIS_WRAPPER
#define NDIS_WRAPPER 1
#endif
#endif
#ifndef NDIS_WRAPPER
#define NDIS_WRAPPER 0
#endif

#ifdef NBX_NDIS_MINIPORT
#ifndef NDIS_MINIPORT_DRIVER
#define NDIS_MINIPORT_DRIVER 1
#endif
#ifndef NDIS_MINIPORT_MAJOR_VERSION
#define NDIS_MINIPORT_MAJOR_VERSION 6
#define NDIS_MINIPORT_MINOR_VERSION NBX_NDIS_MINIPORT
#endif
#endif
#ifdef NBX_NDIS_PROTOCOL
#ifndef NDIS_PROTOCOL_MAJOR_VERSION
#define NDIS_PROTOCOL_MAJOR_VERSION 6
#define NDIS_PROTOCOL_MINOR_VERSION NBX_NDIS_PROTOCOL
#endif
#ifndef NDIS_FILTER_MAJOR_VERSION
#define NDIS_FILTER_MAJOR_VERSION 6
#define NDIS_FILTER_MINOR_VERSION NBX_NDIS_PROTOCOL
#endif
#endif

#ifndef NDIS_SUPPORT_NDIS6
#define NDIS_SUPPORT_NDIS6 (NBX_NDIS_MINOR >= 0)
#endif
#ifndef NDIS_SUPPORT_NDIS61
#define NDIS_SUPPORT_NDIS61 (NBX_NDIS_MINOR >= 1)
#endif
#ifndef NDIS_SUPPORT_NDIS620
#define NDIS_SUPPORT_NDIS620 (NBX_NDIS_MINOR >= 20)
#endif
#ifndef NDIS_SUPPORT_NDIS630
#define NDIS_SUPPORT_NDIS630 (NBX_NDIS_MINOR >= 30)
#endif
#ifndef NDIS_SUPPORT_NDIS640
#define NDIS_SUPPORT_NDIS640 (NBX_NDIS_MINOR >= 40)
#endif
#ifndef NDIS_SUPPORT_NDIS650
#define NDIS_SUPPORT_NDIS650 (NBX_NDIS_MINOR >= 50)
#endif
#ifndef NDIS_SUPPORT_NDIS651
#define NDIS_SUPPORT_NDIS651 (NBX_NDIS_MINOR >= 51)
#endif
#ifndef NDIS_SUPPORT_NDIS660
#define NDIS_SUPPORT_NDIS660 (NBX_NDIS_MINOR >= 60)
#endif
#ifndef NDIS_SUPPORT_NDIS670
#define NDIS_SUPPORT_NDIS670 (NBX_NDIS_MINOR >= 70)
#endif
#ifndef NDIS_SUPPORT_NDIS680
#define NDIS_SUPPORT_NDIS680 (NBX_NDIS_MINOR >= 80)
#endif
#ifndef NDIS_SUPPORT_NDIS681
#define NDIS_SUPPORT_NDIS681 (NBX_NDIS_MINOR >= 81)
#endif
#ifndef NDIS_SUPPORT_NDIS682
#define NDIS_SUPPORT_NDIS682 (NBX_NDIS_MINOR >= 82)
#endif
#ifndef NDIS_SUPPORT_NDIS683
#define NDIS_SUPPORT_NDIS683 (NBX_NDIS_MINOR >= 83)
#endif
#ifndef NDIS_SUPPORT_NDIS684
#define NDIS_SUPPORT_NDIS684 (NBX_NDIS_MINOR >= 84)
#endif
#ifndef NDIS_SUPPORT_NDIS685
#define NDIS_SUPPORT_NDIS685 (NBX_NDIS_MINOR >= 85)
#endif
#ifndef NDIS_SUPPORT_NDIS686
#define NDIS_SUPPORT_NDIS686 (NBX_NDIS_MINOR >= 86)
#endif
#ifndef NDIS_SUPPORT_NDIS687
#define NDIS_SUPPORT_NDIS687 (NBX_NDIS_MINOR >= 87)
#endif
#ifndef NDIS_SUPPORT_NDIS688
#define NDIS_SUPPORT_NDIS688 (NBX_NDIS_MINOR >= 88)
#endif
#ifndef NDIS_SUPPORT_NDIS689
#define NDIS_SUPPORT_NDIS689 (NBX_NDIS_MINOR >= 89)
#endif
#define NDIS_MAJOR_VERSION 6
#define NDIS_MINOR_VERSION NBX_NDIS_MINOR
#define NDIS_RUNTIME_VERSION_60 0x00060000
#define NDIS_MINIPORT_MINIMUM_MAJOR_VERSION 5
#define NDIS_MINIPORT_MINIMUM_MINOR_VERSION 0
#define NDIS_PROTOCOL_MINIMUM_MAJOR_VERSION 4
#define NDIS_PROTOCOL_MINIMUM_MINOR_VERSION 0
#define NDIS_FILTER_MINIMUM_MAJOR_VERSION 6
#define NDIS_FILTER_MINIMUM_MINOR_VERSION 0
#define NDIS_LEGACY_DRIVER 0
#define NDIS_LEGACY_MINIPORT 0
#define NDIS_LEGACY_PROTOCOL 0
#ifndef NDIS_SUPPORT_60_COMPATIBLE_API
#define NDIS_SUPPORT_60_COMPATIBLE_API 1
#endif
#ifndef NDIS_WDM
#define NDIS_WDM 0
#endif
#endif

// SPDX-License-Identifier: MIT
// Every NDIS header compiles by itself, in C and in C++, and as every NDIS version.
//
// The compiler that the project needs anyway is run on a file that includes one header and nothing else.
#include <stdio.h>
#include <stdlib.h>

#include "harness/harness.h"

#define FLAGS                                                                                                          \
    " -fsyntax-only -fms-extensions -fdeclspec -fshort-wchar -mms-bitfields -Wall -Wextra -Werror -Wno-microsoft"       \
    " -Wno-microsoft-anon-tag -Wno-unused-parameter -I" NBX_SOURCE_DIR "/include/ddk -"

static const char *const headers[] = {
    "ndisndk.h", "ndkpi.h", "ndkinfo.h",
    "ndis.h", "ndischimney.h", "ntddndis.h", "xfilter.h", "ndis/version.h", "ndis/types.h", "ndis/status.h", "ndis/nblinfo.h",
    "ndis/nbl.h", "ndis/nblapi.h", "ndis/ndl/nblqueue.h", "ndis/ndl/nblclassify.h", "ndis/lock.h", "ndis/memory.h", "ndis/timer.h",
    "ndis/config.h", "ndis/oid.h", "ndis/media.h", "ndis/stats.h", "ndis/offload.h", "ndis/rss.h", "ndis/pm.h",
    "ndis/hdsplit.h", "ndis/recvfilter.h", "ndis/ports.h", "ndis/nicswitch.h", "ndis/qos.h", "ndis/ndk.h", "ndis/isolation.h",
    "ndis/timestamp.h", "ndis/wmi.h", "ndis/oidrequest.h", "ndis/statusindication.h", "ndis/pnp.h", "ndis/driver.h",
    "ndis/dma.h", "ndis/interrupt.h", "ndis/miniport.h", "ndis/protocol.h", "ndis/filter.h", "ndis/im.h",
    "ndis/poll.h",
};

static void compile(const char *compiler, const char *header, const char *define)
{
    char command[2048];
    snprintf(command, sizeof command, "printf '#include <%s>\\n' | clang-19 %s %s" FLAGS, header, compiler, define);
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

TEST_TIMEOUT(300, each_ndis_header_compiles_alone_in_c)
{
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        compile("-x c -std=gnu17", headers[i], "");
}

TEST_TIMEOUT(300, each_ndis_header_compiles_alone_in_cpp)
{
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        compile("-x c++ -std=c++17", headers[i], "");
}

TEST_TIMEOUT(300, ndis_h_compiles_as_every_version)
{
    static const char *const versions[] = {"60", "61", "620", "630", "640", "650", "660", "670", "680", "683", "685", "689"};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        char define[64];
        snprintf(define, sizeof define, "-DNDIS%s=1", versions[i]);
        compile("-x c -std=gnu17", "ndis.h", define);
        snprintf(define, sizeof define, "-DNDIS%s_MINIPORT=1 -DNDIS_MINIPORT_DRIVER=1", versions[i]);
        compile("-x c -std=gnu17", "ndis.h", define);
    }
}

// A constant that names something undeclared compiles until a driver uses it; so all of them are used here.
TEST_TIMEOUT(60, each_constant_of_the_ndis_headers_is_an_expression)
{
    ck_assert_int_eq(0, system("cd " NBX_SOURCE_DIR "/include/ddk && "
                               "files=$(ls xfilter.h ndis/*.h | grep -v version) && "
                               "names=$(sed -n 's/^#define \\([A-Za-z_0-9]*\\) ..*/\\1/p' $files | sort -u | "
                               "grep -v '^NBX_\\|^NDISAPI$') && "
                               "test $(echo \"$names\" | wc -l) -gt 1000 && "
                               "{ echo '#include <ndis.h>'; echo 'void use(void) {'; for n in $names; do echo \"(void)($n);\"; done; "
                               "echo '}'; } | clang-19 -x c -std=gnu17 -w" FLAGS));
}

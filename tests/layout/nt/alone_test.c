// SPDX-License-Identifier: MIT
// Every header of include/ddk compiles by itself, in C and in C++, with the warnings of the build as errors.
//
// The list is read from the folder, so that a new header is tested without a word here. One compiler run takes one header;
// the same is done once more for all of the kernel's headers behind the C library's, because the runtime includes both.
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"

#define FLAGS \
    " -fsyntax-only -fms-extensions -fdeclspec -fshort-wchar -mms-bitfields -Wall -Wextra -Werror -Wno-microsoft" \
    " -Wno-microsoft-anon-tag -I" NBX_SOURCE_DIR "/include/ddk -"

static void compile(const char *before, const char *header, const char *language)
{
    char command[2048];

    snprintf(command, sizeof command, "printf '%s#include <%s>\\n' | clang-19 %s" FLAGS, before, header, language);
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

static void compile_folder(const char *folder, const char *language)
{
    static const char root[] = NBX_SOURCE_DIR "/include/ddk/";
    char pattern[1024];
    glob_t found;

    snprintf(pattern, sizeof pattern, "%s%s*.h", root, folder);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *header = found.gl_pathv[i] + sizeof root - 1;
        compile(strcmp(header, "poppack.h") ? "" : "#include <pshpack1.h>\\n", header, language);   // one ends what the other begins
    }
    globfree(&found);
}

TEST_TIMEOUT(300, each_ddk_header_compiles_alone_in_c)
{
    compile_folder("", "-x c -std=gnu17");
    compile_folder("wdm/", "-x c -std=gnu17");
}

TEST_TIMEOUT(300, each_ddk_header_compiles_alone_in_cpp)
{
    compile_folder("", "-x c++ -std=c++17");
    compile_folder("wdm/", "-x c++ -std=c++17");
}

TEST_TIMEOUT(300, kernel_headers_compile_in_a_checked_build)
{
    compile("#define DBG 1\\n", "ntifs.h", "-x c -std=gnu17");
    compile("#define DBG 1\\n", "ntifs.h", "-x c++ -std=c++17");
}

TEST_TIMEOUT(300, ddk_headers_live_beside_the_c_library)
{
    static const char *const headers[] = {"ntifs.h", "ws2ipdef.h", "ip2string.h", "ntstrsafe.h"};
    static const char libc[] =
        "#define _GNU_SOURCE 1\\n#include <stdint.h>\\n#include <stdio.h>\\n#include <stdlib.h>\\n#include <string.h>\\n"
        "#include <unistd.h>\\n#include <pthread.h>\\n#include <poll.h>\\n#include <sys/mman.h>\\n#include <sys/socket.h>\\n"
        "#include <netinet/in.h>\\n#include <arpa/inet.h>\\n#include <net/if.h>\\n#include <signal.h>\\n#include <time.h>\\n";

    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        compile(libc, headers[i], "-x c -std=gnu17");
}

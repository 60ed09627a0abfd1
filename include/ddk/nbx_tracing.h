// SPDX-License-Identifier: MIT
// WPP software tracing, switched off, as on a machine where nobody listens. On Windows the WPP preprocessor writes a .tmh file for each
// source file; here every .tmh includes this one (ndisbox build), and the trace functions of a project, which only its own configuration
// names, are generated to nothing beside it.
// Sources: [windows-driver-docs devtest/wpp-init-tracing], [devtest/wpp-cleanup], [devtest/adding-wpp-software-tracing-to-a-windows-driver].
#ifndef NBX_DDK_TRACING_H
#define NBX_DDK_TRACING_H

// Calls, on Windows: what is between the parentheses is evaluated once. The number of arguments differs by kind of driver.
#define WPP_INIT_TRACING(...) ((void)(0 __VA_OPT__(, ) __VA_ARGS__))
#define WPP_CLEANUP(...) ((void)(0 __VA_OPT__(, ) __VA_ARGS__))
// Flags and levels are names of the project's own; nobody has enabled any.
#define WPP_LEVEL_ENABLED(...) 0
#define WPP_FLAG_ENABLED(...) 0
#define WPP_LEVEL_FLAGS_ENABLED(...) 0
#define WPP_FLAGS_ENABLED(...) 0

#endif

# SPDX-License-Identifier: MIT
# Every folder tests/<layer>/<room> is one test program of the name <layer>_<room>; its files register their tests by themselves
# (tests/harness/harness.h). A file tests/<layer>/<room>/LABELS may name CTest labels ("threads" puts it into the tsan run).
enable_testing()
file(GLOB harness_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/harness/*.c)
foreach(layer unit ddi flow sim layout)
  file(GLOB dirs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${layer}/*)
  foreach(dir ${dirs})
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
    if(IS_DIRECTORY ${dir} AND sources)
      get_filename_component(room ${dir} NAME)
      set(name ${layer}_${room})
      nbx_program(${name} ${sources} ${harness_sources})
      target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests ${dir})
      target_link_libraries(${name} PRIVATE PkgConfig::CHECK)
      target_compile_definitions(${name} PRIVATE NBX_DRIVER_DIR="${PROJECT_BINARY_DIR}/drivers" NBX_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                                 NBX_TOOL="${PROJECT_BINARY_DIR}/ndisbox")
      set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
      if(room STREQUAL "tool" AND TARGET ndisbox)
        add_dependencies(${name} ndisbox)   # these tests run the built tool
      endif()
      add_test(NAME ${name} COMMAND ${name})
      set(labels ${layer})
      if(EXISTS ${dir}/LABELS)
        file(STRINGS ${dir}/LABELS more)
        list(APPEND labels ${more})
      endif()
      set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 600)
    endif()
  endforeach()
endforeach()

# tests/tools/*_test.py: the generator, tidy and mutate, on small made-up trees.
file(GLOB tool_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/tools/*_test.py)
foreach(script ${tool_tests})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME tools_${name} COMMAND ${Python3_EXECUTABLE} ${script})
  set_tests_properties(tools_${name} PROPERTIES LABELS "tools" TIMEOUT 120)
endforeach()

# tests/net/*.sh: real Linux peers in namespaces that the script makes itself; 77 means skipped, and says why.
file(GLOB net_scripts CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/net/*_test.sh)
foreach(script ${net_scripts})
  get_filename_component(name ${script} NAME_WE)
  add_test(NAME net_${name} COMMAND bash ${script} $<TARGET_FILE:ndisbox> ${PROJECT_SOURCE_DIR})
  set_tests_properties(net_${name} PROPERTIES LABELS "net" SKIP_RETURN_CODE 77 TIMEOUT 300 RUN_SERIAL ON)
endforeach()

# tests/fuzz/NAME_fuzz.c: one libFuzzer target each, in the fuzz preset only (the core is instrumented for coverage there).
if(NBX_SANITIZE MATCHES "fuzzer")
  add_custom_target(fuzz)
  file(GLOB fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*_fuzz.c)
  foreach(source ${fuzz_sources})
    get_filename_component(name ${source} NAME_WE)
    string(REGEX REPLACE "_fuzz$" "" name ${name})
    nbx_program(fuzz_${name} ${source})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_dependencies(fuzz fuzz_${name})
  endforeach()
endif()

# tests/bench/*_bench.c: measurements, built only when asked for by name, never part of pass or fail.
file(GLOB bench_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/bench/*_bench.c)
foreach(source ${bench_sources})
  get_filename_component(name ${source} NAME_WE)
  nbx_program(${name} ${source})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests EXCLUDE_FROM_ALL ON)
endforeach()

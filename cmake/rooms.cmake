# SPDX-License-Identifier: MIT
# The rooms of src/: each is an object library that sees only what the include table (docs/map.md) allows; `dev tidy` checks it.
# All of them together are ndisbox_core, which a program takes whole, because drivers find the DDI in it by name at load time.

set(NBX_ROOMS base host sim wire engine stack nt ndis tdi verify loader nbx)
add_library(ndisbox_core STATIC)
foreach(room ${NBX_ROOMS})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${room}/*.c ${PROJECT_SOURCE_DIR}/src/${room}/*.S)
  target_sources(ndisbox_core PRIVATE ${sources})
endforeach()
target_include_directories(ndisbox_core PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/ddk)
target_link_libraries(ndisbox_core PUBLIC Threads::Threads PkgConfig::DW PkgConfig::PCAP PkgConfig::JANSSON PkgConfig::YAML PkgConfig::XML PkgConfig::ISAL dl m)

# The engines once more, for the drivers that carry them: such an image takes what it needs and shares nothing with the core.
file(GLOB_RECURSE engine_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/engine/*.c ${PROJECT_SOURCE_DIR}/src/base/*.c)
add_library(nbx_engine STATIC ${engine_sources})
target_include_directories(nbx_engine PUBLIC ${PROJECT_SOURCE_DIR}/src)
target_link_libraries(nbx_engine PUBLIC PkgConfig::ISAL)

# The DDI table generates the doors that refuse, the export list and the rows of `ndisbox ddi` (tools/gen/ddi.py). It reads the
# front doors too: a function that a ddi_*.c defines loses its refusing door in the same build.
set(NBX_GEN ${PROJECT_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${NBX_GEN})
file(GLOB_RECURSE NBX_DDI_INPUTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ddi/*.ddi ${PROJECT_SOURCE_DIR}/src/ddi_*.c
     ${PROJECT_SOURCE_DIR}/include/ddk/*.h ${PROJECT_SOURCE_DIR}/docs/facts/usage.tsv)
# A file that disappears must run the generator too: the list of its inputs is one of them.
file(CONFIGURE OUTPUT ${NBX_GEN}/ddi_inputs.txt CONTENT "${NBX_DDI_INPUTS}" @ONLY)
add_custom_command(
  OUTPUT ${NBX_GEN}/ddi_exports.list ${NBX_GEN}/ddi_doors.c ${NBX_GEN}/ddi_table.c ${NBX_GEN}/ddi_ids.h
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen/ddi.py --source ${PROJECT_SOURCE_DIR} --out ${NBX_GEN}
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/gen/ddi.py ${NBX_DDI_INPUTS} ${NBX_GEN}/ddi_inputs.txt
  COMMENT "Generating the DDI doors and tables")
file(GLOB NBX_WORD_INPUTS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/ddk/ntddndis.h ${PROJECT_SOURCE_DIR}/include/ddk/ndis/*.h
     ${PROJECT_SOURCE_DIR}/include/ddk/ntstatus.h ${PROJECT_SOURCE_DIR}/include/ddk/ntstatus/*.h)
add_custom_command(
  OUTPUT ${NBX_GEN}/ndis_words.c
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen/words.py --source ${PROJECT_SOURCE_DIR} --out ${NBX_GEN}/ndis_words.c
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/gen/words.py ${NBX_WORD_INPUTS}
  COMMENT "Generating the names of OIDs and status values")
target_sources(ndisbox_core PRIVATE ${NBX_GEN}/ndis_words.c)
add_custom_target(nbx_ddi_gen DEPENDS ${NBX_GEN}/ddi_ids.h ${NBX_GEN}/ddi_exports.list)
target_sources(ndisbox_core PRIVATE ${NBX_GEN}/ddi_doors.c ${NBX_GEN}/ddi_table.c)

# The names of OIDs and statuses for stack files, from the headers that drivers see.
file(GLOB_RECURSE NBX_DDK_HEADERS CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/ddk/*.h)
add_custom_command(
  OUTPUT ${NBX_GEN}/stack_constants.c
  COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen/constants.py --source ${PROJECT_SOURCE_DIR} --out ${NBX_GEN}/stack_constants.c
  DEPENDS ${PROJECT_SOURCE_DIR}/tools/gen/constants.py ${NBX_DDK_HEADERS}
  COMMENT "Generating the names of OIDs and statuses")
target_sources(ndisbox_core PRIVATE ${NBX_GEN}/stack_constants.c)
target_include_directories(ndisbox_core PUBLIC ${NBX_GEN})
add_dependencies(ndisbox_core nbx_ddi_gen)

# A program that loads drivers: the whole core, with the DDI names and nbx_* visible to dlopen and nothing else, so that no
# driver binds to one of our internal names by accident.
function(nbx_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE -Wl,--whole-archive ndisbox_core -Wl,--no-whole-archive)
  target_link_options(${name} PRIVATE -Wl,--dynamic-list=${NBX_GEN}/ddi_exports.list)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${NBX_GEN}/ddi_exports.list)
  add_dependencies(${name} ndisbox_core)
endfunction()

# What a user runs, without the tests: the tool and the drivers.
add_custom_target(product)

file(GLOB NBX_TOOL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/ndisbox/*.c)
if(NBX_TOOL_SOURCES)
  # The demo is examples/demo.yaml and what bench sim runs is examples/lifecycle.yaml; both are compiled in.
  foreach(stack IN ITEMS demo:demo lifecycle:lifecycle)
    string(REGEX REPLACE ":.*" "" word ${stack})
    string(REGEX REPLACE ".*:" "" file ${stack})
    set(file ${PROJECT_SOURCE_DIR}/examples/${file}.yaml)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} stack_bytes HEX)
    string(REGEX REPLACE "(..)" "0x\\1," stack_bytes "${stack_bytes}")
    file(CONFIGURE OUTPUT ${NBX_GEN}/${word}_stack.h
      CONTENT "static const char @word@_stack[] = {@stack_bytes@};\n" @ONLY)
  endforeach()
  nbx_program(ndisbox ${NBX_TOOL_SOURCES})
  add_dependencies(product ndisbox)
  target_include_directories(ndisbox PRIVATE ${NBX_GEN})
  target_compile_definitions(ndisbox PRIVATE NBX_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(ndisbox PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  # The manual pages, the JSON Schema and the completion are written from the tables in the tool; a test compares them.
  add_custom_target(docs COMMAND ndisbox docs --write ${PROJECT_SOURCE_DIR} COMMENT "Writing docs/man, the schema and completion")
endif()

# SPDX-License-Identifier: MIT
# The rooms of src/: each is an object library that sees only what the include table (docs/map.md) allows; `dev tidy` checks it.
# All of them together are ndisbox_core, which a program takes whole, because drivers find the DDI in it by name at load time.

set(NBX_ROOMS base host sim wire nt ndis verify loader)
add_library(ndisbox_core STATIC)
foreach(room ${NBX_ROOMS})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${room}/*.c ${PROJECT_SOURCE_DIR}/src/${room}/*.S)
  target_sources(ndisbox_core PRIVATE ${sources})
endforeach()
target_include_directories(ndisbox_core PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/include/ddk)
target_link_libraries(ndisbox_core PUBLIC Threads::Threads PkgConfig::DW PkgConfig::PCAP PkgConfig::JANSSON PkgConfig::YAML dl)

# The DDI table generates the doors that refuse, the export list and the IRQL table (docs/decisions/0002-ddi-table.md).
set(NBX_GEN ${PROJECT_BINARY_DIR}/gen)
file(MAKE_DIRECTORY ${NBX_GEN})
file(GLOB NBX_DDI_TABLES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/ddi/*.ddi)
if(EXISTS ${PROJECT_SOURCE_DIR}/tools/gen/ddi.py)
  add_custom_command(
    OUTPUT ${NBX_GEN}/ddi_exports.list ${NBX_GEN}/ddi_doors.c ${NBX_GEN}/ddi_table.c ${NBX_GEN}/ddi_ids.h
    COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tools/gen/ddi.py --source ${PROJECT_SOURCE_DIR} --out ${NBX_GEN}
    DEPENDS ${PROJECT_SOURCE_DIR}/tools/gen/ddi.py ${NBX_DDI_TABLES}
    COMMENT "Generating the DDI doors and tables")
  add_custom_target(nbx_ddi_gen DEPENDS ${NBX_GEN}/ddi_ids.h)
  target_sources(ndisbox_core PRIVATE ${NBX_GEN}/ddi_doors.c ${NBX_GEN}/ddi_table.c)
  target_include_directories(ndisbox_core PUBLIC ${NBX_GEN})
  add_dependencies(ndisbox_core nbx_ddi_gen)
endif()

# A program that loads drivers: the whole core, with the DDI names visible to dlopen.
function(nbx_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE -Wl,--whole-archive ndisbox_core -Wl,--no-whole-archive)
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
  add_dependencies(${name} ndisbox_core)
endfunction()

file(GLOB NBX_TOOL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tools/ndisbox/*.c)
if(NBX_TOOL_SOURCES)
  nbx_program(ndisbox ${NBX_TOOL_SOURCES})
  set_target_properties(ndisbox PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endif()

# SPDX-License-Identifier: MIT
# The bundled drivers (drivers/*) and the example drivers (examples/hello_*): shared objects that see only include/ddk and,
# where the house says so, nbx/port.h. Only DriverEntry is exported; everything else binds inside the image.

function(nbx_driver name)
  add_library(${name} MODULE ${ARGN})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/drivers)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/include/ddk ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(${name} PRIVATE -include ${PROJECT_SOURCE_DIR}/include/ddk/nbx_forced.h ${NBX_FLAGS_DRIVER})
  target_link_options(${name} PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/driver.map ${NBX_FLAGS_LINK})
  add_dependencies(product ${name})
endfunction()

file(GLOB driver_dirs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/drivers/* ${PROJECT_SOURCE_DIR}/examples/hello_*)
foreach(dir ${driver_dirs})
  if(IS_DIRECTORY ${dir})
    file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
    get_filename_component(name ${dir} NAME)
    # A folder *_common is no driver: its sources go into each driver whose file SHARES names it.
    if(EXISTS ${dir}/SHARES)
      file(STRINGS ${dir}/SHARES shares)
      set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${dir}/SHARES)
      foreach(share ${shares})
        file(GLOB shared_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/drivers/${share}/*.c)
        list(APPEND sources ${shared_sources})
      endforeach()
    endif()
    if(sources AND NOT name MATCHES "_common$")
      nbx_driver(${name} ${sources})
      file(GLOB infs CONFIGURE_DEPENDS ${dir}/*.inf)   # models of what a driver's INF is; the tool reads them from beside the image
      foreach(inf ${infs})
        get_filename_component(inf_name ${inf} NAME)
        configure_file(${inf} ${PROJECT_BINARY_DIR}/drivers/${inf_name} COPYONLY)
      endforeach()
    endif()
  endif()
endforeach()

# Drivers that only tests load (tests/drivers/*): beside the bundled ones, not among them.
file(GLOB test_driver_dirs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/drivers/*)
foreach(dir ${test_driver_dirs})
  file(GLOB sources CONFIGURE_DEPENDS ${dir}/*.c)
  if(IS_DIRECTORY ${dir} AND sources)
    get_filename_component(name ${dir} NAME)
    nbx_driver(test_driver_${name} ${sources})
    set_target_properties(test_driver_${name} PROPERTIES OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test-drivers)
    list(APPEND NBX_TEST_DRIVERS test_driver_${name})
  endif()
endforeach()

# lab_module(NAME [DEPS module...] [LIBS target...])
# src/NAME/*.c as the static library lab_NAME. DEPS are the modules it may
# include; LIBS are libraries of the system. A main.c is left out: tests bring a
# main of their own.
function(lab_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  list(TRANSFORM ARG_DEPS PREPEND lab_)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.c)
  list(FILTER sources EXCLUDE REGEX "/main\\.c$")
  add_library(lab_${name} STATIC ${sources})
  set(LAB_MODULES ${LAB_MODULES} ${name} PARENT_SCOPE)
  target_compile_options(lab_${name} PRIVATE ${LAB_WARNINGS} ${LAB_PATHS})
  target_include_directories(lab_${name} PUBLIC
    ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(lab_${name} PUBLIC
    ${ARG_DEPS} ${ARG_LIBS} Threads::Threads)
endfunction()

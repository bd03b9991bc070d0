# The program: what goes into it beside the modules.
include(LabEmbed)
include(LabPage)
include(LabVersion)

# For app and its tests: lab_version.h.
include_directories(${CMAKE_BINARY_DIR}/generated)

# Where a program that isn't installed finds its scenarios and its sources.
file(RELATIVE_PATH way ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
set_property(SOURCE ${CMAKE_SOURCE_DIR}/src/base/source_tree.c APPEND PROPERTY
  COMPILE_DEFINITIONS LAB_WAY_TO_SOURCES="${way}")

# The parts of the application that are written in Lua.
file(GLOB lua_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lua/*.lua)
foreach(file ${lua_files})
  lab_embed(lab_scenario ${file})
endforeach()

# The files of the page.
if(WEB_UI)
  set(viewer)
  if(WEB_SPEEDSCOPE)
    include(LabSpeedscope)
    lab_fetch_speedscope(viewer ${CMAKE_SOURCE_DIR}/src/page/speedscope)
  endif()
  lab_embed_page(lab_page ${CMAKE_SOURCE_DIR}/src/page/www ${viewer})
  target_compile_definitions(lab_app PRIVATE LAB_WEB_UI)
endif()

# Whoever links the VM sees where Lua resumes a coroutine, raises an error,
# collects garbage and finalizes it, loads a chunk and makes its jumps, moves a
# table, hashes a long string, and reads and compares in its library's loops
# (--wrap), and lets profiles name its functions (-rdynamic).
target_link_options(lab_vm INTERFACE -rdynamic
  -Wl,--wrap=lua_resume -Wl,--wrap=luaD_throw
  -Wl,--wrap=luaC_step -Wl,--wrap=luaC_fullgc
  -Wl,--wrap=luaT_gettmbyobj -Wl,--wrap=lua_load
  -Wl,--wrap=luaF_freeproto
  -Wl,--wrap=luaK_patchlist -Wl,--wrap=luaK_concat -Wl,--wrap=luaK_infix
  -Wl,--wrap=lua_geti -Wl,--wrap=lua_compare
  -Wl,--wrap=luaH_finishset -Wl,--wrap=luaH_set -Wl,--wrap=luaH_setint
  -Wl,--wrap=luaH_resizearray -Wl,--wrap=luaM_realloc_
  -Wl,--wrap=luaS_hashlongstr -Wl,--wrap=luaH_realasize
  -Wl,-u,__wrap_lua_resume,-u,__wrap_luaC_step,-u,__wrap_lua_load
  -Wl,-u,__wrap_luaT_gettmbyobj,-u,__wrap_lua_geti
  -Wl,-u,__wrap_luaS_hashlongstr)
if(LAB_SANITIZE MATCHES thread)
  target_link_options(lab_vm INTERFACE # tsan.c
    -Wl,--wrap=__longjmp_chk -Wl,-u,__wrap___longjmp_chk)
endif()

add_executable(diaglab src/app/main.c)
target_compile_options(diaglab PRIVATE ${LAB_WARNINGS} ${LAB_PATHS})
target_link_libraries(diaglab PRIVATE lab_app)
target_link_options(diaglab PRIVATE -Wl,--build-id)
if(NOT LAB_SANITIZE) # one library less to load; sanitizers bring their own
  target_link_options(diaglab PRIVATE -static-libgcc)
endif()
set_target_properties(diaglab PROPERTIES SKIP_BUILD_RPATH ON
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
# gdb loads what is called as the program plus -gdb.py, where it trusts the
# folder.
configure_file(tools/gdb/diaglab-gdb.py ${CMAKE_BINARY_DIR} COPYONLY)

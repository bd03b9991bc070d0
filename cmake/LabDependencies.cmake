# Libraries from the system. Nothing is vendored.
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(DW REQUIRED IMPORTED_TARGET libdw libelf)
pkg_check_modules(LUA REQUIRED lua5.4)

# lab_static_library(NAME SHARED ARCHIVE...): the target NAME, which is the first
# ARCHIVE that is installed, or else SHARED, a target of a shared library. An
# archive brings only what is used: each shared library costs 0.2 ms at start,
# and 100 KB and more of memory.
function(lab_static_library name shared)
  find_library(${name}_archive NAMES ${ARGN})
  mark_as_advanced(${name}_archive)
  add_library(${name} INTERFACE)
  if(${name}_archive)
    target_link_libraries(${name} INTERFACE ${${name}_archive} m dl)
  else()
    target_link_libraries(${name} INTERFACE ${shared})
  endif()
endfunction()
lab_static_library(lab_uv PkgConfig::UV libuv_a.a libuv.a)
lab_static_library(lab_zlib ZLIB::ZLIB libz.a)

# Only its headers: the library is loaded when the first profile needs names
# (src/stack/libdw.c).
add_library(lab_dw INTERFACE)
target_include_directories(lab_dw SYSTEM INTERFACE ${DW_INCLUDE_DIRS})
target_link_libraries(lab_dw INTERFACE dl)

# Lua is linked statically: its symbols name the frames of the VM, and
# --wrap can see calls to lua_resume from inside the library.
find_library(LUA_STATIC_LIBRARY NAMES liblua5.4.a REQUIRED)
add_library(lab_lua INTERFACE)
target_include_directories(lab_lua SYSTEM INTERFACE ${LUA_INCLUDE_DIRS})
target_link_libraries(lab_lua INTERFACE ${LUA_STATIC_LIBRARY} m dl)

# The heap behind MemStats. Sanitizers bring a malloc of their own, and must
# see our blocks, so their builds use it.
add_library(lab_allocator INTERFACE)
if(LAB_ALLOC STREQUAL "jemalloc")
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
  # Its archive leaves out operator new, for which the shared one loads C++'s
  # library.
  lab_static_library(lab_jemalloc PkgConfig::JEMALLOC libjemalloc_pic.a)
  target_link_libraries(lab_allocator INTERFACE lab_jemalloc)
  target_compile_definitions(lab_allocator INTERFACE LAB_ALLOC_JEMALLOC=1)
elseif(NOT LAB_ALLOC STREQUAL "libc")
  message(FATAL_ERROR "LAB_ALLOC must be jemalloc or libc, not ${LAB_ALLOC}")
endif()

# llhttp: Debian 13 has a library, linked statically for its symbols, as Lua's
# is; Debian 12 ships the C sources with node-llhttp, and we build them as they
# are. Both say <llhttp.h>.
find_library(LLHTTP_STATIC_LIBRARY NAMES libllhttp.a)
find_path(LLHTTP_HEADER_DIR llhttp.h
          PATHS /usr/share/include/llhttp /usr/include REQUIRED)
if(LLHTTP_STATIC_LIBRARY)
  add_library(llhttp INTERFACE)
  target_include_directories(llhttp SYSTEM INTERFACE ${LLHTTP_HEADER_DIR})
  target_link_libraries(llhttp INTERFACE ${LLHTTP_STATIC_LIBRARY})
else()
  find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp REQUIRED)
  add_library(llhttp STATIC ${LLHTTP_SOURCE_DIR}/llhttp.c
              ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c)
  target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_HEADER_DIR})
  target_compile_options(llhttp PRIVATE -w ${LAB_PATHS})
endif()

# Probes for bpftrace, perf and gdb: two macros of SystemTap's, if they are
# there. Each configure looks anew, because the package may come or go later.
option(LAB_USDT "Static probes (src/base/probe.h)" ON)
unset(LAB_SDT_INCLUDE_DIR CACHE)
find_path(LAB_SDT_INCLUDE_DIR sys/sdt.h)
mark_as_advanced(LAB_SDT_INCLUDE_DIR)
if(LAB_USDT AND LAB_SDT_INCLUDE_DIR)
  add_compile_definitions(LAB_USDT=1)
endif()
